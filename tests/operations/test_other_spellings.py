"""Markdown specs and the files of the official CLI on disk: which are found, linted and formatted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentflow.cli.main import main
from agentflow.operations.project import LooseFiles, ProjectFiles

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: shop\n"
OURS = (
    "---\napiVersion: agentflow/v1\nkind: Agent\nname: writer\nmodel: claude-opus-5-5\n"
    "done: [It is written.]\nuncertainty: assume\noutputs: {r: {path: r.md}}\n"
    "tools: {write: allow}\nbudget: {usd: 1}\nenvironment: box\ntask: Write.\n---\nYou write.\n"
)
THEIRS = "---\nname: Reader\nmodel: claude-opus-5-5\ntools:\n- type: agent_toolset_20260401\n---\n\nRead.\n"

Shown = pytest.CaptureFixture[str]


def write(root: Path, files: dict[str, str]) -> ProjectFiles:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return ProjectFiles(root)


def test_what_is_a_spec_and_what_is_not(tmp_path: Path) -> None:
    files = write(
        tmp_path,
        {
            "agentflow.yaml": PROJECT,
            "team/writer.md": OURS,
            "team/markdown.markdown": OURS.replace("writer", "other"),
            "agents/reader.md": THEIRS,
            "anywhere.md": THEIRS,
            "environments/box.json": '{"name": "Box"}',
            "memory_stores/notes.yaml": "name: Notes\n",
            "README.md": "# Shop\n\n    apiVersion: agentflow/v1\n    kind: Agent\n",
            "docs/page.md": "---\ntitle: A page\nname: page\n---\n# Page\n",
            "docs/rulers.md": "---\n\napiVersion: agentflow/v1\nkind: Agent\n",
            "docs/quoted.md": "text\n---\nkind: Agent\n---\n",
            "agents/subagent.md": "---\nname: x\ntools: Read, Grep\nmodel: sonnet\n---\nDo.\n",
            "agents/data.json": '{"kind": "Agent", "name": "x"}',
            "package.json": '{"name": "x", "type": "module"}',
            "skills/s/SKILL.md": "---\nname: s\ndescription: d\nmodel: claude-opus-5-5\n---\n",
            ".claude/agents/a.md": THEIRS,
            "node_modules/p/agents/a.md": THEIRS,
            "claude-lock.json": '{"version": 1}',
            "pod.yaml": "apiVersion: v1\nkind: Pod\n",
        },
    )
    assert files.specs() == [
        "agentflow.yaml",
        "agents/reader.md",
        "anywhere.md",
        "environments/box.json",
        "memory_stores/notes.yaml",
        "team/markdown.markdown",
        "team/writer.md",
    ]
    assert files.skipped == 1


def test_of_a_markdown_file_without_frontmatter_only_the_first_bytes_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write(tmp_path, {"agentflow.yaml": PROJECT, "long.md": "# Long\n" + "x" * 100_000})
    asked: list[int] = []
    read = ProjectFiles._bytes

    def noted(self: ProjectFiles, path: str, *, limit: int, cut: bool = False) -> bytes:
        if path == "long.md":
            asked.append(limit)
        return read(self, path, limit=limit, cut=cut)

    monkeypatch.setattr(ProjectFiles, "_bytes", noted)
    assert files.specs() == ["agentflow.yaml"]
    assert asked == [16]


def test_a_file_of_the_tool_that_is_named_keeps_its_folder(tmp_path: Path) -> None:
    write(tmp_path, {"agents/reader.md": THEIRS, "environments/box.yaml": "name: Box\n"})
    alone = LooseFiles([tmp_path / "agents" / "reader.md"])
    assert alone.specs() == ["agentflow.yaml", "agents/reader.md"]
    both = LooseFiles([tmp_path / "agents" / "reader.md", tmp_path / "environments" / "box.yaml"])
    assert both.specs() == ["agentflow.yaml", "agents/reader.md", "environments/box.yaml"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(
        tmp_path,
        {
            "agentflow.yaml": PROJECT,
            "writer.md": OURS,
            "agents/reader.md": THEIRS.replace(
                "---\nname", "---\n# agentflow: ignore[AF501]\nname"
            ),
            "environments/box.yaml": "name: Box\n",
        },
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_findings_are_placed_in_the_files_as_they_stand(shop: Path, capsys: Shown) -> None:
    main(["lint", "--format", "json"])
    found = json.loads(capsys.readouterr().out)["problems"]
    places = {(p["code"], p["span"]["file"], p["span"]["line"]) for p in found}
    assert ("AF801", "agents/reader.md", 3) in places
    assert "AF501" not in {code for code, *_ in places}
    assert not [place for place in places if place[1] == "writer.md" and place[0] < "AF500"]


def test_a_file_without_a_project_is_linted(
    tmp_path: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"agents/reader.md": THEIRS.replace("tools:", "toolz:")})
    monkeypatch.chdir(tmp_path / "agents")
    assert main(["lint", "reader.md"]) == 1
    assert "reader.md:4:1: error[AF110 unknown-key]" in capsys.readouterr().out


def test_a_mistake_in_the_text_of_a_markdown_spec_is_placed_there(
    shop: Path, capsys: Shown
) -> None:
    (shop / "writer.md").write_text(OURS.replace("You write.", "You\nwrite {{ vars.x }}."))
    assert main(["lint"]) == 1
    assert "writer.md:15:15: error[AF302 " in capsys.readouterr().out


def test_only_what_is_ours_is_formatted(shop: Path, capsys: Shown) -> None:
    before = {path: path.read_bytes() for path in shop.rglob("*.*")}
    assert main(["fmt"]) == 0
    assert capsys.readouterr().out.splitlines() == ["writer.md"]
    changed = [path.name for path in before if path.read_bytes() != before[path]]
    assert changed == ["writer.md"]
    assert (shop / "writer.md").read_text().endswith("\n---\nYou write.\n")
    assert "outputs: { r: { path: r.md } }\n" in (shop / "writer.md").read_text()
    assert main(["fmt", "--check"]) == 0
    assert main(["fmt", "agents/reader.md"]) == 2
    assert "is not a spec" in capsys.readouterr().err
