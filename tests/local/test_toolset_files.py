"""read, write, edit, glob and grep as an agent uses them, beside a shell that may be hostile."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agentflow.local.filetools import FileTools
from agentflow.local.paths import Places
from tests.local.tools import Tools

OpenTools = Callable[..., Tools]

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def test_files_are_shared_with_the_shell(tools: Tools) -> None:
    outcome = tools.call("write", file_path="/mnt/session/outputs/sub/a.txt", content="one\ntwo\n")
    assert outcome.text == "wrote 8 bytes to /mnt/session/outputs/sub/a.txt"
    assert tools.run("cat /mnt/session/outputs/sub/a.txt") == "one\ntwo"
    tools.run("echo three >> /mnt/session/outputs/sub/a.txt")
    assert (
        tools.call("read", file_path="/mnt/session/outputs/sub/a.txt").text == "one\ntwo\nthree\n"
    )
    assert tools.output("sub/a.txt") == "one\ntwo\nthree\n"


def test_a_relative_path_lies_in_the_workspace(tools: Tools) -> None:
    tools.call("write", file_path="a.txt", content="x")
    assert tools.run("cat /workspace/a.txt") == "x"


@pytest.mark.parametrize(
    ("view", "text"),
    [([1, 2], "a\nb"), ([2, 2], "b"), ([3, -1], "c\n"), ([2, 0], "b\nc\n"), ([9, 10], "")],
)
def test_reading_lines(tools: Tools, view: list[int], text: str) -> None:
    tools.call("write", file_path="l", content="a\nb\nc\n")
    assert tools.call("read", file_path="l", view_range=view).text == text


def test_reading_lines_of_a_large_file(tools: Tools) -> None:
    tools.run("seq 1 100000 > large")
    outcome = tools.call("read", file_path="large")
    assert outcome.is_error
    assert "view_range" in outcome.text
    assert tools.call("read", file_path="large", view_range=[99_999, -1]).text.startswith("99999\n")


def test_an_image_comes_back_as_a_block(tools: Tools) -> None:
    (tools.root / "workspace" / "p.png").write_bytes(PIXEL)
    outcome = tools.call("read", file_path="p.png")
    assert not outcome.is_error
    assert outcome.text.startswith("[image: image/png, ")
    assert base64.b64decode(outcome.blocks[0]["source"]["data"]) == PIXEL


def test_the_content_of_a_file_is_never_changed(tools: Tools) -> None:
    content = f"path {tools.root}/workspace\n"
    tools.call("write", file_path="c", content=content)
    assert tools.call("read", file_path="c").text == content


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("read", {"file_path": "none"}, "read: /workspace/none: no such file or directory"),
        ("read", {"file_path": "/workspace"}, "read: /workspace: not a regular file"),
        ("read", {"file_path": "/etc/passwd"}, "read: '/etc/passwd' is outside the session"),
        ("read", {"file_path": "../../etc/passwd"}, "is outside the session"),
        ("read", {}, "read: invalid arguments: file_path"),
        ("read", {"file_path": 5}, "read: invalid arguments: file_path"),
        ("read", {"file_path": "bin"}, "read: /workspace/bin: not valid UTF-8 text"),
        ("read", {"file_path": "a\0b"}, "a NUL character"),
        ("write", {"file_path": "/mnt/session/uploads/x", "content": ""}, "is inside read-only"),
        ("write", {"file_path": "/etc/x", "content": ""}, "is outside the session"),
        ("write", {"file_path": "f/x", "content": ""}, "write: /workspace/f/x: "),
        ("edit", {"file_path": "f", "old_string": "a", "new_string": "b"}, "appears 2 times in"),
        (
            "edit",
            {"file_path": "f", "old_string": "q", "new_string": "b"},
            "not found in /workspace/f",
        ),
        (
            "edit",
            {"file_path": "/mnt/session/uploads/u", "old_string": "u", "new_string": ""},
            "read-only",
        ),
        ("glob", {"pattern": "/etc/*"}, "absolute pattern"),
        ("glob", {"pattern": "../*"}, "'..' is not permitted"),
        ("glob", {"pattern": "*", "path": "/etc"}, "is outside the session"),
        ("grep", {"pattern": "a", "path": "/etc"}, "grep: '/etc' is outside the session"),
        ("grep", {"pattern": "("}, "grep: invalid regex"),
        ("grep", {"pattern": "a", "path": "none"}, "grep: none: no such file or directory"),
        ("grep", {"path": "."}, "grep: invalid arguments: pattern"),
        ("grep", {"pattern": "a", "path": 3}, "grep: invalid arguments: path"),
    ],
)
def test_a_failure_names_what_is_wrong_in_the_tools_own_view(
    tools: Tools, name: str, arguments: dict[str, object], text: str
) -> None:
    (tools.root / "workspace" / "bin").write_bytes(b"\xff\xfe")
    (tools.root / "workspace" / "f").write_text("aa")
    tools.upload("u", "u")
    outcome = tools.call(name, **arguments)
    assert outcome.is_error
    assert text in outcome.text
    assert str(tools.root) not in outcome.text


def test_an_edit(tools: Tools) -> None:
    tools.call("write", file_path="f", content="one two one")
    outcome = tools.call("edit", file_path="f", old_string="two", new_string="2")
    assert outcome.text == "edited /workspace/f (1 replacement(s))"
    tools.call("edit", file_path="f", old_string="one", new_string="1", replace_all=True)
    assert tools.run("cat f") == "1 2 1"


def test_glob_and_grep_answer_in_the_tools_own_view(tools: Tools) -> None:
    tools.run("mkdir -p b/c; echo needle > b/c/x.py; echo hay > b/y.py; printf 'needle\\0' > b/z")
    tools.run("mkdir b/.git; echo needle > b/.git/n; ln -s /workspace/b/c b/link")
    assert set(tools.call("glob", pattern="**/*.py").text.split()) == {
        "/workspace/b/y.py",
        "/workspace/b/c/x.py",
    }
    assert tools.call("glob", pattern="*.md").text == "no matches"
    assert tools.call("grep", pattern="ne+dle").text == "/workspace/b/c/x.py:1:needle"
    assert tools.call("grep", pattern="a", path="b/y.py").text == "/workspace/b/y.py:1:hay"
    assert tools.call("grep", pattern="zzz").text == "no matches"


def test_much_to_find_is_cut(tools: Tools) -> None:
    tools.run("seq -f 'line number %06.0f of many' 1 20000 > many")
    text = tools.call("grep", pattern="line").text
    assert text.endswith("[output truncated at 102400 bytes]")
    assert len(text) < 110_000


def test_an_endless_regular_expression_is_stopped(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentflow.local.toolset._SEARCH_TIMEOUT_S", 1.0)
    tools.call("write", file_path="f", content="a" * 40 + "b")
    outcome = tools.call("grep", pattern="(a+)+$")
    assert outcome.is_error
    assert outcome.text == "grep: timed out after 1 s"


def test_a_pipe_or_a_device_blocks_no_tool(tools: Tools) -> None:
    os.mkfifo(tools.root / "workspace" / "pipe")
    for name in ("read", "edit"):
        outcome = tools.call(name, file_path="pipe", old_string="a", new_string="b")
        assert outcome.is_error
    assert tools.call("grep", pattern="a").text == "no matches"
    assert tools.call("glob", pattern="*").text == "/workspace/pipe"


def test_a_link_made_by_the_shell_means_what_it_means_there(tools: Tools, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cret")
    tools.upload("a.csv", "x\n")
    tools.run(f"ln -s /mnt/session/uploads/a.csv ok; ln -s {secret} bad; ln -s / root")
    assert tools.call("read", file_path="ok").text == "x\n"
    for path in ("bad", f"root{secret}", "root/etc/passwd"):
        outcome = tools.call("read", file_path=path)
        assert outcome.is_error
        assert "s3cret" not in outcome.text
    tools.call("write", file_path="bad", content="x")
    assert secret.read_text() == "s3cret"
    assert tools.call("write", file_path="ok", content="x").is_error


def test_the_file_tools_can_open_nothing_else_whatever_they_are_told(tmp_path: Path) -> None:
    """The translation of paths is taken away: what is left is what the kernel refuses."""
    places = Places(tmp_path / "session")
    places.create()
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cret")
    (places.uploads.host / "u").write_text("u")
    files = FileTools(places, confined=True)
    opened: dict[str, str] = {}

    def attempt() -> None:
        for path, mode in ((secret, "r"), (Path("/etc/passwd"), "r"), (tmp_path / "new", "w")):
            try:
                path.open(mode).close()
                opened[path.name] = "opened"
            except PermissionError:
                opened[path.name] = "refused"
        for path in (places.uploads.host / "u", places.uploads.host / "new"):
            try:
                path.open("w").close()
                opened[f"uploads/{path.name}"] = "opened"
            except PermissionError:
                opened[f"uploads/{path.name}"] = "refused"
        (places.workspace.host / "mine").write_text("x")

    original = places.resolve

    def resolve(path: str) -> Path:
        attempt()
        return original(path)

    places.resolve = resolve  # type: ignore[method-assign]
    try:
        assert files.call("write", {"file_path": "a", "content": "x"}).result(60)
    finally:
        files.close()
    assert set(opened.values()) == {"refused"}
    assert len(opened) == 5
    assert (places.workspace.host / "mine").read_text() == "x"
    assert secret.read_text() == "s3cret"  # the rest of this process keeps its rights
    (tmp_path / "ours").write_text("fine")


def test_a_directory_that_is_swapped_for_a_link_meanwhile_leads_nowhere(
    tools: Tools, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("s3cret")
    tools.run("mkdir d; echo inside > d/f")
    workspace = tools.root / "workspace"
    done = threading.Event()
    swaps: list[int] = []

    def swap() -> None:
        """What a hostile program would do, at full speed and without the sandbox in its way."""
        real, kept = workspace / "d", workspace / "kept"
        while not done.is_set():
            try:
                real.rename(kept)
                real.symlink_to(outside)
                swaps.append(1)
                real.unlink()
                kept.rename(real)
            except OSError:  # a write made the directory anew in between
                if real.is_symlink():
                    real.unlink()
                shutil.rmtree(real, ignore_errors=True)
                shutil.rmtree(kept, ignore_errors=True)
                real.mkdir(exist_ok=True)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(150):
            assert "s3cret" not in tools.call("read", file_path="d/f").text
            tools.call("write", file_path="d/f", content="inside")
            tools.call("write", file_path="d/new", content="inside")
    finally:
        done.set()
        thread.join()
    assert swaps
    assert (outside / "f").read_text() == "s3cret"
    assert [path.name for path in outside.iterdir()] == ["f"]


def test_tools_may_be_called_at_once(tools: Tools) -> None:
    async def all_at_once() -> list[bool]:
        calls = [
            tools.toolbox.call("write", {"file_path": f"f{i}", "content": "x"}) for i in range(20)
        ]
        calls += [tools.toolbox.call("bash", {"command": "echo x"}) for _ in range(5)]
        calls += [tools.toolbox.call("grep", {"pattern": "x"}) for _ in range(3)]
        return [outcome.is_error for outcome in await asyncio.gather(*calls)]

    assert not any(tools.runner.run(all_at_once()))


def test_reading_goes_on_while_a_command_runs(tools: Tools) -> None:
    async def both() -> None:
        await tools.toolbox.call("write", {"file_path": "a", "content": "x"})
        wait = {"command": "while [ ! -e go ]; do sleep 0.02; done; echo went"}
        command = asyncio.ensure_future(tools.toolbox.call("bash", wait))
        assert (await tools.toolbox.call("read", {"file_path": "a"})).text == "x"
        await tools.toolbox.call("write", {"file_path": "go", "content": ""})
        assert (await command).text == "went"

    tools.runner.run(both())
