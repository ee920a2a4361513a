"""docs/composition.md is one project: its tables hold, and its commands print what is shown.

Files are added in the order of the page, so a command sees those above it. AGENTFLOW_UPDATE=1 writes
the outputs again.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from agentflow.cli.main import main
from agentflow.compiler.pipeline import build
from agentflow.source.yaml import parse
from agentflow.spec.kinds import COMPOSED_KINDS, FIXED_KEYS
from tests.support.cli import ROOT
from tests.support.memory_files import MemoryFiles

PAGE = ROOT / "docs" / "composition.md"
BLOCK = re.compile(r"^```(yaml|console)\n(.*?)^```$", re.M | re.S)
ROW = re.compile(r"^\| `(.+?)` \| `(.+?)` \| (?:`(.+)`|nothing) \|$", re.M)
KEY = re.compile(r"^(\w+)([+-]?)(:.*)$")


def printed(command: str, capfd: pytest.CaptureFixture[str]) -> str:
    """The line that starts a command, and what it prints, the problems last. It may end in `| grep`."""
    words, _, wanted = command.partition(" | grep ")
    main(shlex.split(words)[1:])
    shown = capfd.readouterr()
    lines = [line.rstrip() for line in (shown.out + shown.err).splitlines() if wanted in line]
    return "\n".join([f"$ {command}", *lines]).rstrip() + "\n"


def test_the_commands_print_what_is_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    text = PAGE.read_text(encoding="utf-8")

    def made(match: re.Match[str]) -> str:
        language, body = match.groups()
        if language == "yaml":
            name = body.splitlines()[0].removeprefix("# ")
            assert re.fullmatch(r"\w+\.yaml", name)
            (tmp_path / name).write_text(body, encoding="utf-8")
            return match[0]
        commands = re.findall(r"^\$ (agentflow .*)$", body, re.M)
        assert commands
        return "```console\n" + "\n".join(printed(c, capfd) for c in commands) + "```"

    expected = BLOCK.sub(made, text)
    if os.environ.get("AGENTFLOW_UPDATE") == "1":
        PAGE.write_text(expected, encoding="utf-8")
        text = expected
    assert text == expected


def rows() -> list[tuple[str, str, str]]:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("<!-- operators -->")[2].partition("<!-- end of operators -->")[0]
    return ROW.findall(table)


def values(text: str) -> Any:
    documents, problems = parse("row.yaml", text)
    assert not problems
    return documents[0].data


def test_the_table_has_every_operator() -> None:
    signs = {KEY.match(over)[2] for _, over, _ in rows()}  # type: ignore[index]
    assert signs == {"", "+", "-"}


@pytest.mark.parametrize(("below", "over", "becomes"), rows())
def test_two_layers_become_what_the_table_says(below: str, over: str, becomes: str) -> None:
    base = "kind: Agent\nname: base\nabstract: true\n"
    head = "apiVersion: agentflow/v1\nkind: Project\nname: p\n---\n"
    model = "" if below.startswith("model") else "model: claude-opus-5-5\n"
    own = "---\nkind: Agent\nname: own\nextends: base\nprompt: Work.\n"
    files = MemoryFiles({"agentflow.yaml": f"{head}{base}{model}{below}\n{own}{over}\n"})
    graph, problems = build(files).value.graph, build(files).problems
    assert problems == ()
    assert graph is not None
    found = graph.agents["own"].document.data
    key = KEY.match(below)[1]  # type: ignore[index]
    assert found.get(key) == (values(becomes)[key] if becomes else None)


def test_the_page_names_what_is_composed_and_what_is_not() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for kind in COMPOSED_KINDS:
        assert re.search(rf"\b{kind}s?\b", text)
    for key in FIXED_KEYS - {"apiVersion"}:
        assert f"`{key}`" in text
