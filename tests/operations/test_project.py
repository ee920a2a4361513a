"""Files on disk: what is a spec, and what is refused."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from agentflow.errors import FileRefused
from agentflow.operations.folder import write_folder
from agentflow.operations.project import (
    MAX_DATA_BYTES,
    MAX_TEXT_BYTES,
    LooseFiles,
    ProjectFiles,
    find_project,
)

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: shop\n"
AGENT = "apiVersion: agentflow/v1\nkind: Agent\nname: a\n"


def write(root: Path, files: dict[str, str]) -> ProjectFiles:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return ProjectFiles(root)


def refused(files: ProjectFiles, path: str) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        files.read(path)
    return caught.value


def test_the_nearest_project_above_is_found(tmp_path: Path) -> None:
    write(tmp_path, {"agentflow.yaml": PROJECT, "a/agentflow.yaml": PROJECT, "a/b/c/x.md": ""})
    assert find_project(tmp_path / "a/b/c") == tmp_path / "a"
    assert find_project(tmp_path) == tmp_path
    assert find_project(tmp_path.parent) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (AGENT, True),
        ("# note\n---\n" + AGENT, True),
        ("kind: Agent\n", True),
        ("kind: agent\n", True),
        ('"kind": "Environment"\n', True),
        ("{kind: Agent, name: a}\n", True),
        ("apiVersion: 'agentflow/v2'\n", True),
        ("apiVersion: apps/v1\nkind: Project\n", False),
        ("kind: Service\n", False),
        ("on: push\njobs:\n  kind: Agent\n", False),
        ("steps: [{kind: Agent}]\n", False),
        ("", False),
    ],
)
def test_a_yaml_file_is_a_spec_if_it_says_so(tmp_path: Path, text: str, expected: bool) -> None:
    files = write(tmp_path, {"agentflow.yaml": PROJECT, "x.yml": text})
    assert ("x.yml" in files.specs()) is expected
    assert files.skipped == (0 if expected else 1)


def test_specs_are_found_below_the_root_and_nowhere_else(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    files = write(
        root,
        {
            "agentflow.yaml": PROJECT,
            "b.yaml": AGENT,
            "agents/deep/a.yml": AGENT,
            "agents/a.json": AGENT,
            ".hidden/a.yaml": AGENT,
            ".agentflow/a.yaml": AGENT,
            "node_modules/x/a.yaml": AGENT,
            "env/pyvenv.cfg": "",
            "env/a.yaml": AGENT,
            "nested/agentflow.yaml": PROJECT,
            "nested/a.yaml": AGENT,
        },
    )
    write(tmp_path, {"outside/a.yaml": AGENT})
    (root / "linked").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to(root)
    (root / "link.yaml").symlink_to(root / "b.yaml")
    assert files.specs() == ["agentflow.yaml", "agents/deep/a.yml", "b.yaml"]


def test_what_was_written_from_the_specs_is_no_spec(tmp_path: Path) -> None:
    theirs = "name: a\nmodel: claude-opus-5-5\nsystem: Work.\n"
    files = write(tmp_path, {"agentflow.yaml": PROJECT, "a.yaml": AGENT, "agents/b.yaml": theirs})
    write_folder(tmp_path / "out", {"agents/a.yaml": theirs, "agents/c.yaml": theirs})
    assert files.specs() == ["a.yaml", "agentflow.yaml", "agents/b.yaml"]
    assert files.skipped == 0


def test_a_list_of_written_files_hides_no_spec_of_ours(tmp_path: Path) -> None:
    """Who puts one into a repository cannot take the policies out of sight with it."""
    files = write(tmp_path, {"agentflow.yaml": PROJECT})
    write_folder(tmp_path, {"policies/desk.yaml": AGENT, "b.yaml": AGENT})
    assert files.specs() == ["agentflow.yaml", "b.yaml", "policies/desk.yaml"]


def test_no_depth_of_folders_is_too_much(tmp_path: Path) -> None:
    files = write(tmp_path, {"agentflow.yaml": PROJECT, "a.yaml": AGENT, "skill/SKILL.md": "x"})
    folders = [str(tmp_path / "skill") + "/d" * depth for depth in range(1, 1_501)]
    inside = "d/" * 1_500 + "a.yaml"
    try:
        for folder in folders:
            os.mkdir(folder)  # noqa: PTH102 - a `Path` cannot be as deep
        (tmp_path / "a.yaml").rename(f"{folders[-1]}/a.yaml")
        assert files.specs() == ["agentflow.yaml", f"skill/{inside}"]
        assert files.folder("skill") == ["SKILL.md", inside]
    finally:
        # Neither can pytest remove as much.
        os.unlink(f"{folders[-1]}/a.yaml")  # noqa: PTH108
        for folder in reversed(folders):
            os.rmdir(folder)  # noqa: PTH106


@pytest.mark.parametrize("name", [b"a\xff.md", b"a\nb.md", b"a\x7f.md"])
def test_a_file_that_cannot_be_called_by_its_name(tmp_path: Path, name: bytes) -> None:
    files = write(tmp_path, {"skill/SKILL.md": "x"})
    try:
        Path(os.fsdecode(os.fsencode(tmp_path / "skill") + b"/" + name)).touch()
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(FileRefused) as caught:
        files.folder("skill")
    assert caught.value.code == "AF005"
    assert "is not text in UTF-8" in caught.value.message


def test_a_file_is_read_again_when_it_changed(tmp_path: Path) -> None:
    files = write(tmp_path, {"agentflow.yaml": PROJECT, "a.yaml": AGENT})
    files.specs()
    assert files.read("a.yaml") == AGENT
    write(tmp_path, {"a.yaml": AGENT + "x: 1\n"})
    assert files.read("a.yaml") == AGENT + "x: 1\n"


def test_a_byte_order_mark_is_dropped_and_line_ends_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    assert ProjectFiles(tmp_path).read("a.md") == "one\r\ntwo"


@pytest.mark.parametrize("path", ["../x.md", "/etc/passwd", "a/../../x.md", "..", "out.md"])
def test_nothing_outside_is_read(tmp_path: Path, path: str) -> None:
    root = tmp_path / "shop"
    files = write(root, {"agentflow.yaml": PROJECT})
    write(tmp_path, {"x.md": "secret"})
    (root / "out.md").symlink_to(tmp_path / "x.md")
    assert refused(files, path).code == "AF003"


def test_a_sibling_whose_name_starts_alike_is_outside(tmp_path: Path) -> None:
    files = write(tmp_path / "shop", {"agentflow.yaml": PROJECT})
    write(tmp_path, {"shop-secrets/x.md": "secret"})
    (tmp_path / "shop/x.md").symlink_to(tmp_path / "shop-secrets/x.md")
    assert refused(files, "x.md").code == "AF003"


def test_a_link_that_stays_inside_is_followed(tmp_path: Path) -> None:
    files = write(tmp_path, {"a/x.md": "text"})
    (tmp_path / "y.md").symlink_to("a/x.md")
    assert files.read("y.md") == "text"


def test_a_project_below_a_link_is_read(tmp_path: Path) -> None:
    write(tmp_path / "real", {"agentflow.yaml": PROJECT, "x.md": "text"})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert ProjectFiles(tmp_path / "link").read("x.md") == "text"


@pytest.mark.parametrize("path", ["nope.md", "a\0b", "x.md/y", "n" * 300, "missing/x.md"])
def test_what_is_missing_says_so(tmp_path: Path, path: str) -> None:
    assert refused(write(tmp_path, {"x.md": ""}), path).code == "AF001"


def test_a_missing_file_names_the_one_most_like_it(tmp_path: Path) -> None:
    files = write(tmp_path, {"prompts/analyst.md": ""})
    assert refused(files, "prompts/analist.md").hint == "Did you mean 'prompts/analyst.md'?"
    assert refused(files, "prompts/zzz.md").hint == "Create it, or correct the path."
    assert "no directory 'promts'" in str(refused(files, "promts/analyst.md").hint)


def test_only_regular_files_are_read_and_nothing_blocks(tmp_path: Path) -> None:
    files = write(tmp_path, {"dir/x.md": ""})
    os.mkfifo(tmp_path / "pipe")
    assert refused(files, "dir").code == "AF002"
    assert refused(files, "pipe").code == "AF002"


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("a.md", MAX_TEXT_BYTES),
        ("a.yaml", MAX_TEXT_BYTES),
        ("a.json", MAX_DATA_BYTES),
        ("a.py", MAX_DATA_BYTES),
    ],
)
def test_the_size_is_limited_by_what_a_file_is_for(tmp_path: Path, name: str, limit: int) -> None:
    files = write(tmp_path, {name: "x" * limit})
    assert len(files.read(name)) == limit
    write(tmp_path, {name: "x" * (limit + 1)})
    assert refused(files, name).code == "AF004"


def test_a_file_that_grows_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write(tmp_path, {"a.md": "x" * (MAX_TEXT_BYTES + 1)})
    real = os.fstat

    def smaller(handle: int) -> Any:
        fields = list(real(handle))
        fields[6] = 1
        return os.stat_result(fields)

    monkeypatch.setattr(os, "fstat", smaller)
    assert refused(files, "a.md").code == "AF004"


def test_a_huge_spec_is_found_and_refused_without_reading_it(tmp_path: Path) -> None:
    files = write(tmp_path, {"agentflow.yaml": PROJECT, "a.yaml": AGENT})
    os.truncate(tmp_path / "a.yaml", 50 << 20)
    assert files.specs() == ["a.yaml", "agentflow.yaml"]
    assert refused(files, "a.yaml").code == "AF004"


@pytest.mark.parametrize(
    ("data", "part"),
    [(b"ok\nbad \xff\n", "byte 7 (line 2) is 0xff"), (b"\xc3", "byte 0 (line 1) is 0xc3")],
)
def test_what_is_not_utf8_says_at_which_byte(tmp_path: Path, data: bytes, part: str) -> None:
    (tmp_path / "a.md").write_bytes(data)
    error = refused(ProjectFiles(tmp_path), "a.md")
    assert error.code == "AF005"
    assert part in error.message


def test_what_the_system_refuses_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = write(tmp_path, {"a.md": "x", "agentflow.yaml": PROJECT})

    def denied(*arguments: Any, **options: Any) -> Any:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        assert refused(files, "a.md").code == "AF006"
    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(FileRefused, match="Permission denied"):
        files.specs()


def test_paths_are_named_from_the_root(tmp_path: Path) -> None:
    files = ProjectFiles(tmp_path / "shop")
    assert files.relative(tmp_path / "shop/agents/a.yaml") == "agents/a.yaml"
    with pytest.raises(FileRefused):
        files.relative(tmp_path / "other.yaml")


def test_loose_files_make_a_project_named_after_their_directory(tmp_path: Path) -> None:
    root = tmp_path / "My Agents!"
    write(root, {"one/a.yaml": AGENT, "two/b.yaml": AGENT, "c.yaml": AGENT})
    files = LooseFiles([root / "one/a.yaml", root / "two/b.yaml"])
    assert files.specs() == ["agentflow.yaml", "one/a.yaml", "two/b.yaml"]
    assert files.read("agentflow.yaml") == PROJECT.replace("shop", "my-agents")
    assert files.read("one/a.yaml") == AGENT


def test_a_loose_file_that_is_missing_is_refused_when_it_is_read(tmp_path: Path) -> None:
    files = LooseFiles([tmp_path / "nope.yaml"])
    assert files.specs() == ["agentflow.yaml", "nope.yaml"]
    assert refused(files, "nope.yaml").code == "AF001"


def test_a_loose_file_may_be_the_project(tmp_path: Path) -> None:
    write(tmp_path, {"agentflow.yaml": PROJECT})
    files = LooseFiles([tmp_path / "agentflow.yaml"])
    assert files.specs() == ["agentflow.yaml"]
    assert files.read("agentflow.yaml") == PROJECT
