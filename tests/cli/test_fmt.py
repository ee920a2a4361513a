"""`agentflow fmt`: which files it writes, what it says, and what it leaves alone."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest

from agentflow.cli.main import main
from tests.support.cli import agentflow

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: shop\n"
MESSY = "kind:   Environment\nname: 'box'   # closed\napiVersion: agentflow/v1\n"
TIDY = "apiVersion: agentflow/v1\nkind: Environment\nname: box # closed\n"
BROKEN = "apiVersion: agentflow/v1\nkind:   Agent\nname: [a\n"
OTHER = "apiVersion: v1\nkind:   Pod\n"

Shown = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Its file is tidy, `box.yaml` is not, and `pod.yaml` is for another tool."""
    root = tmp_path / "shop"
    (root / "more").mkdir(parents=True)
    (root / "agentflow.yaml").write_text(PROJECT, encoding="utf-8")
    (root / "box.yaml").write_text(MESSY, encoding="utf-8")
    (root / "more" / "tidy.yml").write_text(TIDY, encoding="utf-8")
    (root / "pod.yaml").write_text(OTHER, encoding="utf-8")
    monkeypatch.chdir(root)
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_the_specs_of_the_project_are_written(project: Path, capsys: Shown) -> None:
    before = contents(project)
    assert main(["fmt"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "box.yaml\n"
    assert shown.err == "1 file formatted, 2 files unchanged\n"
    assert contents(project) == {**before, "box.yaml": TIDY.encode()}
    written = (project / "box.yaml").stat()
    assert main(["fmt"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "3 files unchanged\n")
    again = (project / "box.yaml").stat()
    assert (again.st_ino, again.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_check_writes_nothing(project: Path, capsys: Shown) -> None:
    before = contents(project)
    assert main(["fmt", "--check"]) == 1
    shown = capsys.readouterr()
    assert shown.out == "box.yaml\n"
    assert shown.err == "1 file would change, 2 files unchanged\n"
    assert main(["fmt", "--check", "more"]) == 0
    assert capsys.readouterr().out == ""
    assert contents(project) == before


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--check"], 1)])
def test_diff_shows_what_would_change(
    arguments: list[str], code: int, project: Path, capsys: Shown
) -> None:
    before = contents(project)
    assert main(["fmt", "--diff", *arguments]) == code
    assert capsys.readouterr().out == (
        "--- box.yaml\n+++ box.yaml\n@@ -1,3 +1,3 @@\n"
        "-kind:   Environment\n-name: 'box'   # closed\n apiVersion: agentflow/v1\n"
        "+kind: Environment\n+name: box # closed\n"
    )
    assert contents(project) == before


@pytest.mark.parametrize("text", [MESSY, MESSY.rstrip("\n"), MESSY.replace("\n", "\r\n")])
def test_the_diff_is_one_that_patch_takes(text: str, project: Path, capsys: Shown) -> None:
    (project / "box.yaml").write_bytes(text.encode())
    main(["fmt", "--diff"])
    patch = capsys.readouterr().out.encode()
    subprocess.run(["patch", "--binary", "-p0"], input=patch, check=True, capture_output=True)
    assert (project / "box.yaml").read_bytes() == TIDY.encode()


def test_json(project: Path, capsys: Shown) -> None:
    assert main(["fmt", "--check", "--diff", "--format", "json"]) == 1
    shown = capsys.readouterr()
    assert shown.err == ""
    found = json.loads(shown.out)
    assert found["problems"] == []
    assert found["written"] is False
    assert [(file["file"], file["changed"]) for file in found["files"]] == [
        ("agentflow.yaml", False),
        ("box.yaml", True),
        ("more/tidy.yml", False),
    ]
    assert found["files"][0]["diff"] == ""
    assert found["files"][1]["diff"].startswith("--- box.yaml\n")
    assert main(["fmt", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["written"] is True
    assert found["files"][1] == {"file": "box.yaml", "changed": True}


@pytest.mark.parametrize("arguments", [[], ["--check"], ["--diff"]])
def test_a_broken_file_is_reported_and_the_others_are_formatted(
    arguments: list[str], project: Path, capsys: Shown
) -> None:
    (project / "broken.yaml").write_text(BROKEN, encoding="utf-8")
    assert main(["fmt", *arguments]) == 1
    shown = capsys.readouterr()
    assert "box.yaml\n" in shown.out
    assert "broken.yaml:4:1: error[AF010 yaml-syntax]" in shown.err
    assert shown.err.endswith("2 files unchanged, 1 file left alone\n")
    assert (project / "broken.yaml").read_text(encoding="utf-8") == BROKEN
    assert (project / "box.yaml").read_text(encoding="utf-8") == (MESSY if arguments else TIDY)


def test_a_broken_file_as_json(project: Path, capsys: Shown) -> None:
    (project / "broken.yaml").write_text(BROKEN, encoding="utf-8")
    assert main(["fmt", "--format", "json", "broken.yaml"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [problem["code"] for problem in found["problems"]] == ["AF010"]
    assert found["files"] == []


def test_a_file_that_cannot_be_read_is_reported(project: Path, capsys: Shown) -> None:
    (project / "latin.yaml").write_bytes(MESSY.encode() + "description: café\n".encode("latin-1"))
    assert main(["fmt"]) == 1
    shown = capsys.readouterr()
    assert shown.out == "box.yaml\n"
    assert "error[AF005 not-utf8]" in shown.err


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("pod.yaml", "'pod.yaml' is not a spec, so nothing was formatted."),
        ("prompt.md", "'prompt.md' is not a spec, so nothing was formatted."),
        ("empty", "There is no spec below 'empty'."),
    ],
)
def test_what_is_no_spec_is_not_rewritten(
    path: str, message: str, project: Path, capsys: Shown
) -> None:
    (project / "empty").mkdir()
    (project / "prompt.md").write_text("kind: Agent\n", encoding="utf-8")
    before = contents(project)
    assert main(["fmt", "box.yaml", path] if path != "empty" else ["fmt", path]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"error: {message}\n  hint: A spec is a YAML file with")
    assert contents(project) == before


def test_a_missing_file(project: Path, capsys: Shown) -> None:
    assert main(["fmt", "bxo.yaml"]) == 1
    shown = capsys.readouterr().err
    assert "error[AF001 file-missing] There is no file 'bxo.yaml'." in shown
    assert "Did you mean 'box.yaml'?" in shown


def test_links(project: Path, tmp_path: Path, capsys: Shown) -> None:
    """One inside of the project is followed, and stays a link; one that leads out is refused."""
    outside = tmp_path / "outside.yaml"
    outside.write_text(MESSY, encoding="utf-8")
    (project / "out.yaml").symlink_to(outside)
    (project / "in.yaml").symlink_to("box.yaml")
    assert main(["fmt", "out.yaml"]) == 1
    assert "error[AF003 outside-project]" in capsys.readouterr().err
    assert outside.read_text(encoding="utf-8") == MESSY
    assert main(["fmt", "in.yaml"]) == 0
    assert (project / "in.yaml").is_symlink()
    assert (project / "box.yaml").read_text(encoding="utf-8") == TIDY


def test_a_written_file_keeps_its_mode_and_leaves_nothing_else(project: Path) -> None:
    (project / "box.yaml").chmod(0o640)
    names = {path.name for path in project.iterdir()}
    assert main(["fmt"]) == 0
    assert stat.S_IMODE((project / "box.yaml").stat().st_mode) == 0o640
    assert {path.name for path in project.iterdir()} == names


def test_a_file_that_cannot_be_replaced_is_whole(
    project: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    before = contents(project)
    monkeypatch.setattr("agentflow.operations.replacing.os.fsync", full)
    assert main(["fmt"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert contents(project) == before


def test_a_file_that_nobody_may_write_to_is_left_alone(project: Path, capsys: Shown) -> None:
    (project / "box.yaml").chmod(0o444)
    before = contents(project)
    assert main(["fmt"]) == 2
    assert "box.yaml': Permission denied" in capsys.readouterr().err
    assert contents(project) == before


def test_what_an_editor_saves_meanwhile_is_not_lost(
    project: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = MESSY.replace("box", "chest")

    def save(handle: int) -> None:
        (project / "box.yaml").write_text(saved, encoding="utf-8")

    before = contents(project)
    monkeypatch.setattr("agentflow.operations.replacing.os.fsync", save)
    assert main(["fmt"]) == 2
    assert "'box.yaml' was changed while it was formatted" in capsys.readouterr().err
    assert contents(project) == {**before, "box.yaml": saved.encode()}


def test_single_files_need_no_project(
    tmp_path: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "box.yaml").write_text(MESSY, encoding="utf-8")
    assert main(["fmt", "box.yaml"]) == 0
    assert capsys.readouterr().err == "1 file formatted, 0 files unchanged\n"
    assert (tmp_path / "box.yaml").read_text(encoding="utf-8") == TIDY
    assert [path.name for path in tmp_path.iterdir()] == ["box.yaml"]


def test_in_a_process_of_its_own(project: Path) -> None:
    result = agentflow("fmt", "-C", "shop", "--check", cwd=project.parent)
    assert result.returncode == 1
    assert result.stdout == "shop/box.yaml\n"
    assert result.stderr == "1 file would change, 2 files unchanged\n"
