"""[io] The root directory that confined programs see, made once per session.

An empty tree with the directories that a Linux system has. Programs, libraries and devices are mounted
into it (`mounts`, `read_only_mounts`: path in the sandbox -> directory of this machine), a few files of
`/etc` and the dynamic loaders are copied, and stand-ins are made for programs that would not work.

sandlock opens the loader of a program below the root and in no mount, which is why it has to be there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

__all__ = ["PACKAGES", "SHIMS", "Scenery", "interpreter", "lookup_files", "prefix"]

PACKAGES = "/mnt/packages"
"""Where tools see the environment's pip packages."""
SHIMS = "/opt/agentflow/bin"
"""Where tools see the stand-ins, first on PATH."""

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/proc")
_EMPTY = ("etc", "mnt/session/outputs", "mnt/session/uploads", "opt", "tmp", "workspace")
_ETC = (
    "ca-certificates.conf",
    "group",
    "ld.so.cache",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "passwd",
    "resolv.conf",
    "services",
    "ssl/cert.pem",
    "ssl/certs/ca-bundle.crt",
    "ssl/certs/ca-certificates.crt",
    "ssl/openssl.cnf",
    "timezone",
)
_LOADERS = ("lib/ld-*.so*", "lib64/ld-*.so*")
_DEVICES = frozenset({"null", "zero", "full", "random", "urandom", "fd", "shm"})
_DESCRIPTORS = (*range(10), *range(56, 64))
"""Low ones, and those that bash takes for `<(...)`, from 63 downwards."""
_INTO = ("cp", "mv", "ln", "install")
_LOOKUP = ("hosts", "resolv.conf", "nsswitch.conf", "host.conf", "gai.conf")


def prefix() -> Path:
    """Where the interpreter that runs agentflow is installed."""
    return Path(os.path.realpath(sys.base_prefix))


def interpreter() -> str:
    """The interpreter below that prefix: a virtual environment's is a link to it."""
    return os.path.realpath(sys.executable)


def lookup_files() -> list[str]:
    """The files of this machine that looking up a host name reads."""
    paths = [Path("/etc", name) for name in _LOOKUP]
    return [os.path.realpath(path) for path in paths if path.exists()]


class Scenery:
    """The root of one session at `folder`/root, and what is mounted into it."""

    def __init__(self, folder: Path, layer: Path | None) -> None:
        self.root = folder / "root"
        self.shared_memory = folder / "shm"
        self._descriptors = folder / "fd"
        self._shims = folder / "shims"
        self._painting = threading.Lock()
        self.mounts = {
            "/dev": Path("/dev"),
            "/dev/fd": self._descriptors,
            "/dev/shm": self.shared_memory,
        }
        self.read_only_mounts = {
            **{path: Path(os.path.realpath(path)) for path in _SYSTEM if Path(path).is_dir()},
            SHIMS: self._shims,
        }
        if not any(prefix().is_relative_to(path) for path in _SYSTEM):
            self.read_only_mounts[str(prefix())] = prefix()
        if layer is not None:
            self.read_only_mounts[PACKAGES] = layer

    def paint(self) -> None:
        """Make what is not there yet. The shims are made last and tell that all is done."""
        with self._painting:
            if not self._shims.exists():
                self._paint()

    def _paint(self) -> None:
        self.shared_memory.mkdir(parents=True, exist_ok=True)
        for seen in (*self.mounts, *self.read_only_mounts, *_EMPTY):
            (self.root / seen.lstrip("/")).mkdir(parents=True, exist_ok=True)
        for name in _ETC:
            _copy(Path("/etc", name), self.root / "etc" / name)
        for pattern in _LOADERS:
            for loader in Path("/").glob(pattern):
                _copy(loader, self.root / loader.relative_to("/"))
        self._link_descriptors()
        self._make_shims()

    def denied_devices(self) -> list[str]:
        """Everything in `/dev` that is there now and is not harmless."""
        names = [path.name for path in Path("/dev").iterdir()]
        return sorted(f"/dev/{name}" for name in names if name not in _DEVICES)

    def _link_descriptors(self) -> None:
        """Make `/dev/fd`, which `<(...)` of bash needs; the supervisor follows such links only."""
        self._descriptors.mkdir(exist_ok=True)
        for number in _DESCRIPTORS:
            with contextlib.suppress(FileExistsError):
                (self._descriptors / str(number)).symlink_to(f"/proc/self/fd/{number}")

    def _make_shims(self) -> None:
        folder = self._shims.with_name("shims.new")
        folder.mkdir(exist_ok=True)
        for name, target in _alternatives():
            text = f'#!/bin/bash\nexec -a {name} {target} "$@"\n'
            _write_program(folder / name, text)
        into = (Path(__file__).parent / "shims" / "into.bash.txt").read_text(encoding="utf-8")
        for name in _INTO:
            _write_program(folder / name, into.replace("@TOOL@", f"/usr/bin/{name}"))
        folder.rename(self._shims)


def _alternatives() -> Iterator[tuple[str, str]]:
    """Programs whose absolute link leads out of `/usr` and back: (name, what it is in the end)."""
    for folder in ("/usr/bin", "/usr/local/bin"):
        with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink() and str(Path(entry.path).readlink()).startswith("/etc/"):
                    target = os.path.realpath(entry.path)
                    if target.startswith("/usr/") and " " not in target:
                        yield entry.name, target


def _copy(source: Path, target: Path) -> None:
    """Copy a file if it is there and may be read."""
    with contextlib.suppress(FileNotFoundError, PermissionError, IsADirectoryError):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _write_program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
