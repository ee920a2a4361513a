"""The schemas and the compiler judge alike: every example, every bad case, and hundreds of mistakes."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentflow.codes import CODES
from agentflow.compiler.pipeline import build
from agentflow.operations.project import ProjectFiles
from agentflow.source.yaml import parse
from agentflow.spec.base import SpecModel
from agentflow.spec.kinds import COMPOSED_KINDS, KINDS
from agentflow.spec.schema_rules import RULES
from tests.spec.support import FULL, documents, is_valid, model_of, plain, refused_by, schema
from tests.support.bad_input import CASES, BadInput

ROOT = Path(__file__).parents[2]
PROJECTS = sorted(
    path.parent
    for folder in ("examples", "agentflow/operations/templates", "tests/cases/compile")
    for path in (ROOT / folder).rglob("agentflow.yaml")
)
DOCUMENTS = documents(FULL.read_text(encoding="utf-8"))

Step = str | int


def called(data: Any) -> str:
    return f"{data['kind'].lower()}/{data['name']}"


# What is right


@pytest.mark.parametrize("root", PROJECTS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_project_is_valid(root: Path) -> None:
    files = ProjectFiles(root)
    checked = 0
    for name in files.specs():
        # An agent may also be a Markdown file, or one of the official CLI: those have no `kind`.
        own = [] if name.endswith(".md") else documents(files.read(name))
        for data in [plain(document.data) for document in own if "kind" in document.data]:
            assert list(schema("agentflow.json").iter_errors(data)) == [], name
            assert schema(f"{data['kind'].lower()}.json").is_valid(data), name
            checked += 1
    assert checked


@pytest.mark.parametrize("data", [d.data for d in DOCUMENTS], ids=called)
def test_every_key_of_every_kind_is_valid(data: Any) -> None:
    assert list(schema("agentflow.json").iter_errors(plain(data))) == []
    assert list(schema(f"{data['kind'].lower()}.json").iter_errors(plain(data))) == []


def used(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, SpecModel):
        for name in value.model_fields_set:
            yield type(value).__name__, name
            yield from used(getattr(value, name))
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from used(item)


def models(model: type[SpecModel] = SpecModel) -> Iterator[type[SpecModel]]:
    for sub in model.__subclasses__():
        if not sub.__name__.startswith("_"):
            yield sub
        yield from models(sub)


def test_those_documents_really_use_every_key() -> None:
    told = {
        pair
        for document in DOCUMENTS
        if called(document.data) != "agent/composed"
        for pair in used(model_of(document.data))
    }
    # The older form of a team is in a test below.
    elsewhere = {("TeamSpec", "coordinator")}
    assert {
        (model.__name__, name)
        for model in models()
        for name in model.model_fields
        if name != "apiVersion"
    } - told == elsewhere


@pytest.mark.parametrize(
    "body",
    [
        "model: { effort: high }",  # `id` comes from the defaults
        "prompt: null",
        "extends: base\ntools: null",
        "extends: base\ncustom: { rate: { timeout: 5s, description: null } }",
        "extends: base\nbudget: { usd: null, turns: 5 }",
        "extends: base\napprovals+: [{ tool: bash, answer: allow }]",
        "extends: base\ndone-: [The letters are sorted., { check: 'desk.checks:ok' }]",
        "extends: base\nmcp-: warehouse",
        "extends: base\nmcp: { warehouse: { tools-: [search] }, other-: [auth] }",
        "extends: base\noutputs: { report: { sections+: [Appendix] } }",
        "extends: base\ncustom: { rate: { command: [rate], run: null } }",
        "team: { coordinator: [self], advisor: m }",
        "team: { subagents: [self, writer@3] }",
    ],
)
def test_what_other_layers_may_complete_is_valid(body: str) -> None:
    (document,) = documents(f"kind: Agent\nname: a\n{body}\n")
    assert is_valid(document.data)


@pytest.mark.parametrize(
    "body",
    [
        "extends: base\nmodel+: [x]",  # nothing is appended to a mapping
        "extends: base\nname-: [x]",
        "extends: base\nrepair-: 1",
        "extends: base\nskills+: pdf",
        "extends: base\nskills+: [3]",
        "extends: base\napprovals+: [{ tool: bash }]",
        "extends: base\napprovals: [{ tool: bash, ask: { webhook: 'https://a.org', secret: '${secret.x}' } }]",
        "extends: base\napprovals: [{ tool: bash, ask: { webhook: 'http://a.org', secret: '${secret.x}' }, wait: 1h }]",
        "extends: base\napprovals: [{ tool: bash, ask: { webhook: 'https://a.org', secret: written }, wait: 1h }]",
        "extends: base\napprovals: [{ tool: bash, answer: allow, message+: [x] }]",
        "extends: base\ncustom: { rate: { command: [rate], run: 'desk:rate' } }",
        "extends: base\ncustom: { mcp__rate: { run: 'desk:rate' } }",
        "extends: base\ntools: { web_fetch: { domains: [a.org], blocked: [b.org] } }",
        "extends: ${var.base}",
        "abstract: ${var.abstract}",
        "use: ['${var.toolset}']",
        "team: { coordinator: [self], subagents: [self] }",
        "team: { subagents: [] }",
        "name: null",
    ],
)
def test_what_no_other_layer_can_mend_is_invalid(body: str) -> None:
    name = "" if body.startswith("name") else "name: a\n"
    (document,) = documents(f"kind: Agent\n{name}{body}\n")
    assert not is_valid(document.data)


@pytest.mark.parametrize(
    "body",
    [
        "patch: { agent/*: { kind: Agent } }",
        "patch: { agent/*: { extends: other } }",
        "patch: { agent/*: { network: open } }",
        "patch: { agent/*: { budget: { usd: much } } }",
        "patch: { flow/x: { budget: { usd: 1 } } }",
        "patch: { environment/x: { hosts: [a.org] } }",
    ],
)
def test_an_overlay_is_held_against_the_kind_of_each_address(body: str) -> None:
    (document,) = documents(f"kind: Overlay\nname: o\ntarget: prod\n{body}\n")
    assert not is_valid(document.data)


@pytest.mark.parametrize("target", ["prod", "${var.target}"])
def test_the_targets_of_an_overlay_are_written_out(target: str) -> None:
    patch = {"agent/*": {"budget": {"usd": 1}}}
    data = {"kind": "Overlay", "name": "o", "target": target, "patch": patch}
    assert is_valid(data) is (target == "prod")
    assert is_valid({**data, "target": [target]}) is (target == "prod")


@pytest.mark.parametrize(
    "body", ["agent: { promt: x }", "agent: { name: x }", "agent: { title: x }", "vault: {}"]
)
def test_defaults_are_held_against_their_kind(body: str) -> None:
    (document,) = documents(f"kind: Project\nname: p\ndefaults: {{ {body} }}\n")
    assert not is_valid(document.data)


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ("${secret.token}", True),
        ("Bearer ${secret.token}", True),
        ("abc", False),
        ("${var.token}", False),
        ("${env.TOKEN}", False),
        ("$${secret.token}", False),
    ],
)
def test_a_credential_is_a_secret(value: str, valid: bool) -> None:
    credential = {"url": "https://x.org/mcp", "bearer": value}
    data = {"kind": "Vault", "name": "v", "credentials": {"x": credential}}
    assert is_valid(data) is valid


@pytest.mark.parametrize(
    ("value", "valid"),
    [("${var.x}", True), ("${env.X:-allow}", True), ("$${var.x}", False), ("${HOME}", False)],
)
def test_a_substitution_stands_for_a_word(value: str, valid: bool) -> None:
    assert is_valid({"kind": "Agent", "name": "a", "tools": {"bash": value}}) is valid


# What is wrong

SHAPE = ("AF102", "AF103", "AF104", "AF105", "AF11")
"""Codes, by prefix, of what one document decides."""

NEEDS_MORE = {
    "AF0": "bytes and syntax: there is no document yet",
    "AF101": "which document is the first of its file",
    "AF106": "the other documents of the project",
    "AF107": "the other documents of the project",
    "AF108": "the other documents of the project",
    "AF14": "code, and schemas that stand in files",
    "AF15": "what a text means to the service: hosts, paths, models",
    "AF16": "what a tool says of itself once all layers are merged",
    "AF17": "what a session is about once all layers are merged",
    "AF2": "other documents, values of variables, files and code",
    "AF3": "texts, read as templates",
    "AF4": "a service",
}
"""Codes, by prefix, that one document does not decide, and what it takes. A schema may know better
all the same, as it does where only some words are allowed."""

ELSEWHERE = {
    "missing-key": "defaults, overlays or a base may have the key",
    "empty-value": "null clears what another layer gives",
    "tool-that-nothing-runs": "another layer may say what runs it",
    "prompt-is-empty": "the content of a file",
    "prompt-without-dot": "whether there is such a file",
}
"""Cases whose code is one of shape, and that one document does not decide all the same."""


def texts(case: BadInput) -> Iterator[str]:
    for name, content in case.files.items():
        if name.endswith(".yaml"):
            yield content if isinstance(content, str) else content.decode("utf-8", "replace")


def can_be_read(text: str) -> bool:
    return parse("f.yaml", text).problems == ()


READABLE = [case for case in CASES if all(map(can_be_read, texts(case)))]
OF_SHAPE = [
    case
    for case in READABLE
    # Files of another tool have another schema.
    if case.code.startswith(SHAPE) and not case.id.startswith("ant-")
]


@pytest.mark.parametrize("case", OF_SHAPE, ids=lambda case: case.id)
def test_a_bad_case_has_the_same_verdict(case: BadInput) -> None:
    found = [d.data for text in texts(case) for d in documents(text)]
    assert all(map(is_valid, found)) is (case.id in ELSEWHERE)


def test_every_code_is_judged_by_the_schema_or_for_a_reason_not() -> None:
    for code in CODES:
        found = [prefix for prefix in (*SHAPE, *NEEDS_MORE) if code.startswith(prefix)]
        assert len(found) == 1, code
    assert {case.id for case in OF_SHAPE} > set(ELSEWHERE)
    assert len(OF_SHAPE) > 30


DELETED = object()
VALUES: list[Any] = [
    *(DELETED, None, True, 3, 0, -1, Decimal("2.5"), "", "x", "allow", "none", "./f", "id:agent_1"),
    *("10", "0s", "x" * 3000, [], ["x"], {}, {"x": "y"}, {"x": {}}),
]


def places(value: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*path, index))


def changed(data: Any, path: tuple[Step, ...], value: Any) -> Any:
    data = copy.deepcopy(data)
    parent = data
    for step in path[:-1]:
        parent = parent[step]
    if value is DELETED:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return data


def is_left_to_others(kind: str, value: Any) -> bool:
    """Whether what the model has against the document alone could be given by another layer."""
    if kind not in COMPOSED_KINDS:
        return False
    return value in ({}, {"x": {}}) or value is None or value is DELETED


JUDGED_ELSEWHERE = {"Overlay": "patch", "Project": "defaults"}
"""Keys with parts of other kinds, which the model itself does not look into."""


@pytest.mark.parametrize(
    "data",
    [d.data for d in DOCUMENTS if called(d.data) != "agent/composed"],
    ids=called,
)
def test_a_mistake_anywhere_has_the_same_verdict(data: Any) -> None:
    kind = data["kind"]
    judge = schema(f"{kind.lower()}.json")
    for number, path in enumerate(places(data)):
        if not path or path[0] in ("apiVersion", "kind", JUDGED_ELSEWHERE.get(kind)):
            continue
        # Each place gets some of the values, and each kind of place all of them.
        for value in VALUES[number % 3 :: 3]:
            mistaken = changed(data, path, value)
            problem = refused_by(mistaken)
            if problem is not None and is_left_to_others(kind, value):
                continue
            assert judge.is_valid(plain(mistaken)) is (problem is None), (path, value, problem)


def test_every_validator_that_looks_at_several_keys_has_a_rule() -> None:
    for model in models():
        # A delegation is about nobody only once all layers are known.
        if model.model_checks and model.__name__ != "Delegation":
            assert model in RULES, model
    for model, rules in RULES.items():
        assert rules.whole or rules.layer, model


# What editors show


def properties(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        if node.get("type") == "object":  # and no condition
            for key, value in node.get("properties", {}).items():
                yield f"{path}/{key}", value
        for key, value in node.items():
            if key not in ("allOf", "if", "not"):
                yield from properties(value, f"{path}/{key}")


@pytest.mark.parametrize("name", [f"{kind.lower()}.json" for kind in KINDS] + ["agentflow.json"])
def test_every_property_says_what_it_is(name: str) -> None:
    found = list(properties(schema(name).schema))
    assert len(found) > 5
    for path, value in found:
        text = value.get("description", "")
        assert text.endswith((".", "`")), path
        assert len(text) > 5, path


def test_the_compiler_agrees_about_whole_projects() -> None:
    """Spot check of what the mutations take from the models alone: through all stages."""
    for root in PROJECTS[:3]:
        assert build(ProjectFiles(root), environ={}).problems == ()
