"""What confined programs cannot do, shown by programs that try."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentflow.errors import SandboxUnavailable
from agentflow.local import sandbox
from agentflow.local.sandbox import SandboxPolicy, SandboxSupport
from tests.local.tools import Tools, processes_with

OpenTools = Callable[..., Tools]


@contextmanager
def listener() -> Iterator[tuple[int, list[object]]]:
    """A port of this machine and the peers that connected to it."""
    peers: list[object] = []
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()

        def accept() -> None:
            while True:
                connection, peer = server.accept()
                connection.close()
                if peer[1] == stopper[0]:
                    return
                peers.append(peer)

        stopper = [0]
        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1], peers
        with socket.socket() as last:
            last.bind(("127.0.0.1", 0))
            stopper[0] = last.getsockname()[1]
            last.connect(("127.0.0.1", server.getsockname()[1]))
            thread.join()


OUTSIDE = [
    "echo x > /evil",
    "echo x > /etc/evil",
    "echo x > /usr/evil",
    "echo x > /mnt/evil",
    "echo x > /mnt/session/evil",
    "echo x > /dev/evil",
    "echo x > /proc/sys/kernel/hostname",
    "mkdir /home/evil",
    "ln -s /etc /evil",
    "ln -sT /etc /workspace",
    "rmdir /tmp",
    "rmdir /workspace && ln -s /etc /workspace",
    "rmdir /mnt/session/outputs",
    "mv -T /workspace /tmp/w",
    "mv -T /mnt/session /mnt/elsewhere",
    "cat /etc/shadow",
    "cat ~root/.bashrc",
    "ls /home",
    "ls /var",
    "cat /proc/1/environ",
    "cat /dev/kmsg",
    "mknod /tmp/disk b 254 0",
    "mount -t tmpfs none /tmp",
    "kill -0 1",
]


@pytest.mark.parametrize("command", OUTSIDE)
def test_what_lies_outside_is_refused_and_the_agent_is_told(tools: Tools, command: str) -> None:
    outcome = tools.bash(command)
    assert outcome.is_error
    assert "[exit code" in outcome.text


def test_nothing_is_left_outside_after_trying(tools: Tools) -> None:
    tools.bash("cd /; rm -rf /workspace /tmp /mnt/session; ln -s /etc /workspace; mkdir /evil")
    assert not Path("/evil").exists()
    assert not Path("/workspace").is_symlink()
    for place in tools.toolbox.places.all:
        assert place.host.is_dir()
        assert not place.host.is_symlink()


def test_a_script_that_reads_the_home_directory_is_stopped(tools: Tools, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cret")
    home = str(Path.home())
    script = (
        "import os, sys\n"
        f"for path in ({str(secret)!r}, {home!r} + '/.bashrc', {home!r} + '/.ssh/id_rsa'):\n"
        "    try:\n"
        "        print(open(path).read())\n"
        "    except OSError as error:\n"
        "        print('refused')\n"
        "sys.exit(1)\n"
    )
    tools.call("write", file_path="steal.py", content=script)
    outcome = tools.bash("python3 steal.py")
    assert outcome.is_error
    assert outcome.text.split("\n")[:3] == ["refused"] * 3


def test_links_do_not_lead_out(tools: Tools, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cret")
    tools.run(f"ln -s {secret} a; ln -s /etc/shadow b; ln -s ../../../../.. c; ln -s / d")
    outcome = tools.bash(f"cat a b; cat c{secret} d{secret}; ls c/work c/home")
    assert "s3cret" not in outcome.text
    assert outcome.is_error


def test_uploads_can_be_read_and_nothing_else(tools: Tools) -> None:
    tools.upload("a.csv", "x,y\n")
    assert tools.run("cat /mnt/session/uploads/a.csv") == "x,y"
    for command in (
        "echo z > /mnt/session/uploads/a.csv",
        "touch /mnt/session/uploads/b",
        "rm /mnt/session/uploads/a.csv",
        "mv /mnt/session/uploads/a.csv /workspace/",
        "chmod 777 /mnt/session/uploads/a.csv",
        "ln /mnt/session/uploads/a.csv hard",
        "mv -T /mnt/session/uploads /tmp/u",
    ):
        assert tools.bash(command).is_error, command
    assert tools.run("cat /mnt/session/uploads/a.csv") == "x,y"


def test_the_environment_holds_nothing_of_ours(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "s3cret")
    monkeypatch.setenv("SOME_TOKEN", "s3cret")
    assert "s3cret" not in tools.run("env; cat /proc/self/environ | tr '\\0' '\\n'")


def test_python_inside_is_the_one_that_runs_agentflow(tools: Tools) -> None:
    said = tools.run("python3 -c 'import sys, ssl, sqlite3; print(sys.base_prefix, sys.version)'")
    assert said == f"{Path(sys.base_prefix).resolve()} {sys.version}"


@pytest.mark.parametrize("hosts", [(), ("localhost",), None], ids=["none", "named", "open"])
def test_this_machine_is_out_of_reach(open_tools: OpenTools, hosts: tuple[str, ...] | None) -> None:
    tools = open_tools(hosts=hosts)
    own = socket.gethostbyname(socket.gethostname())
    with listener() as (port, peers):
        script = (
            "import socket, sys\n"
            f"for host in ('127.0.0.1', '127.1.2.3', '0.0.0.0', '::ffff:127.0.0.1', {own!r}):\n"
            "    try:\n"
            f"        socket.create_connection((host, {port}), 5); print('connected', host)\n"
            "    except OSError as error:\n"
            "        print(type(error).__name__)\n"
            "sys.exit(1)\n"
        )
        tools.call("write", file_path="connect.py", content=script)
        outcome = tools.bash("python3 connect.py")
        assert outcome.is_error
        assert "connected" not in outcome.text
        assert outcome.text.count("Error") >= 5
        assert peers == []


def test_a_unix_socket_of_this_machine_is_out_of_reach(tools: Tools, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as hidden:
        server.bind(str(tmp_path / "s"))
        hidden.bind("\0agentflow-test-abstract")
        server.listen()
        hidden.listen()
        connect = (
            "import socket; socket.socket(socket.AF_UNIX).connect({!r}); print('conn' + 'ected')"
        )
        for address in (str(tmp_path / "s"), "\0agentflow-test-abstract"):
            tools.call("write", file_path="c.py", content=connect.format(address))
            outcome = tools.bash("python3 c.py")
            assert outcome.is_error
            assert "connected" not in outcome.text


def test_a_fork_bomb_is_held(open_tools: OpenTools) -> None:
    tools = open_tools(policy=SandboxPolicy(processes=24))
    outcome = tools.bash(
        "bomb() { sleep 77.125 & bomb & bomb; }; (bomb) 2>/dev/null", timeout_ms=3000
    )
    assert len(processes_with("77.125")) <= 24
    assert outcome.is_error
    assert tools.run("echo alive") == "alive"
    tools.close_toolbox()
    assert processes_with("77.125") == []


def test_a_memory_hog_is_stopped(open_tools: OpenTools) -> None:
    tools = open_tools(policy=SandboxPolicy(memory_bytes=256 * 1024 * 1024))
    outcome = tools.bash("python3 -c 'x = bytearray(1024 ** 3); print(len(x))'")
    assert outcome.is_error
    assert str(1024**3) not in outcome.text
    assert tools.run("echo alive") == "alive"


def test_a_file_has_a_largest_size(open_tools: OpenTools) -> None:
    tools = open_tools(policy=SandboxPolicy(file_bytes=1024 * 1024))
    assert tools.bash("head -c 3000000 /dev/zero > big").is_error
    assert (tools.root / "workspace" / "big").stat().st_size <= 1024 * 1024


def test_temporary_files_are_the_sessions_own(tools: Tools) -> None:
    assert tools.run("ls -A /tmp; mktemp").startswith("/tmp/")
    assert list((tools.root / "tmp").iterdir())


def test_the_sandbox_is_refused_where_the_kernel_is_too_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sandlock

    monkeypatch.setattr(sandlock, "landlock_abi_version", lambda: 3)
    old = sandbox.support()
    assert not old.available
    assert old.problem is not None
    assert "Landlock ABI 3" in old.problem
    monkeypatch.setattr(sandlock, "landlock_abi_version", lambda: -1)
    assert "has no Landlock" in str(sandbox.support().problem)
    with pytest.raises(SandboxUnavailable, match="no Landlock"):
        sandbox.support().require()


def test_the_sandbox_is_refused_on_another_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentflow.local.sandbox.sys.platform", "darwin")
    found = sandbox.support()
    assert isinstance(found, SandboxSupport)
    assert "needs Linux" in str(found.problem)
    assert "--unsafe-no-sandbox" in str(found.hint)


def test_what_cannot_be_started_is_said(open_tools: OpenTools, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    tools = open_tools(layer=gone)
    with pytest.raises(SandboxUnavailable, match="could not be started"):
        tools.bash("true")
