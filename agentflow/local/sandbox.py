"""[io] Where tools run: a process that sees four directories, some hosts, and limits.

`sandlock` confines a process with Landlock and seccomp, without root and without containers. This
module decides what it is given:

* The session's directories (`paths.py`) at the paths the service uses; uploads are read-only.
* Programs and libraries of the system, read-only, and from `/etc` only named files. As root,
  granting `/etc` whole would grant `/etc/shadow`.
* The interpreter that runs agentflow, read-only, even where it lies in the home directory. An empty
  directory stands in for everything above it, so nothing else of the home directory has so much as
  a name.
* An environment of our own making: no variable of this process is passed on.
* The hosts of the policy, and nothing on this machine: not the loopback interface (the embedded
  service listens there), not link-local addresses (cloud metadata).

Facts about sandlock 0.9 that shaped this: paths are resolved by its supervisor, so a mount has to be
a directory and not a file; listing is allowed in every directory above a readable path, but not above
a mounted one; absolute links are followed inside one mount only, which is why `/usr` is granted and
not mounted; `cwd` has to exist outside too, so the shell changes its directory itself.
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
from agentflow.local.paths import HOME, Places

__all__ = [
    "Confined",
    "Sandbox",
    "SandboxPolicy",
    "SandboxSupport",
    "Spawned",
    "Unconfined",
    "support",
]

PACKAGES = "/mnt/packages"
"""Where the tools see the environment's pip packages."""

_MIB = 1024 * 1024

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "alternatives",
    "ca-certificates",
    "group",
    "host.conf",
    "ld.so.cache",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "passwd",
    "pki/tls",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
)
_DEVICES = ("null", "zero", "full", "random", "urandom", "fd")
_PORTS = "80,443"


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
        """Block until it has ended, and return its exit code; negative for a signal."""
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

    def __init__(self, places: Places, policy: SandboxPolicy, layer: Path | None = None) -> None:
        support().require()
        self.places = places
        self.policy = policy
        self.layer = layer
        self.python = _interpreter()
        self._scenery = places.root / "scenery"

    def environment(self) -> Mapping[str, str]:
        return _environment(PACKAGES if self.layer else None)

    def spawn(self, command: Sequence[str]) -> Spawned:
        import sandlock
        from sandlock.sandbox import StdioMode

        self._paint_scenery()
        box = sandlock.Sandbox(**self._options())
        try:
            process = box.popen(list(command), StdioMode.PIPED, StdioMode.PIPED, StdioMode.NULL)
        except (RuntimeError, sandlock.SandlockError) as error:
            raise SandboxUnavailable(f"The sandbox could not be started: {error}.") from error
        return _ConfinedProcess(process)

    def _options(self) -> dict[str, Any]:
        places = self.places
        mounts = {
            "/mnt": self._scenery
            / "mnt",  # read-only would make what is mounted below it read-only
            "/mnt/session": places.outputs.host.parent,
            places.workspace.seen_as: places.workspace.host,
            places.temporary.seen_as: places.temporary.host,
            "/dev/shm": self._scenery / "shm",
        }
        readable = [path for path in _SYSTEM if Path(path).exists()]
        readable += [f"/etc/{name}" for name in _ETC if Path(f"/etc/{name}").exists()]
        readable += [f"/dev/{name}" for name in _DEVICES]
        readable += ["/proc"]
        read_only = {places.uploads.seen_as: places.uploads.host}
        if self.layer is not None:
            read_only[PACKAGES] = self.layer
        prefix = Path(os.path.realpath(sys.base_prefix))
        if not _below(prefix, _SYSTEM):
            read_only["/" + prefix.parts[1]] = self._scenery / prefix.parts[1]
            read_only[str(prefix)] = prefix
        return {
            "chroot": "/",
            "fs_mount": {seen: str(host) for seen, host in mounts.items()},
            "fs_mount_ro": {seen: str(host) for seen, host in read_only.items()},
            "fs_readable": readable,
            "fs_writable": [
                "/dev/null",
                *(place.seen_as for place in places.all if place.writable),
            ],
            "clean_env": True,
            "env": dict(self.environment()),
            "max_memory": self.policy.memory_bytes,
            "max_processes": self.policy.processes,
            "max_open_files": self.policy.open_files,
            "no_coredump": True,
            **_network(self.policy.hosts),
        }

    def _paint_scenery(self) -> None:
        """Make the empty directories that stand for what lies above a mounted one."""
        prefix = Path(os.path.realpath(sys.base_prefix))
        (self._scenery / "shm").mkdir(parents=True, exist_ok=True)
        (self._scenery / "mnt" / "session").mkdir(parents=True, exist_ok=True)
        (self._scenery / "mnt" / "packages").mkdir(exist_ok=True)
        if not _below(prefix, _SYSTEM):
            self._scenery.joinpath(*prefix.parts[1:]).mkdir(parents=True, exist_ok=True)


def _network(hosts: tuple[str, ...] | None) -> dict[str, list[str]]:
    return {"net_allow": []}


def _interpreter() -> str:
    """The interpreter below the installation's prefix: a virtual environment's is a link to it."""
    return os.path.realpath(sys.executable)


def _below(path: Path, roots: Sequence[str]) -> bool:
    return any(path.is_relative_to(root) for root in roots)


def _environment(packages: str | None) -> dict[str, str]:
    prefix = os.path.realpath(sys.base_prefix)
    environment = {
        "PATH": f"{prefix}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": HOME,
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "TMPDIR": "/tmp",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if packages is not None:
        environment["PYTHONPATH"] = packages
        environment["PATH"] = f"{prefix}/bin:{packages}/bin:/usr/local/bin:/usr/bin:/bin"
    return environment


class _ConfinedProcess:
    """A sandlock process.

    A thread waits for it from the start: when the program ends, whatever it left running in the
    background is ended with it, and the output pipe closes.
    """

    def __init__(self, process: Any) -> None:
        self._process = process
        # `wait` closes the input of the process, so we write to a copy.
        self.stdin: BinaryIO = os.fdopen(os.dup(process.stdin.fileno()), "wb", buffering=0)
        self.stdout: BinaryIO = process.stdout
        self._code = -1
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._waiter.start()

    def _wait(self) -> None:
        self._code = self._process.wait().exit_code

    def kill(self) -> None:
        self._process.kill()

    def wait(self) -> int:
        self._waiter.join()
        return self._code


class Unconfined:
    """Programs with the rights of this process, started in the session's workspace.

    Chosen by name only (`--unsafe-no-sandbox`). The paths of the service do not exist here, so
    programs get the places of this machine in variables and in their working directory.
    """

    confined = False

    def __init__(self, places: Places, layer: Path | None = None) -> None:
        self.places = places
        self.python = _interpreter()
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
        return _PlainProcess(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self.places.workspace.host,
                env=dict(self.environment()),
                start_new_session=True,
                bufsize=0,
            )
        )


class _PlainProcess:
    """A process that leads its own group, which is killed as a whole."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self.stdin = cast("BinaryIO", process.stdin)
        self.stdout = cast("BinaryIO", process.stdout)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int:
        return self._process.wait()
