"""A large project is checked in parts, and nobody can tell: the same findings as in the whole."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentflow.compiler import parts as parts_module
from agentflow.compiler.outline import LEAVES
from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Diagnostic
from agentflow.lint.engine import scan
from agentflow.lint.registry import RULES
from agentflow.lint.rule import Context
from agentflow.operations import in_parts, traced
from agentflow.operations.callables import ImportedCallables
from agentflow.operations.in_parts import Options, find_in_parts
from agentflow.operations.project import ProjectFiles
from agentflow.operations.spread import Work
from agentflow.operations.traced import Trace, TracedFiles
from tests.support.bad_input import CASES, BadInput

VERSION = "apiVersion: agentflow/v1\n"
PROJECT = f"{VERSION}kind: Project\nname: desk\n"
FILLER = (
    "kind: Agent\nname: filler-{0}\nmodel: claude-opus-5-5\nprompt: You count the letters of {0}.\n"
)
EXAMPLES = {rule.code.id: rule.bad for rule in RULES} | {
    f"{rule.code.id} mended": rule.good for rule in RULES
}
ONE_OF_EACH = {case.code: case for case in CASES if case.target == "local" and not case.variables}
LET_BE = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every file a part, as far as can be."""
    monkeypatch.setattr(parts_module, "PART_FILES", 1)
    monkeypatch.setattr(parts_module, "LEAST_PARTS", 2)
    # Slow among all that the tests have loaded.
    monkeypatch.setattr(in_parts, "_take_away", lambda *, first: None)
    monkeypatch.setattr(traced, "_STARTED", float("inf"))  # whoever edits the code meanwhile
    monkeypatch.setenv("AGENTFLOW_CACHE_DIR", str(tmp_path / "cache"))


# Projects


def documents(text: str, number: int) -> Iterator[tuple[str, str, str]]:
    """Kind, name and text of each document. Leaves are renamed, so that no two are called the same."""
    parts = [p for p in re.split(r"(?m)^---\n", text.replace(VERSION, "")) if p.strip()]
    heads = [dict(re.findall(r"(?m)^(kind|name|abstract): (\S+)", part)) for part in parts]
    names = {head["name"] for head in heads if head["kind"] in LEAVES}
    for part, head in zip(parts, heads, strict=True):
        for name in names:
            part = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", f"{name}-{number}", part)
        name = f"{head['name']}-{number}" if head["name"] in names else head["name"]
        yield head["kind"] if "abstract" not in head else "Base", name, VERSION + part


def write(root: Path, texts: Sequence[str], *, fillers: int = 3) -> None:
    """A project of several: each leaf a file of its own, the others together."""
    root.mkdir(parents=True, exist_ok=True)
    core: dict[tuple[str, str], str] = {}
    for number, text in enumerate(texts):
        for kind, name, part in documents(text, number):
            if kind in LEAVES:
                (root / f"{kind.lower()}-{name}.yaml").write_text(part, encoding="utf-8")
            else:
                core.setdefault((kind, "" if kind == "Project" else name), part)
    for number in range(fillers):
        text = VERSION + FILLER.format(number)
        (root / f"filler-{number}.yaml").write_text(text, encoding="utf-8")
    project = core.pop(("Project", ""), PROJECT)
    rest = "".join("---\n" + part.removeprefix(VERSION) for part in core.values())
    (root / "agentflow.yaml").write_text(project + rest, encoding="utf-8")


def whole(root: Path) -> tuple[Diagnostic, ...]:
    files = ProjectFiles(root)
    with ImportedCallables(root) as callables:
        built, problems = build(files, environ=os.environ, callables=callables)
    assert built.graph is not None
    context = Context(graph=built.graph, compiled=built.compiled, files=files)
    return scan(context, found=problems)


def in_pieces(root: Path, *, keep: bool = False, jobs: int = 1) -> tuple[Diagnostic, ...] | None:
    trace = Trace()
    files = TracedFiles(root, trace)
    names = sorted(files.candidates())
    found = find_in_parts(files, trace, Options("local", {}, ()), names, keep=keep, jobs=jobs)
    return None if found is None else found.found


# The laws


@pytest.mark.parametrize("name", [rule.code.id for rule in RULES])
def test_an_example_of_each_rule_says_the_same(name: str, tmp_path: Path) -> None:
    write(tmp_path / "desk", [EXAMPLES[name]])
    found = in_pieces(tmp_path / "desk")
    assert found is None or found == whole(tmp_path / "desk")


def test_almost_every_rule_can_be_told_from_parts(tmp_path: Path) -> None:
    """Without this, the law above would hold for parts that never tell anything."""
    silent = []
    some = RULES[::4]
    for rule in some:
        root = tmp_path / rule.code.id
        write(root, [rule.good], fillers=5)
        if in_pieces(root) is None:
            silent.append(rule.code.id)
    assert len(silent) <= len(some) // 5, silent


@LET_BE
@given(names=st.lists(st.sampled_from(sorted(EXAMPLES)), min_size=2, max_size=5, unique=True))
def test_projects_of_many_say_the_same(
    names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("many")
    write(root, [EXAMPLES[name] for name in names])
    found = in_pieces(root)
    assert found is None or found == whole(root)


@pytest.mark.parametrize("case", ONE_OF_EACH.values(), ids=ONE_OF_EACH)
def test_what_is_wrong_with_one_spec_says_the_same(case: BadInput, tmp_path: Path) -> None:
    """Errors too are told from the parts, as far as they do."""
    root = tmp_path / "desk"
    write(root, [])
    case.write(root)
    found = in_pieces(root)
    assert found is None or found == whole(root)


def _by_others(order: random.Random) -> Callable[..., dict[int, bytes]]:
    """`spread` without processes: in any order, some by copies, and some of what these did is lost."""

    def spread(number: int, work: Work, *, jobs: int) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for item in order.sample(range(number), number):
            done = work(item, order.randrange(jobs) > 0)
            if order.random() < 0.8:
                found[item] = done.data
            if done.is_enough:
                break
        return found

    return spread


@LET_BE
@given(
    names=st.lists(st.sampled_from(sorted(EXAMPLES)), min_size=1, max_size=4, unique=True),
    wrong=st.none() | st.sampled_from(sorted(ONE_OF_EACH)),
    jobs=st.integers(2, 5),
    order=st.randoms(use_true_random=False),
)
def test_several_processes_say_the_same(
    names: list[str],
    wrong: str | None,
    jobs: int,
    order: random.Random,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("spread")
    write(root, [EXAMPLES[name] for name in names])
    if wrong is not None:
        ONE_OF_EACH[wrong].write(root)
    alone = in_pieces(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_parts, "_SPREAD", 1)
        patch.setattr(in_parts, "spread", _by_others(order))
        assert in_pieces(root, jobs=jobs, keep=True) == alone
    assert in_pieces(root, keep=True) == alone


def _changed(root: Path, kind: str, number: int, text: str) -> None:
    """One edit of a project, as somebody would make it."""
    files = sorted(root.glob("*.yaml"))
    file = files[number % len(files)]
    before = file.read_text(encoding="utf-8")
    if kind == "append":
        file.write_text(f"{before}# {number}\n", encoding="utf-8")
    elif kind == "ignore":
        ignore = "# agentflow: ignore-file[AF801, AF501, AF705] enough\n"
        file.write_text(ignore + before, encoding="utf-8")
    elif kind == "delete" and file.name != "agentflow.yaml":
        file.unlink()
    elif kind == "rename":
        named = re.sub(r"(?m)^name: (\S+)", rf"name: other-{number}", before, count=1)
        file.write_text(named, encoding="utf-8")
    elif kind == "title":
        file.write_text(f"{before}title: Clerk\n", encoding="utf-8")
    elif kind == "misspell":
        file.write_text(before.replace("prompt:", "promt:"), encoding="utf-8")
    elif kind == "break":
        file.write_text(f"{before}nonsense: [\n", encoding="utf-8")
    elif kind == "add":
        for which, name, part in documents(text, 100 + number):
            (root / f"new-{which.lower()}-{name}.yaml").write_text(part, encoding="utf-8")


EDITS = st.tuples(
    st.sampled_from(
        ["append", "append", "ignore", "delete", "rename", "title", "break", "misspell", "add"]
    ),
    st.integers(0, 20),
    st.sampled_from(sorted(EXAMPLES)),
)


@LET_BE
@given(
    names=st.lists(st.sampled_from(sorted(EXAMPLES)), min_size=1, max_size=3, unique=True),
    edits=st.lists(EDITS, min_size=1, max_size=3),
)
def test_after_every_edit_what_is_kept_says_the_same(
    names: list[str],
    edits: list[tuple[str, int, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("edited")
    write(root, [EXAMPLES[name] for name in names])
    in_pieces(root, keep=True)
    for kind, number, name in edits:
        _changed(root, kind, number, EXAMPLES[name])
        found = in_pieces(root, keep=True)
        assert found is None or found == whole(root)


# What is done again, and what is not


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[frozenset[str]]:
    """The agents of each part that was checked."""
    seen: list[frozenset[str]] = []

    def noted(context: Context, *, found: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
        seen.append(frozenset(context.graph.agents))
        return scan(context, found=found)

    monkeypatch.setattr(in_parts, "scan", noted)
    return seen


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    write(tmp_path / "desk", [], fillers=8)
    return tmp_path / "desk"


def test_only_the_part_that_has_changed_is_checked_again(
    desk: Path, looked_at: list[frozenset[str]]
) -> None:
    first = in_pieces(desk, keep=True)
    assert first is not None
    assert frozenset().union(*looked_at) == {f"filler-{number}" for number in range(8)}
    looked_at.clear()
    assert in_pieces(desk, keep=True) == first
    assert looked_at == []
    _append(desk / "filler-3.yaml", "uncertainty: stop\n")
    again = in_pieces(desk, keep=True)
    assert again == whole(desk) != first
    assert len(looked_at) == 1
    assert "filler-3" in looked_at[0]


def test_a_change_of_what_all_use_has_all_checked_again(
    desk: Path, looked_at: list[frozenset[str]]
) -> None:
    in_pieces(desk, keep=True)
    parts = len(looked_at)
    _append(desk / "agentflow.yaml", "defaults: { agent: { uncertainty: stop } }\n")
    assert in_pieces(desk, keep=True) == whole(desk)
    assert len(looked_at) == 2 * parts


def test_files_beside_a_spec_count(desk: Path, looked_at: list[frozenset[str]]) -> None:
    (desk / "letters.md").write_text("You count letters.\n", encoding="utf-8")
    text = (desk / "filler-3.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^prompt: .*", "prompt: ./letters.md", text)
    (desk / "filler-3.yaml").write_text(text, encoding="utf-8")
    in_pieces(desk, keep=True)
    looked_at.clear()
    (desk / "letters.md").write_text("TODO\n", encoding="utf-8")
    assert in_pieces(desk, keep=True) == whole(desk)
    assert len(looked_at) == 1


def test_what_code_has_to_be_asked_is_left_to_the_first_process(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies ask nobody: what runs code of the project is ended by the first process."""
    code = "def made():\n    def count(letters: int) -> int:\n        'Counts.'\n        return letters\n"
    (desk / "tools.py").write_text(f"{code}    return count\ncount = made()\n", encoding="utf-8")
    _append(desk / "filler-3.yaml", "custom: { count: { run: 'tools:count', timeout: 1s } }\n")
    left: list[int] = []

    def spread(number: int, work: Work, *, jobs: int) -> dict[int, bytes]:
        found = {item: work(item, True).data for item in range(number)}
        left.extend(item for item, data in found.items() if not data)
        return found

    monkeypatch.setattr(in_parts, "_SPREAD", 1)
    monkeypatch.setattr(in_parts, "spread", spread)
    assert in_pieces(desk, jobs=2) == whole(desk)
    assert len(left) == 1


def test_environment_variables_count(
    desk: Path, looked_at: list[frozenset[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _append(desk / "filler-3.yaml", "description: ${env.DESK:-none}\n")
    in_pieces(desk, keep=True)
    looked_at.clear()
    monkeypatch.setenv("DESK", "TODO")
    assert in_pieces(desk, keep=True) == whole(desk)
    assert len(looked_at) == 1


def test_damage_is_no_answer(desk: Path, tmp_path: Path, looked_at: list[frozenset[str]]) -> None:
    first = in_pieces(desk, keep=True)
    parts = len(looked_at)
    [kept] = (tmp_path / "cache" / "parts").iterdir()
    data = kept.read_bytes()
    for damaged in (b"", data[:-1], data.replace(b"AF5", b"AF6"), b"x" + data):
        looked_at.clear()
        kept.write_bytes(damaged)
        assert in_pieces(desk, keep=True) == first
        assert len(looked_at) == parts


def test_two_of_one_title_in_different_parts_are_seen(desk: Path) -> None:
    for number in range(6):
        _append(desk / f"filler-{number}.yaml", "title: Counter\n")
    assert in_pieces(desk) is None
    assert "AF1005" in {problem.code for problem in whole(desk)}


@pytest.mark.parametrize(
    ("line", "alone"),
    [("environment: nowhere", False), ("nonsense: [", False), ("nonsense: 1", True)],
)
def test_some_errors_have_the_whole_checked(desk: Path, line: str, alone: bool) -> None:
    _append(desk / "filler-3.yaml", f"{line}\n")
    found = in_pieces(desk)
    assert found == (whole(desk) if alone else None)


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
