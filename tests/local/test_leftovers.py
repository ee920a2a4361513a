"""What an agent started does not outlive the service, and nothing else is ended."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentflow.errors import SandboxUnavailable
from agentflow.local import leftovers
from agentflow.local.leftovers import VARIABLE, Mark, clear, end, machine, started_at
from agentflow.local.roster import Entry, Roster
from agentflow.local.sandbox import support
from tests.local.tools import Tools, processes_with
from tests.support.service import TOOLSET, message, running_service

SERVICE = """
import sys, threading
from pathlib import Path
from agentflow.local.drivers.script import ScriptDriver
from agentflow.local.server import ServiceConfig, start
root, script, unsafe = sys.argv[1:]
service = start(ServiceConfig(root=Path(root), driver=ScriptDriver.load(Path(script)), token="t",
                              unsafe_no_sandbox=unsafe == "True"))
print(service.base_url, flush=True)
threading.Event().wait()
"""
BACKGROUND = (
    "sleep {n}1 & setsid sleep {n}2 & env -i sleep {n}3 & (setsid env -i sleep {n}4 &) ;"
    " (setsid sleep {n}5 >/dev/null 2>&1 &) ; env -i sleep {n}6 >/dev/null 2>&1 & echo started"
)
"""Ways to leave a program behind; the numbers of seconds tell them from all others."""
ALL = set("123456")


def wait_until(claim: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline, what


@pytest.fixture
def number() -> Iterator[str]:
    """What the command lines of this test's programs hold; none is left when the test is over."""
    number = str(secrets.randbelow(90_000) + 10_000)
    yield number
    for pid in processes_with(f"sleep\0{number}"):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def sleeper() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start programs that nobody may end but this fixture."""
    started: list[subprocess.Popen[bytes]] = []

    def start(seconds: str, **options: object) -> subprocess.Popen[bytes]:
        command = ["/bin/sleep", seconds]
        started.append(subprocess.Popen(command, **options))  # type: ignore[call-overload]
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def left(number: str) -> set[str]:
    """The last digits of the programs of a test that run: `sleep`, NUL, the number and a digit."""
    return {_read(pid, "cmdline")[-2:-1] for pid in processes_with(f"sleep\0{number}")} - {""}


def all_asleep(number: str) -> bool:
    """Whether all of them run and have loaded what they need.

    A confined one that is still being loaded dies with its supervisor.
    """
    with subprocess.Popen(["/bin/sleep", "1000"]) as example:
        asleep = _read(example.pid, "syscall").split()[:1]
        pids = processes_with(f"sleep\0{number}")
        calls = [_read(pid, "syscall").split()[:1] for pid in pids]
        example.kill()
    return left(number) == ALL and all(call == asleep for call in calls)


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8")
    except OSError:  # it is gone
        return ""


class Killed:
    """A service of its own process that has run BACKGROUND in a session's shell."""

    def __init__(self, root: Path, number: str, *, unsafe: bool) -> None:
        self.root = root
        script = root.with_suffix(".yaml")
        command = json.dumps(BACKGROUND.format(n=number))
        script.write_text(
            f"turns: [{{ tools: [{{ id: a, name: bash, input: {{ command: {command} }} }}] }},"
            " { say: Done. }]",
            encoding="utf-8",
        )
        arguments = [sys.executable, "-c", SERVICE, str(root), str(script), str(unsafe)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self._run()
        wait_until(lambda: all_asleep(number), "everything was started")

    def _run(self) -> None:
        import anthropic

        with anthropic.Anthropic(base_url=self.url, api_key="t") as client:
            agent = client.beta.agents.create(name="a", model="claude-opus-5-5", tools=[TOOLSET])  # type: ignore[list-item]
            place = client.beta.environments.create(name="e")
            session = client.beta.sessions.create(agent=agent.id, environment_id=place.id).id
            with client.beta.sessions.events.stream(session) as stream:
                client.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
                for event in stream:
                    if event.type == "session.status_idle":
                        break

    def watcher(self) -> int:
        [pid] = processes_with(f"leftovers.py\0{self.root}")
        return pid

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(params=[False, True], ids=["sandbox", "unsafe"])
def killed(request: pytest.FixtureRequest, tmp_path: Path, number: str) -> Iterator[Killed]:
    support().require()
    service = Killed(tmp_path / "service", number, unsafe=request.param)
    yield service
    if service.process.poll() is None:
        service.kill()


def test_a_killed_service_leaves_nothing_behind(
    killed: Killed, number: str, sleeper: Callable[..., subprocess.Popen[bytes]]
) -> None:
    other = sleeper("1000")
    killed.kill()
    wait_until(lambda: not left(number), "the watcher ended what was left")
    wait_until(lambda: not list((killed.root / "shells").iterdir()), "its records are gone")
    assert other.poll() is None


def test_the_next_service_does_it_if_the_watcher_is_killed_too(
    killed: Killed, number: str, sleeper: Callable[..., subprocess.Popen[bytes]]
) -> None:
    other = sleeper("1000")
    os.kill(killed.watcher(), signal.SIGKILL)
    killed.kill()
    assert left(number) == ALL
    with running_service(killed.root):
        assert not left(number)
        assert not list((killed.root / "shells").iterdir())
    assert other.poll() is None


def test_a_service_that_lives_keeps_its_programs(killed: Killed, number: str) -> None:
    clear(killed.root / "shells")
    with running_service(killed.root.with_name("another")):
        assert left(number) == ALL
    assert len(list((killed.root / "shells").glob("*/*.json"))) == 1


@pytest.mark.parametrize("unsafe", [False, True], ids=["sandbox", "unsafe"])
def test_a_toolbox_that_closes_leaves_nothing_behind(
    tmp_path: Path, number: str, unsafe: bool
) -> None:
    roster = Roster(tmp_path / "shells")
    tools = Tools(tmp_path / "session", unsafe=unsafe, roster=roster)
    try:
        assert tools.run(BACKGROUND.format(n=number)).endswith("started")
        wait_until(lambda: all_asleep(number), "everything was started")
        [record] = (tmp_path / "shells").glob("*/*.json")
        known = json.loads(record.read_text(encoding="utf-8"))
        assert started_at(known["pid"]) == known["started"]
        tools.call("grep", pattern="x")
        assert list((tmp_path / "shells").glob("*/*.json")) == [record]
    finally:
        tools.close()
    assert not record.exists()
    roster.close()
    assert not list((tmp_path / "shells").iterdir())
    assert not processes_with(str(tmp_path / "shells"))
    wait_until(lambda: not left(number), "what was left has ended")


def test_a_process_id_that_means_another_process_is_left_alone(
    tmp_path: Path, sleeper: Callable[..., subprocess.Popen[bytes]]
) -> None:
    other = sleeper("1000", start_new_session=True, cwd=tmp_path)
    since = started_at(other.pid)
    assert since is not None
    assert end([Mark("0" * 32, other.pid, since - 1, "pipe:[1]", str(tmp_path))])
    assert end([Mark("0" * 32, other.pid, None, None, None)])
    assert other.poll() is None
    assert end([Mark("0" * 32, other.pid, since)])
    assert other.wait() == -signal.SIGKILL


def test_a_session_whose_leader_took_over_the_process_id_is_left_alone(tmp_path: Path) -> None:
    """A marked program may have been started from there; its neighbours are not marked by that."""
    command = f"{VARIABLE}={'0' * 32} sleep 1000 & echo $!; sleep 1000 & echo $!; wait %1; wait"
    leader = subprocess.Popen(
        ["/bin/bash", "-c", command],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=tmp_path,
    )
    assert leader.stdout is not None
    with leader:
        marked, other = int(leader.stdout.readline()), int(leader.stdout.readline())
        wait_until(lambda: VARIABLE in _read(marked, "environ"), "the marked one is loaded")
        since = started_at(leader.pid)
        assert since is not None
        assert end([Mark("0" * 32, leader.pid, since - 1, "pipe:[1]", str(tmp_path))])
        assert started_at(marked) is None
        assert started_at(other) is not None
        assert leader.poll() is None
        os.killpg(leader.pid, signal.SIGKILL)


def record(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "lock").touch()
    (folder / f"{'0' * 32}.json").write_text(text, encoding="utf-8")


def test_a_process_id_of_another_boot_or_namespace_means_nothing(
    tmp_path: Path, sleeper: Callable[..., subprocess.Popen[bytes]]
) -> None:
    other = sleeper("1000", start_new_session=True)
    known = {"pid": other.pid, "started": started_at(other.pid), "output": None, "place": None}
    record(tmp_path / "a" / "1", json.dumps({**known, "machine": "another"}))
    clear(tmp_path / "a")
    assert other.poll() is None
    assert not list((tmp_path / "a").iterdir())
    record(tmp_path / "b" / "1", json.dumps({**known, "machine": machine()}))
    clear(tmp_path / "b")
    assert other.wait() == -signal.SIGKILL


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', "\0"])
def test_of_a_broken_record_the_token_counts(
    tmp_path: Path, text: str, sleeper: Callable[..., subprocess.Popen[bytes]]
) -> None:
    marked = sleeper("1000", env={VARIABLE: "0" * 32})
    similar = sleeper("1000", env={VARIABLE: "0" * 33, f"X{VARIABLE}": "0" * 32})
    record(tmp_path / "1", text)
    clear(tmp_path)
    assert marked.wait() == -signal.SIGKILL
    assert similar.poll() is None


def test_records_that_are_locked_belong_to_a_service_that_lives(
    tmp_path: Path, sleeper: Callable[..., subprocess.Popen[bytes]]
) -> None:
    marked = sleeper("1000", env={VARIABLE: "0" * 32})
    record(tmp_path / "1", "")
    held = leftovers.lock(tmp_path / "1", wait=False)
    assert held is not None
    with held:
        assert leftovers.lock(tmp_path / "1", wait=False) is None
        clear(tmp_path)
        assert marked.poll() is None
    clear(tmp_path)
    assert marked.wait() == -signal.SIGKILL


def test_neither_we_nor_our_parents_are_ended() -> None:
    """A service that an agent's shell started may find itself marked."""
    program = (
        "from agentflow.local.leftovers import *; import os;"
        f"print(end([Mark(os.environ['{VARIABLE}'])]), flush=True)"
    )
    inner = (
        f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {program!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", inner],
        env={**os.environ, VARIABLE: "0" * 32},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "True\n"


def test_a_shell_that_cannot_be_written_down_is_not_started(tmp_path: Path) -> None:
    (tmp_path / "shells").write_text("a file", encoding="utf-8")
    with pytest.raises(SandboxUnavailable, match="written down"):
        Entry(Roster(tmp_path / "shells"), tmp_path)
