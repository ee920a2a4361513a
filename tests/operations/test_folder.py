"""Generated files in a folder: what is ours is kept up to date, what is not is never touched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.errors import UsageError
from agentflow.operations.folder import write_folder
from agentflow.operations.project import INDEX


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file() and path.name != INDEX
    }


def test_files_are_written_and_then_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    files = {"x.json": "1", "agent/y.json": "2"}
    done = write_folder(folder, files)
    assert (done.written, done.unchanged) == (("agent/y.json", "x.json"), ())
    assert content(folder) == files
    before = (folder / "x.json").stat().st_mtime_ns
    done = write_folder(folder, files)
    assert (done.written, done.unchanged) == ((), ("agent/y.json", "x.json"))
    assert (folder / "x.json").stat().st_mtime_ns == before
    assert write_folder(folder, {**files, "x.json": "3"}).written == ("x.json",)


def test_what_is_no_longer_made_is_removed_and_nothing_else(tmp_path: Path) -> None:
    write_folder(tmp_path, {"agent/a.json": "1", "skill/s.json": "2", "agent/b.json": "3"})
    (tmp_path / "agent" / "mine.txt").write_text("mine")
    (tmp_path / "agent" / "b.json").write_text("changed by hand")
    done = write_folder(tmp_path, {"x.json": "4"})
    assert done.removed == ("agent/a.json", "skill/s.json")
    assert done.kept == ("agent/b.json",)
    assert content(tmp_path) == {
        "x.json": "4",
        "agent/mine.txt": "mine",
        "agent/b.json": "changed by hand",
    }
    assert not (tmp_path / "skill").exists()


def _foreign(folder: Path) -> None:
    (folder / "x.json").write_text("mine")


def _changed(folder: Path) -> None:
    write_folder(folder, {"x.json": "0"})
    (folder / "x.json").write_text("mine")


def _link(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "agent").symlink_to(folder / "elsewhere", target_is_directory=True)


def _file_for_folder(folder: Path) -> None:
    (folder / "agent").write_text("mine")


def _dangling(folder: Path) -> None:
    (folder / "x.json").symlink_to(folder / "nowhere")


def _folder_for_file(folder: Path) -> None:
    (folder / "x.json").mkdir()


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (_foreign, "was not written by it"),
        (_changed, "was changed since it was written"),
        (_link, "is a link"),
        (_file_for_folder, "is a file, and a directory has to be there"),
        (_dangling, "was not written by it"),
        (_folder_for_file, "was not written by it"),
    ],
)
def test_what_belongs_to_somebody_else_stops_it_before_anything_is_written(
    prepare: object, message: str, tmp_path: Path
) -> None:
    prepare(tmp_path)  # type: ignore[operator]
    before = content(tmp_path)
    with pytest.raises(UsageError, match=message) as caught:
        write_folder(tmp_path, {"x.json": "1", "agent/y.json": "2", "a.json": "3"})
    assert caught.value.hint
    assert content(tmp_path) == before


def test_the_same_content_is_nobodys_loss(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("1")
    assert write_folder(tmp_path, {"x.json": "1"}).unchanged == ("x.json",)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        write_folder(tmp_path / "f", {"x.json": "1"})


@pytest.mark.parametrize(
    "index",
    [
        "",
        "{",
        "[]",
        '{"format": 2, "files": {"x.json": "1"}}',
        '{"format": 1, "files": ["x.json"]}',
    ],
)
def test_an_index_that_cannot_be_read_makes_nothing_ours(index: str, tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text(index)
    (tmp_path / "x.json").write_text("mine")
    with pytest.raises(UsageError, match="was not written by it"):
        write_folder(tmp_path, {"x.json": "1"})


def test_an_index_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    folder = tmp_path / "out"
    write_folder(folder, {"x.json": "1"})
    index = json.loads((folder / INDEX).read_text())
    digest = write_digest(outside)
    index["files"] |= {"../outside.txt": digest, str(outside): digest}
    (folder / INDEX).write_text(json.dumps(index))
    assert write_folder(folder, {}).removed == ("x.json",)
    assert outside.read_text() == "mine"


def write_digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_stops_halfway_is_completed_by_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path, {"a.json": "1", "old.json": "1"})
    import agentflow.operations.folder as module

    whole = module._replace
    count = 0

    def dies(path: Path, data: bytes) -> None:
        nonlocal count
        count += 1
        if count == 3:
            raise OSError("the disk is full")
        whole(path, data)

    monkeypatch.setattr(module, "_replace", dies)
    files = {"a.json": "2", "b.json": "2", "c.json": "2"}
    with pytest.raises(OSError, match="full"):
        write_folder(tmp_path, files)
    monkeypatch.setattr(module, "_replace", whole)
    assert content(tmp_path)["a.json"] == "2"
    done = write_folder(tmp_path, files)
    assert done.removed == ("old.json",)
    assert content(tmp_path) == files
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".a.json")]


names = st.sampled_from(["a.json", "b.json", "agent/a.json", "agent/b.json", "skill/x.json"])
folders = st.dictionaries(names, st.sampled_from(["1", "2"]))


@settings(deadline=None)  # it writes to the disk
@given(st.lists(folders, min_size=1, max_size=4))
def test_afterwards_the_folder_holds_exactly_what_was_asked_for(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[Mapping[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("out")
    for files in wanted:
        write_folder(folder, files)
        assert content(folder) == dict(files)
    shutil.rmtree(folder)
