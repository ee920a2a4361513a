"""The files of a project with one as an editor has it: in all that is asked of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from agentflow.errors import FileRefused, UsageError
from agentflow.operations.edited import EditedFiles, select_edited
from agentflow.operations.project import MAX_TEXT_BYTES, ProjectFiles

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: desk\n"
AGENT = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: Work.\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "agents/a.yaml").write_text(AGENT, encoding="utf-8")
    return tmp_path


def edited(root: Path, path: str, text: str, *, named: bool = False) -> EditedFiles:
    return EditedFiles(ProjectFiles(root), {path: text.encode()}, named={path} if named else ())


def test_the_edited_file_is_what_it_is_now(root: Path) -> None:
    files = edited(root, "agents/a.yaml", "\ufeffkind: Agent\nname: ü\n")
    assert files.read("agents/../agents/a.yaml") == "kind: Agent\nname: ü\n"
    data = "\ufeffkind: Agent\nname: ü\n".encode()
    assert files.size("agents/a.yaml") == len(data)
    assert files.digest("agents/a.yaml") == "sha256:" + hashlib.sha256(data).hexdigest()


def test_the_others_are_as_they_are_on_disk(root: Path) -> None:
    files, disk = edited(root, "agents/b.yaml", AGENT), ProjectFiles(root)
    for path in ("agentflow.yaml", "agents/a.yaml"):
        assert files.read(path) == disk.read(path)
        assert files.size(path) == disk.size(path)
        assert files.digest(path) == disk.digest(path)
    assert files.folder("agents") == disk.folder("agents")
    with pytest.raises(FileRefused):
        files.read("agents/c.yaml")


@pytest.mark.parametrize(
    ("path", "text", "is_spec"),
    [
        ("agents/a.yaml", AGENT, True),
        ("agents/a.yaml", "x: 1\n", False),
        ("new/b.yaml", AGENT, True),
        ("notes.md", "Work.", False),
        ("notes.md", f"---\n{AGENT}---\nWork.\n", True),
        ("agentflow.yaml", "x: 1\n", True),
    ],
)
def test_it_is_a_spec_by_what_it_says_now(root: Path, path: str, text: str, is_spec: bool) -> None:
    specs = edited(root, path, text).specs()
    assert (path in specs) is is_spec
    assert list(specs) == sorted(specs)
    assert set(specs) - {path} == {"agentflow.yaml", "agents/a.yaml"} - {path}
    assert path in edited(root, path, text, named=True).specs()


def test_several_files_are_edited_at_once(root: Path) -> None:
    edits = {"agents/a.yaml": b"x: 1\n", "agents/b.yaml": AGENT.encode(), "p.md": b"Work."}
    files = EditedFiles(ProjectFiles(root), edits)
    assert files.specs() == ["agentflow.yaml", "agents/b.yaml"]
    assert files.read("p.md") == "Work."
    assert files.read("agents/a.yaml") == "x: 1\n"


def test_what_cannot_be_read_is_refused_like_a_file(root: Path) -> None:
    large = edited(root, "agents/a.yaml", "x" * (MAX_TEXT_BYTES + 1))
    with pytest.raises(FileRefused, match="1 MiB"):
        large.read("agents/a.yaml")
    latin = EditedFiles(ProjectFiles(root), {"agents/a.yaml": b"name: \xfc\n"})
    with pytest.raises(FileRefused, match="not UTF-8"):
        latin.read("agents/a.yaml")


def test_a_file_belongs_to_the_project_it_is_in(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "agents")
    project = select_edited(Path(), Path("new.yaml"), AGENT.encode())
    assert project.root == root
    assert project.only == ("agents/new.yaml",)
    assert project.trace is None, "nothing could tell whether the answer still holds"
    assert project.files.read("agents/new.yaml") == AGENT
    with pytest.raises(UsageError):
        select_edited(Path(), root, b"")
