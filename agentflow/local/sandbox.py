"""[io] Where tools run: a process that sees four directories, some hosts, and limits.

`sandlock` confines a process with Landlock and seccomp, without root and without containers. This
module decides what it is given:

* The session's directories (`paths.py`) at the paths the service uses; uploads are read-only.
* Programs and libraries of the system, read-only, and from `/etc` only named files. As root,
  granting `/etc` whole would grant `/etc/shadow`.
* The interpreter that runs agentflow, read-only, even where it lies in the home directory; nothing
  else of the home directory has so much as a name.
* An environment of our own making: no variable of this process is passed on.
* The hosts of the policy, and nothing on this machine (`egress.py`).

How it is put together with sandlock 0.9, and why:

* `Scenery` makes an almost empty root per session; what the tools may see is mounted into it. Not
  `chroot="/"`: there, what the supervisor cannot find in a mount it looks for, and makes, below the
  real root.
* A mount has to be a directory, so files of `/etc` are copied and `/dev` is mounted with all but a
  few of its entries denied.
* Absolute links are followed inside their own mount only, so programs in `/usr/bin` that are links
  to `/etc/alternatives` get a stand-in.
* The supervisor's threads carry out what the program asks for, some of it by path and with the
  rights of this process. They are confined by Landlock themselves, so that the kernel holds them to
  the session's places whatever the program does to paths in between.
* `cwd` has to exist outside too, so the shell changes its directory itself.

What programs notice of it: `creat`, `mknod`, `mkfifo`, `mount` and `ptrace` are refused (`tar -f` writes
through a pipe instead: `tar c x > x.tar`); a file asked for in a directory that does not exist is
"permission denied", which `git commit` stumbles over; directories cannot be opened with O_PATH, which
the stand-ins for cp, mv, ln and install work round, though not by their full path; compilers may fail.

If this process is killed outright, what tools left in the background stays for a moment, without anybody
to serve its system calls: it can open no file and reach no host. It is ended by `leftovers.py`.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from agentflow.errors import SandboxUnavailable
from agentflow.local import egress
from agentflow.local.paths import HOME, Places
from agentflow.local.roster import Entry, Roster
from agentflow.local.scenery import PACKAGES, SHIMS, Scenery, interpreter, lookup_files, prefix

__all__ = [
    "Confined",
    "Sandbox",
    "SandboxPolicy",
    "SandboxSupport",
    "Spawned",
    "Unconfined",
    "support",
]

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxPolicy:
    """What a session's tools may use."""

    hosts: tuple[str, ...] | None = ()
    """Host names reachable on ports 80 and 443. None: every host but this machine."""
    memory_bytes: int = 2048 * _MIB
    processes: int = 128
    open_files: int = 1024
    file_bytes: int = 1024 * _MIB
    """The largest single file."""

    def with_hosts(self, hosts: tuple[str, ...] | None) -> SandboxPolicy:
        return replace(self, hosts=hosts)


@dataclass(frozen=True, slots=True)
class SandboxSupport:
    """Whether this machine can confine tools. `problem` says what is missing, `hint` what to do."""

    problem: str | None
    hint: str | None = None
    landlock_abi: int | None = None

    @property
    def available(self) -> bool:
        return self.problem is None

    def require(self) -> None:
        """Raises SandboxUnavailable if tools cannot be confined here."""
        if self.problem is not None:
            raise SandboxUnavailable(self.problem, hint=self.hint)


def support() -> SandboxSupport:
    """Look at this machine: the operating system, the library, the kernel."""
    unsafe = "--unsafe-no-sandbox runs tools with your own rights."
    if sys.platform != "linux":
        return SandboxSupport(
            f"Tools cannot be confined on {platform.system()}: the sandbox needs Linux.",
            f"Run agentflow in a Linux machine or container. {unsafe}",
        )
    try:
        import sandlock
    except (ImportError, OSError) as error:
        return SandboxSupport(
            f"The sandbox library cannot be loaded: {error}.", "pip install 'sandlock>=0.9,<0.10'"
        )
    found, needed = sandlock.landlock_abi_version(), sandlock.min_landlock_abi()
    if found < 0:
        return SandboxSupport(
            f"The kernel ({platform.release()}) has no Landlock, so tools cannot be confined.",
            f"Use a kernel from 6.12 on, started with Landlock in the `lsm=` parameter. {unsafe}",
        )
    if found < needed:
        return SandboxSupport(
            f"The kernel ({platform.release()}) has Landlock ABI {found}; the sandbox needs {needed}.",
            f"Use a kernel from 6.12 on. {unsafe}",
            found,
        )
    return SandboxSupport(None, None, found)


class Spawned(Protocol):
    """A running program with pipes to its input and its output (both streams in one)."""

    stdin: BinaryIO
    stdout: BinaryIO

    def kill(self) -> None:
        """End it and everything it started. Calling it again does nothing."""
        ...

    def wait(self) -> int:
        """Block until it has ended, and return its exit code; negative for a signal.

        What it had started and left has ended too, and it is no longer written down.
        """
        ...


class Sandbox(Protocol):
    """Something that starts programs for one session."""

    places: Places
    confined: bool
    python: str
    """The interpreter that runs agentflow, as programs see it."""

    def environment(self) -> Mapping[str, str]: ...

    def spawn(self, command: Sequence[str]) -> Spawned:
        """Start a program. Raises SandboxUnavailable if it cannot be confined."""
        ...


class Confined:
    """Programs under sandlock."""

    confined = True

    def __init__(
        self,
        places: Places,
        policy: SandboxPolicy,
        layer: Path | None = None,
        roster: Roster | None = None,
    ) -> None:
        support().require()
        self.places = places
        self.policy = policy
        self.layer = layer
        self.python = interpreter()
        self._roster = roster
        self._scenery = Scenery(places.root / "scenery", layer)
        self._network: Mapping[str, list[str]] | None = None

    def environment(self) -> Mapping[str, str]:
        return _environment(PACKAGES if self.layer else None, SHIMS)

    def spawn(self, command: Sequence[str]) -> Spawned:
        self._scenery.paint()
        if (
            self._network is None
        ):  # names are looked up once per session, and not before it is needed
            self._network = egress.rules(self.policy.hosts)
        entry = Entry(self._roster, self.places.root)
        options = self._options(entry.environment)
        return _ConfinedProcess(command, options, self._supervisor_options(), entry)

    def _options(self, more: Mapping[str, str]) -> dict[str, Any]:
        """What the program may use, as sandlock's parameters."""
        scenery = self._scenery
        writable = {place.seen_as: place.host for place in self.places.all if place.writable}
        read_only = {place.seen_as: place.host for place in self.places.all if not place.writable}
        return {
            "chroot": str(scenery.root),
            "fs_mount": _texts({**scenery.mounts, **writable}),
            "fs_mount_ro": _texts({**scenery.read_only_mounts, **read_only}),
            "fs_readable": ["/"],
            "fs_denied": scenery.denied_devices(),
            "clean_env": True,
            "env": {**self.environment(), **more},
            "max_memory": self.policy.memory_bytes,
            "max_processes": self.policy.processes,
            "max_open_files": self.policy.open_files,
            "no_coredump": True,
            **(self._network or {}),
        }

    def _supervisor_options(self) -> dict[str, Any]:
        """What sandlock's own threads may use.

        The directories that hold the places are not writable, so no place can be removed, renamed or
        replaced by a link.
        """
        scenery = self._scenery
        writable = [scenery.shared_memory, *(p.host for p in self.places.all if p.writable)]
        hosts = (*scenery.mounts.values(), *scenery.read_only_mounts.values())
        readable = {*hosts, scenery.root, *(place.host for place in self.places.all)}
        return {
            "fs_readable": sorted(map(str, readable)) + lookup_files(),
            # The supervisor writes to the memory of the program by /proc/<pid>/mem.
            "fs_writable": ["/dev/null", "/proc", *map(str, writable)],
        }


def _texts(mounts: Mapping[str, Path]) -> dict[str, str]:
    return {seen: str(host) for seen, host in mounts.items()}


def _environment(packages: str | None, *first: str) -> dict[str, str]:
    """Every variable that programs get. `first` are the directories that PATH begins with."""
    path = [*first, f"{prefix()}/bin"]
    path += [f"{packages}/bin"] if packages else []
    environment = {
        "PATH": ":".join([*path, "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": HOME,
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "TMPDIR": "/tmp",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {**environment, "PYTHONPATH": packages} if packages else environment


class _ConfinedProcess:
    """A program under sandlock, and the thread that starts it and waits for it.

    The thread confines itself first, and with it the supervisor's threads, which are its children.
    Since it waits from the start, the end of the program ends whatever it left running in the
    background, and closes the output.

    Raises:
        SandboxUnavailable: the kernel or sandlock refused.
    """

    stdin: BinaryIO
    stdout: BinaryIO

    def __init__(
        self,
        command: Sequence[str],
        options: Mapping[str, Any],
        supervisor: Mapping[str, Any],
        entry: Entry,
    ) -> None:
        self._entry = entry
        self._started = threading.Event()
        self._failure: Exception | None = None
        self._process: Any = None
        self._code = -1
        self._thread = threading.Thread(
            target=self._live, args=(list(command), options, supervisor), daemon=True
        )
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            entry.ended()
            raise SandboxUnavailable(
                f"The sandbox could not be started: {self._failure}.",
                hint="`agentflow doctor` checks what the sandbox needs.",
            ) from self._failure
        self._write_down()

    def _live(
        self, command: list[str], options: Mapping[str, Any], supervisor: Mapping[str, Any]
    ) -> None:
        import sandlock
        from sandlock.sandbox import StdioMode

        try:
            sandlock.confine(sandlock.Sandbox(**supervisor))
            process = sandlock.Sandbox(**options).popen(
                command, StdioMode.PIPED, StdioMode.PIPED, StdioMode.NULL
            )
            assert process.stdin is not None
            assert process.stdout is not None
            # `wait` closes the input of the process, so we write to a copy.
            self.stdin = os.fdopen(os.dup(process.stdin.fileno()), "wb", buffering=0)
            self.stdout = process.stdout
            self._process = process
        except Exception as error:  # it is raised where the program was asked for
            self._failure = error
            return
        finally:
            self._started.set()
        self._code = process.wait().exit_code

    def _write_down(self) -> None:
        pid = self._process.pid
        if pid is not None:  # it may have ended already
            self._entry.started(pid, self.stdout.fileno())

    def kill(self) -> None:
        self._process.kill()

    def wait(self) -> int:
        self._thread.join()
        self._entry.ended()
        return self._code


class Unconfined:
    """Programs with the rights of this process, started in the session's workspace.

    Chosen by name only (`--unsafe-no-sandbox`). The paths of the service do not exist here, so
    programs get the places of this machine in variables and in their working directory.
    """

    confined = False

    def __init__(
        self, places: Places, layer: Path | None = None, roster: Roster | None = None
    ) -> None:
        self.places = places
        self._roster = roster
        self.python = interpreter()
        self.layer = layer

    def environment(self) -> Mapping[str, str]:
        environment = _environment(str(self.layer) if self.layer else None)
        return {
            **environment,
            "HOME": str(self.places.workspace.host),
            "TMPDIR": str(self.places.temporary.host),
            "OUTPUTS": str(self.places.outputs.host),
            "UPLOADS": str(self.places.uploads.host),
        }

    def spawn(self, command: Sequence[str]) -> Spawned:
        entry = Entry(self._roster, self.places.root)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self.places.workspace.host,
                env={**self.environment(), **entry.environment},
                start_new_session=True,
                bufsize=0,
            )
        except OSError:
            entry.ended()
            raise
        return _PlainProcess(process, entry)


class _PlainProcess:
    """A process that leads its own group, which is killed as a whole."""

    def __init__(self, process: subprocess.Popen[bytes], entry: Entry) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._entry = entry
        self._over = False
        self.stdin = cast("BinaryIO", process.stdin)
        self.stdout = cast("BinaryIO", process.stdout)
        entry.started(process.pid, self.stdout.fileno())

    def kill(self) -> None:
        if self._process.returncode is None:  # afterwards, the id may mean another process
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int:
        code = self._process.wait()
        if not self._over:
            self._over = True
            self._entry.end_all()
            self._entry.ended()
        return code
