"""[io] The pip packages of an environment, installed once into a directory that tools can read.

A layer is `<cache>/<digest>`: the digest is over the requirements, in any order and spacing, and over
the interpreter and the platform they are installed for. It is built beside its place and renamed, under
a lock, so that a layer is whole or not there and two processes build it once.

Only requirement specifiers are taken (`pandas==2.3.3`, `rich[jupyter]>=13; python_version < "3.13"`):
options, addresses and paths are refused, since they would reach into this machine. pip runs with the
rights of this process, as it does when a developer calls it, and with the developer's pip settings;
wheels are preferred, since a source distribution runs its own code while it is built.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from agentflow.errors import PackagesFailed
from agentflow.local.scenery import interpreter
from agentflow.local.threads import in_thread

__all__ = ["layer_for", "refusal"]

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_EXTRAS = rf"\[\s*(?:{_NAME}(?:\s*,\s*{_NAME})*)?\s*\]"
_CLAUSE = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+"
_REQUIREMENT = re.compile(
    rf"{_NAME}\s*(?:{_EXTRAS})?\s*(?:{_CLAUSE}(?:\s*,\s*{_CLAUSE})*)?\s*(?:;[^\r\n\0]*)?", re.ASCII
)
_CREDENTIALS = re.compile(r"(\w+://)[^/\s@]+@")
_PASSED_ON = re.compile(
    r"PATH|HOME|LANG|LC_\w+|TMPDIR|USER|LOGNAME|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|XDG_\w+"
    r"|PIP_\w+|NETRC|(?:https?|no|all)_proxy",
    re.IGNORECASE,
)
"""Variables that pip may need. No other is given to it, since building a package runs its code."""

_LOCK_POLL_S = 0.1

Progress = Callable[[str], None]


async def layer_for(
    pip: Sequence[str], cache: Path, *, progress: Progress | None = None
) -> Path | None:
    """The directory with these packages, installed now if it is not there yet.

    Args:
        pip: requirement specifiers. Without any there is no layer: the answer is None.
        cache: the directory of all layers, created if missing.
        progress: told in a sentence when an installation starts.

    Raises:
        PackagesFailed: a requirement is refused, pip is not to be found, or pip failed.
    """
    for requirement in pip:
        if (problem := refusal(requirement)) is not None:
            raise PackagesFailed(problem, hint="Write a requirement such as pandas==2.3.3.")
    wanted = sorted({" ".join(requirement.split()) for requirement in pip})
    if not wanted:
        return None
    place = cache / _digest(wanted)
    if place.is_dir():
        return place
    if progress is not None:
        progress(f"Installing {', '.join(wanted)}.")
    job = _Installation(wanted, place)
    return await in_thread(job.run, on_cancel=job.stop)


def refusal(requirement: str) -> str | None:
    """Why a requirement is not taken, as a sentence; None if it is."""
    if _REQUIREMENT.fullmatch(requirement.strip(" ")):
        return None
    shown = _CREDENTIALS.sub(r"\1***@", requirement)
    return (
        f"{shown!r} is not a package with an optional version, which is all that is installed here."
    )


def _digest(wanted: Sequence[str]) -> str:
    platform = (sys.implementation.cache_tag or "", sysconfig.get_platform(), sys.version)
    return hashlib.sha256("\0".join((*platform, *wanted)).encode()).hexdigest()[:32]


class _Installation:
    """One run of pip. `stop` may be called from any thread."""

    def __init__(self, wanted: Sequence[str], place: Path) -> None:
        self._wanted = wanted
        self._place = place
        self._pip: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()
        if self._pip is not None:
            _kill_group(self._pip)

    def run(self) -> Path:
        """Build the layer unless somebody else just did. Blocks."""
        self._place.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self._place.with_suffix(".lock"), self._stopped):
            if self._place.is_dir():
                return self._place
            building = Path(tempfile.mkdtemp(prefix="building-", dir=self._place.parent))
            try:
                self._install(building)
                _make_scripts_portable(building / "bin")
                building.chmod(0o755)
                building.rename(self._place)
            finally:
                shutil.rmtree(building, ignore_errors=True)
        return self._place

    def _install(self, target: Path) -> None:
        command = [
            *(_python_with_pip(), "-I", "-m", "pip", "install", "--quiet", "--no-input"),
            *("--disable-pip-version-check", "--no-warn-script-location", "--progress-bar", "off"),
            *("--prefer-binary", "--root-user-action", "ignore", "--target", str(target)),
            "--",
            *self._wanted,
        ]
        self._pip = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=_environment(),
            start_new_session=True,
        )
        if self._stopped.is_set():
            _kill_group(self._pip)
        output, _ = self._pip.communicate()
        if self._pip.returncode != 0:
            names = ", ".join(self._wanted)
            raise PackagesFailed(
                f"The packages {names} could not be installed: {_reason(output)}",
                hint="Check the names and versions, and that this machine reaches a package index.",
            )


def _python_with_pip() -> str:
    """The interpreter that runs agentflow, or the installation behind its virtual environment.

    Both install for the same version, and either may have been made without pip.

    Raises:
        PackagesFailed: neither has pip.
    """
    for python in dict.fromkeys((sys.executable, interpreter())):
        probe = subprocess.run(
            [python, "-I", "-m", "pip", "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=_environment(),
        )
        if probe.returncode == 0:
            return python
    raise PackagesFailed(
        f"No pip belongs to {interpreter()}, so packages cannot be installed.",
        hint="Install pip, with the system's package manager or by\n    python3 -m ensurepip",
    )


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}


def _reason(output: str) -> str:
    """Pip's own errors, without the addresses it looked at."""
    lines = [line.strip() for line in output.splitlines()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    text = " ".join(errors) or next((line for line in reversed(lines) if line), "pip says nothing.")
    return re.sub(r"\w+://\S+", "an index", _CREDENTIALS.sub(r"\1", text))


def _make_scripts_portable(folder: Path) -> None:
    """Let scripts find the interpreter by name: the one that installed them is not seen by tools."""
    for script in folder.iterdir() if folder.is_dir() else ():
        data = script.read_bytes()
        first, newline, rest = data.partition(b"\n")
        if first.startswith(b"#!") and b"python" in first:
            script.write_bytes(b"#!/usr/bin/env python3" + newline + rest)


def _kill_group(process: subprocess.Popen[str]) -> None:
    """End pip and what it builds with."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def _locked(path: Path, stopped: threading.Event) -> Iterator[None]:
    """Hold a lock between processes. The kernel lets go of it when the holder dies.

    Raises:
        PackagesFailed: we were stopped while we waited for it.
    """
    with path.open("w") as file:
        while not stopped.is_set():
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                stopped.wait(_LOCK_POLL_S)
        else:
            raise PackagesFailed("The installation was stopped.")
        yield
