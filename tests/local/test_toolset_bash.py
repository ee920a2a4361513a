"""The shell as an agent uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from agentflow.local.shell import OUTPUT_LIMIT
from tests.local.tools import Tools, processes_with, wait_for_process

OpenTools = Callable[..., Tools]

SAID = [
    ("echo hi", "hi"),
    ("echo out; echo err >&2; echo out", "out\nerr\nout"),
    ("cat; echo $?", "0"),
    ('read -r x; echo "<$x>"', "<>"),
    ("cat <<'END'\na 'b' \"c\"\nEND", "a 'b' \"c\""),
    ("cat <<< here", "here"),
    ("cat <(echo one) <(echo two)", "one\ntwo"),
    ("echo 'a\nb'\necho c", "a\nb\nc"),
    ("printf '\\033[31mred\\033[0m'", "red"),
    ("printf '\\xff\\xfe'", "��"),
    ("echo äöü €", "äöü €"),
    ("# only a comment", ""),
    ("unset PATH; echo ok", "ok"),
    ("pwd; cd /tmp; pwd; cd /mnt/session/outputs; pwd", "/workspace\n/tmp\n/mnt/session/outputs"),
    (
        "echo a > f; cp f /mnt/session/outputs/; mv f /tmp; cat /tmp/f /mnt/session/outputs/f",
        "a\na",
    ),
    ("mkdir d; touch d/x; cp -r d e; cp -r d e; ls e", "d\nx"),
    ("ls -la / > /dev/null && ls -la . .. ~ > /dev/null && echo ok", "ok"),
    ("printf '#!/usr/bin/env python3\\nprint(1 + 1)' > s; chmod +x s; ./s", "2"),
    ("awk 'BEGIN { print 3 }'", "3"),
    ("sleep 0 & wait; echo done", "done"),
    ("whoami > /dev/null; id -u > /dev/null; df . > /dev/null; echo ok", "ok"),
]


@pytest.mark.parametrize(("command", "text"), SAID, ids=[command[:30] for command, _ in SAID])
def test_what_a_command_says(tools: Tools, command: str, text: str) -> None:
    assert tools.run(command) == text


def test_the_shell_is_one_shell(tools: Tools) -> None:
    tools.run("cd /tmp; X=5; export Y=6; f() { echo f$1; }")
    assert tools.run("pwd; echo $X; bash -c 'echo $Y'; f 7") == "/tmp\n5\n6\nf7"


def test_a_failure_tells_its_exit_code(tools: Tools) -> None:
    assert tools.bash("echo a; (exit 3)").text == "a\n[exit code 3]"
    assert tools.bash("false").text == "[exit code 1]"
    assert tools.bash("nonsense").is_error


@pytest.mark.parametrize("command", ["echo 'open", "echo $(", "if true", "cat <<X", ")", "}"])
def test_broken_syntax_harms_only_its_own_command(tools: Tools, command: str) -> None:
    tools.run("X=kept")
    tools.bash(command, timeout_ms=10_000)
    assert tools.run("echo $X") == "kept"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("echo bye; exit 3", "the shell exited with code 3"),
        ("kill -9 $$", "the shell was killed"),
        ("exec true", "the shell exited with code 0"),
        ("set -e; false", "the shell exited with code 1"),
    ],
)
def test_a_shell_that_ended_is_replaced(tools: Tools, command: str, why: str) -> None:
    tools.run("cd /tmp; X=5")
    outcome = tools.bash(command)
    assert outcome.is_error
    assert why in outcome.text
    assert "fresh shell" in outcome.text
    assert tools.run('pwd; echo "<$X>"') == "/workspace\n<>"


def test_a_command_that_takes_too_long_is_stopped_with_all_it_started(tools: Tools) -> None:
    outcome = tools.bash(
        "echo begun; setsid sleep 71.25 & (setsid bash -c 'sleep 71.25; true' &) ; sleep 71.25",
        timeout_ms=500,
    )
    assert outcome.is_error
    assert outcome.text.startswith("begun\n[bash: it was stopped after 0.5 s")
    assert processes_with("71.25") == []
    assert tools.run("echo alive") == "alive"


def test_a_restart_forgets(tools: Tools) -> None:
    tools.run("X=5; sleep 72.25 &")
    assert tools.call("bash", restart=True).text == "bash session restarted"
    assert tools.run('echo "<$X>"') == "<>"
    assert processes_with("72.25") == []


def test_background_work_goes_on_between_commands(tools: Tools) -> None:
    tools.run("mkfifo p 2>/dev/null; (while [ ! -e go ]; do sleep 0.05; done; echo went > done) &")
    tools.run("touch go; wait")
    assert tools.run("cat done") == "went"


def test_closing_leaves_no_process(tools: Tools) -> None:
    tools.run("sleep 73.25 & setsid sleep 73.25 & nohup sleep 73.25 > /dev/null 2>&1 &")
    wait_for_process("73.25")
    tools.close_toolbox()
    assert processes_with("73.25") == []
    assert tools.bash("echo hi").is_error
    tools.close_toolbox()


def test_cancelling_a_call_ends_its_command(tools: Tools) -> None:
    async def cancel() -> None:
        call = asyncio.ensure_future(tools.toolbox.call("bash", {"command": "sleep 74.25"}))
        await asyncio.to_thread(wait_for_process, "74.25")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    tools.run("true")
    tools.runner.run(cancel())
    assert processes_with("74.25") == []
    assert tools.run("echo alive") == "alive"


def test_closing_during_a_command_ends_it(tools: Tools) -> None:
    async def close() -> None:
        call = asyncio.ensure_future(tools.toolbox.call("bash", {"command": "sleep 75.25"}))
        await asyncio.to_thread(wait_for_process, "75.25")
        await tools.toolbox.close()
        assert (await call).is_error

    tools.run("true")
    tools.runner.run(close())
    assert processes_with("75.25") == []


def test_commands_wait_for_each_other(tools: Tools) -> None:
    async def both() -> list[str]:
        command = {"command": "for i in 1 2 3; do echo -n x >> log; sleep 0.02; done; cat log"}
        outcomes = await asyncio.gather(*(tools.toolbox.call("bash", command) for _ in range(3)))
        return [outcome.text for outcome in outcomes]

    assert tools.runner.run(both()) == ["xxx", "xxxxxx", "xxxxxxxxx"]


def test_of_much_output_the_end_is_kept(tools: Tools) -> None:
    text = tools.run("seq 1 400000; echo the end")
    assert text.startswith("[output truncated")
    assert text.endswith("399999\n400000\nthe end")
    assert len(text) < OUTPUT_LIMIT + 100
    assert tools.run("echo next") == "next"


def test_endless_output_is_stopped(tools: Tools) -> None:
    outcome = tools.bash("yes", timeout_ms=500)
    assert outcome.is_error
    assert len(outcome.text) < OUTPUT_LIMIT + 300
    assert tools.run("echo next") == "next"


def test_binary_output_is_text_in_the_end(tools: Tools) -> None:
    outcome = tools.bash("head -c 300000 /dev/urandom")
    outcome.text.encode("utf-8")
    assert "\x00" not in outcome.text


def test_a_command_may_be_long(tools: Tools) -> None:
    words = "x" * 300_000
    assert tools.run(f"v='{words}'; echo ${{#v}}") == "300000"


def test_a_redirection_of_the_shell_itself_does_not_lose_it(tools: Tools) -> None:
    tools.bash("exec > /dev/null; echo hidden")
    assert tools.run("echo seen") == "seen"
    tools.bash("exec 9>&-; echo hidden")
    assert tools.run("echo seen") == "seen"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "bash: command is required"),
        ({"command": ""}, "bash: command is required"),
        ({"command": 5}, "bash: command is required"),
        ({"command": "a\0b"}, "bash: a command cannot hold a NUL character"),
        ({"command": "true", "timeout_ms": 0}, "timeout_ms: a positive whole number is required"),
        ({"command": "true", "timeout_ms": "5"}, "timeout_ms: a positive whole number is required"),
        ({"cmd": "true"}, "cmd: not an argument of bash"),
    ],
)
def test_wrong_arguments_are_named(tools: Tools, arguments: dict[str, object], text: str) -> None:
    outcome = tools.call("bash", **arguments)
    assert outcome.is_error
    assert text in outcome.text


def test_an_unknown_tool_is_an_error_result(tools: Tools) -> None:
    outcome = tools.call("web_fetch", url="https://example.com")
    assert outcome.is_error
    assert "no tool named 'web_fetch'" in outcome.text


def test_without_a_sandbox_the_tools_still_work(open_tools: OpenTools) -> None:
    tools = open_tools(unsafe=True)
    assert tools.run("echo hi > $OUTPUTS/a; pwd") == str(tools.root.resolve() / "workspace")
    assert tools.call("read", file_path="/mnt/session/outputs/a").text == "hi\n"
    assert tools.call("grep", pattern="h", path="/mnt/session/outputs").text == (
        "/mnt/session/outputs/a:1:hi"
    )
    assert "stopped" in tools.bash("sleep 76.25 & sleep 76.25", timeout_ms=300).text
    assert processes_with("76.25") == []


def test_closing_while_the_shell_starts_runs_nothing(tools: Tools) -> None:
    async def close() -> None:
        command = {"command": "touch /mnt/session/outputs/ran; sleep 78.25"}
        call = asyncio.ensure_future(tools.toolbox.call("bash", command))
        await asyncio.sleep(0)
        await tools.toolbox.close()
        outcome = await call
        assert outcome.is_error

    tools.runner.run(close())
    assert processes_with("78.25") == []
    assert processes_with(str(tools.root)) == []


@pytest.mark.parametrize("name", ["bash", "grep"])
def test_cancelling_at_any_moment_leaves_no_process(tools: Tools, name: str) -> None:
    async def cancel(steps: int) -> None:
        argument = {"bash": "command", "grep": "pattern"}[name]
        call = asyncio.ensure_future(tools.toolbox.call(name, {argument: "sleep 79.25"}))
        for _ in range(steps):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])

    for steps in (1, 2, 3, 50, 5000):
        tools.runner.run(cancel(steps))
    assert processes_with("79.25") == []
    assert tools.run("echo alive") == "alive"
