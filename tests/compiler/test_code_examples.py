"""What the catalogue of codes shows as bad is reported with the code; what it shows as good is fine."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from agentflow.codes import CODES
from agentflow.compiler.pipeline import build
from agentflow.operations.callables import ImportedCallables
from agentflow.operations.project import ProjectFiles
from agentflow.source.yaml import parse

Files = dict[str, str]

API = "apiVersion: agentflow/v1\n"
PROJECT = f"{API}kind: Project\nname: shop\n"
REST_OF_PROJECT = (
    "vars: { company: { default: x }, team: { default: y }, days: { type: integer, default: 7 }, "
    "strict: { type: boolean, default: true } }\n"
    "targets: { prod: { service: local } }\nsecrets: { crm: 'env:CRM_TOKEN' }\n"
)
MODEL = "model: claude-opus-5-5\n"
AGENT = f"{API}kind: Agent\nname: a\n"
WORKS = "prompt: Work.\n"
OTHERS = (
    f"kind: Agent\nname: writer\n{MODEL}{WORKS}",
    "kind: Agent\nname: base\nabstract: true\n",
    "kind: Environment\nname: box\n",
    "kind: Toolset\nname: one\ntools: { read: allow }\n",
    "kind: Toolset\nname: other\ntools: { read: ask }\n",
)
"""Specs that examples refer to."""
BESIDE = {
    "prompts/analyst.md": "Work.\n",
    "base.md": "Work.\n",
    "rules.md": "Be brief.\n",
    "report.schema.json": "{}\n",
    "desk/__init__.py": "",
    "desk/checks.py": "def totals(outputs): ...\n",
    "desk/tools.py": 'def rate(currency: str) -> str:\n    """A rate."""\n\n'
    'def shell() -> str:\n    """A shell."""\n',
}
NO_FILE = {
    "AF024": "`agentflow fmt` raises it",
    "AF140": "a run raises it",
    "AF171": "is about the files of a skill",
    "AF204": "is about the environment",
    "AF210": "is about the command line",
    "AF227": "is about an overlay and the target it changes",
    "AF228": "is about the command line",
    "AF229": "shows two places, of which the second mends the first",
    "AF406": "is about what the service has",
}
"""Codes whose examples are no file of a project, and why."""
IN_CONTEXT = [code for code in CODES if "AF262" < code < "AF3" or code in ("AF312", "AF313")]
"""Codes whose examples are parts of specs that have to fit each other: their tests have the whole."""


def example(code: str, which: str) -> str | None:
    found = re.search(rf"^{which}:\n((?:    .*\n?|\n)+)", CODES[code].explanation, re.M)
    return None if found is None else re.sub(r"^    ", "", found[1], flags=re.M).rstrip() + "\n"


# Projects around examples


def _template(text: str) -> Files:
    outputs = "outputs: { r: { path: r.md } }\n" if "outputs_section" in text else ""
    return {"a.yaml": f"{AGENT}{MODEL}{outputs}prompt: ./p.md\n", "p.md": text}


def _function(text: str) -> Files:
    use = "custom: { rate: { run: 'desk.tools:rate' } }\n"
    if "complete" in text:
        use = "done: [{ check: 'desk.tools:complete' }]\n"
    return {"a.yaml": AGENT + MODEL + WORKS + use, "desk/tools.py": text}


def _schema_file(text: str) -> Files:
    output = "outputs: { r: { path: r.json, schema: ./r.json } }\n"
    return {"a.yaml": AGENT + MODEL + WORKS + output, "r.json": text}


def _documents(text: str) -> Files:
    text = re.sub(r"(?m)^(kind: Agent\nname: \w+\n)", rf"\1{MODEL}{WORKS}", text)
    if "kind: Overlay" in text:
        text += "patch: { agent/writer: { budget: { usd: 1 } } }\n"
    return {"a.yaml": text}


def _project(text: str) -> Files:
    return {"agentflow.yaml": PROJECT + text}


def _custom(text: str) -> Files:
    own = (
        ""
        if "input_schema" in text
        else ", input_schema: { type: object, properties: { currency: {} } }"
    )
    tool = f"command: [rate], description: A rate.{own}, {text.strip()}"
    return {"a.yaml": f"{AGENT}{MODEL}{WORKS}custom: {{ rate: {{ {tool} }} }}\n"}


def _agent(text: str) -> Files:
    inputs = "inputs: { region: {} }\n" if "inputs." in text else ""
    model = "" if text.startswith("model:") else MODEL
    prompt = "" if re.search(r"^prompt:", text, re.M) else WORKS
    return {"a.yaml": AGENT + model + prompt + inputs + text}


def _of(kind: str) -> Callable[[str], Files]:
    return lambda text: {"a.yaml": f"{API}kind: {kind}\n{text}"}


AROUND: tuple[tuple[str, Callable[[str], Files]], ...] = (
    (r"\{[{%#]|You |Work ", _template),
    (r"def |class ", _function),
    (r'\[|\{ "', _schema_file),
    (r"apiVersion:|%YAML|kind:", _documents),
    (r"vars:|targets:", _project),
    (r"network:|packages:", _of("Environment\nname: e")),
    (r"credentials:", _of("Vault\nname: v")),
    (r"patch:", _of("Overlay\nname: o\ntarget: local")),
    (r"arguments:|input_schema:", _custom),
    (r"", _agent),
)
"""How an example begins, and what makes files of it."""


def files_of(code: str, text: str) -> Files:
    around = next(make for begins, make in AROUND if re.match(begins, text))
    made = around(API + text if text.startswith("kind:") and code != "AF101" else text)
    heads = re.findall(r"^kind: .*\nname: .*\n", text, re.M)
    others = [part for part in OTHERS if not part.startswith(tuple(heads))]
    beside = {
        "agentflow.yaml": PROJECT + REST_OF_PROJECT,
        "others.yaml": API + "---\n".join(others),
    }
    return BESIDE | beside | made


def codes_of(files: Files, root: Path) -> set[str]:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with ImportedCallables(root) as callables:
        _, problems = build(ProjectFiles(root), environ={}, callables=callables)
    return {problem.code for problem in problems}


SHOWN = [code for code in CODES if code not in {*NO_FILE, *IN_CONTEXT} and example(code, "Bad")]


@pytest.mark.parametrize("code", SHOWN)
def test_what_is_shown_as_bad_is_reported_and_what_is_shown_as_good_is_not(
    code: str, tmp_path: Path
) -> None:
    bad, good = example(code, "Bad"), example(code, "Good")
    assert bad is not None
    assert good is not None
    assert code in codes_of(files_of(code, bad), tmp_path / "bad")
    assert not codes_of(files_of(code, good), tmp_path / "good")


@pytest.mark.parametrize("code", IN_CONTEXT)
def test_what_is_shown_of_specs_that_fit_can_be_read(code: str) -> None:
    for which in ("Bad", "Good"):
        text = example(code, which)
        assert text is not None
        if not text.startswith("{"):  # a template
            assert parse("f.yaml", text).problems == (), text
