"""Completion, hover and problems in an editor, right after `agentflow init` and in the examples."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentflow.operations.init import TEMPLATES, init
from tests.editor.language_server import Editor, editor

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node is missing"
)

ROOT = Path(__file__).parents[2]
MODELINE = "# yaml-language-server: $schema=.agentflow/schemas/agentflow.json\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("editor") / "shop"
    init(root)
    return root


@pytest.fixture(scope="module")
def server(project: Path) -> Iterator[Editor]:
    with editor(project) as started:
        yield started


@pytest.fixture(scope="module")
def write(server: Editor, project: Path) -> Callable[[str], Asking]:
    numbers = itertools.count()
    return lambda text: Asking(server, project / f"{next(numbers)}.yaml", text)


class Asking:
    """A file that is open, with a mark `|` where the cursor is."""

    def __init__(self, server: Editor, path: Path, text: str) -> None:
        before, _, after = f"{MODELINE}{text}".partition("|")
        self._server = server
        self._place = (before.count("\n"), len(before) - before.rfind("\n") - 1)
        self._uri = server.open(path, before + after)

    def offers(self) -> dict[str, str]:
        return self._server.completion(self._uri, *self._place)

    def shows(self) -> str:
        return self._server.hover(self._uri, *self._place)

    def refuses(self) -> list[str]:
        return [
            f"{item['range']['start']['line']}: {item['message']}"
            for item in self._server.problems(self._uri)
        ]


Write = Callable[[str], Asking]
AGENT = "kind: Agent\nname: a\n"


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_project_has_no_problems(template: str, tmp_path: Path, server: Editor) -> None:
    for path in init(tmp_path, template=template):
        if path.suffix == ".yaml":
            assert server.problems(server.open(path)) == []


def test_every_document_of_a_new_project_knows_its_keys(server: Editor, project: Path) -> None:
    path = project / "agentflow.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    uri = server.open(path)
    for key, words in (
        ("targets:", "Where the project can be applied."),
        ("network:", "What tools can reach"),
        ("budget:", "Limits of a run; the first one reached stops it."),
    ):
        line = next(n for n, text in enumerate(lines) if text.startswith(key))
        assert words in server.hover(uri, line, 2)


def test_examples_find_their_schema_by_a_relative_path(server: Editor) -> None:
    # The example of ten lines has no eleventh for it.
    projects = set((ROOT / "examples").rglob("agentflow.yaml")) - {
        ROOT / "examples/ten-lines/agentflow.yaml"
    }
    for path in sorted(projects):
        text = path.read_text(encoding="utf-8")
        assert "$schema=" in text.splitlines()[0]
        uri = server.open(path)
        assert server.problems(uri) == []
        line = next(n for n, row in enumerate(text.splitlines()) if row.startswith("kind:"))
        assert "What this document declares." in server.hover(uri, line, 1)


def test_a_script_is_known_too(server: Editor, project: Path) -> None:
    path = project / "script.yaml"
    wrong = path.read_text(encoding="utf-8").replace("turns:", "turn:")
    uri = server.open(project / "other-script.yaml", wrong)
    assert any("turn" in problem["message"] for problem in server.problems(uri))


def test_kinds_are_offered(write: Write) -> None:
    assert {"Agent", "Flow", "Vault", "Test"} <= set(write("kind: |\n").offers())


def test_keys_are_offered_with_what_they_mean(write: Write) -> None:
    offered = write(f"{AGENT}|\n").offers()
    assert offered["budget"] == "Limits of a run; the first one reached stops it."
    assert {"tools", "mcp", "team", "done", "extends"} <= set(offered)
    assert not {key for key in offered if key.endswith(("+", "-"))}
    assert "schedule" not in offered
    assert "kind" not in offered


def test_tools_are_offered(write: Write) -> None:
    offered = write(f"{AGENT}tools:\n  |\n").offers()
    assert set(offered) == {
        *("bash", "read", "write", "edit", "glob", "grep", "web_search", "web_fetch")
    }
    assert offered["bash"] == "A shell."


def test_words_are_offered(write: Write) -> None:
    offered = write(f"{AGENT}tools:\n  bash: |\n").offers()
    assert {"allow", "ask", "auto", '"off"'} <= set(offered)


def test_a_patch_offers_the_keys_of_the_kind(write: Write) -> None:
    overlay = "kind: Overlay\nname: o\ntarget: prod\npatch:\n  environment/box:\n    |\n"
    offered = set(write(overlay).offers())
    assert {"network", "packages"} <= offered
    assert "tools" not in offered


def test_defaults_offer_the_keys_of_the_kind(write: Write) -> None:
    offered = set(write("kind: Project\nname: p\ndefaults:\n  agent:\n    |\n").offers())
    assert {"budget", "tools", "done"} <= offered
    assert not {"schedule", "name"} & offered


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bu|dget: { usd: 1 }", "Limits of a run; the first one reached stops it."),
        ("budget: { us|d: 1 }", "Dollars at list price."),
        ("uncert|ainty: assume", "What to do when something is unclear"),
        ("mcp: { desk: { oth|ers: ask } }", "For tools of the server not named above."),
        ("done|-: [x]", "taken out of what earlier layers give"),
    ],
)
def test_a_key_shows_what_it_means(text: str, words: str, write: Write) -> None:
    assert words in write(f"{AGENT}{text}\n").shows()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("promt: x", "3: Property promt is not allowed."),
        ("tools: { bash: deny }", '3: Value is not accepted. Valid values: "allow", "ask"'),
        ("repair: many", "3: "),
        ("custom: { x: { run: 'a:b', command: [a] } }", "3: Not together with `run`."),
        ("---\n" + MODELINE + "kind: Flow\nname: f", '5: Missing property "steps".'),
        ("---\n" + MODELINE + "kind: Agnt\nname: f", "5: Value is not accepted."),
    ],
)
def test_a_mistake_is_underlined(text: str, problem: str, write: Write) -> None:
    found = write(f"{AGENT}{text}\n").refuses()
    assert len(found) == 1, found
    assert found[0].startswith(problem)
