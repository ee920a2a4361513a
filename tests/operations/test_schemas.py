"""`agentflow schema --write`: whole files, written once, and what tells an editor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentflow.cli.main import main
from agentflow.operations.schemas import WRITTEN_SCHEMAS, write_schemas

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: shop\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "agents").mkdir()
    monkeypatch.chdir(tmp_path / "agents")
    return tmp_path


def test_they_are_written_into_the_project(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", "--write"]) == 0
    folder = project / ".agentflow" / "schemas"
    assert {path.name for path in folder.iterdir()} == set(WRITTEN_SCHEMAS)
    assert (project / ".agentflow" / ".gitignore").read_text(encoding="utf-8") == "*\n"
    out, err = capsys.readouterr()
    assert "# yaml-language-server: $schema=.agentflow/schemas/agentflow.json\n" in out
    settings = json.loads("{" + out.partition(".vscode/settings.json:\n")[2] + "}")
    for name in settings["yaml.schemas"]:
        assert (project / name).is_file()
    assert f"{len(WRITTEN_SCHEMAS)} written" in err


def test_a_second_time_changes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--write"]) == 0
    folder = project / ".agentflow" / "schemas"
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    (folder / "agent.json").write_text("{}", encoding="utf-8")
    assert main(["schema", "--write"]) == 0
    assert "1 written" in capsys.readouterr().err
    after = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert {path.name for path in after if after[path] != before[path]} == {"agent.json"}
    assert json.loads((folder / "agent.json").read_text(encoding="utf-8"))["$id"]


def test_a_folder_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["schema", "--write", "."]) == 0
    assert {path.name for path in tmp_path.iterdir()} == set(WRITTEN_SCHEMAS)


def test_without_a_project_a_folder_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["schema", "--write"]) == 2
    assert "agentflow schema --write DIR" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_schemas(tmp_path)
    (tmp_path / "agent.json").write_text("old", encoding="utf-8")

    def refuse(self: Path, target: Path) -> Path:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no space left"):
        write_schemas(tmp_path)
    assert (tmp_path / "agent.json").read_text(encoding="utf-8") == "old"
    assert {path.name for path in tmp_path.iterdir()} == set(WRITTEN_SCHEMAS)


def test_one_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "script"]) == 0
    assert capsys.readouterr().out == WRITTEN_SCHEMAS["script.json"]()
