"""[io] The places of a session as its tools see them, and where they lie on this machine.

Tools see four places and nothing else of the machine's data:

    /mnt/session/outputs   what the run delivers
    /mnt/session/uploads   what the run was given, read-only
    /workspace             working directory and HOME
    /tmp

Each lies below the session's own directory. This module translates between both views; it decides
what a path means, and leaves the enforcement to the sandbox and to Landlock. Symbolic links are
followed in the view of the tools: a link to `/mnt/session/uploads/a.csv` made by the shell means the
upload, and never a file of this machine that happens to have that name.
"""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass
from pathlib import Path

__all__ = ["HOME", "OUTPUTS", "UPLOADS", "PathRefused", "Place", "Places"]

OUTPUTS = "/mnt/session/outputs"
UPLOADS = "/mnt/session/uploads"
HOME = "/workspace"
_TEMPORARY = "/tmp"

_MAX_LINKS = 40
"""As many as the kernel follows before it calls it a loop."""


class PathRefused(Exception):
    """A path that the tools of a session may not reach. The message names the tools' view only."""


@dataclass(frozen=True, slots=True)
class Place:
    """One directory of a session."""

    seen_as: str
    host: Path
    writable: bool = True


class Places:
    """The places of one session below `root`, which is made canonical first."""

    def __init__(self, root: Path) -> None:
        root = Path(os.path.realpath(root))
        self.root = root
        self.outputs = Place(OUTPUTS, root / "session" / "outputs")
        self.uploads = Place(UPLOADS, root / "session" / "uploads", writable=False)
        self.workspace = Place(HOME, root / "workspace")
        self.temporary = Place(_TEMPORARY, root / "tmp")
        self.all = (self.outputs, self.uploads, self.workspace, self.temporary)

    def create(self) -> None:
        """Make the directories that are missing, closed to other users of the machine."""
        for place in self.all:
            place.host.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)

    def locate(self, path: str) -> tuple[Place, str]:
        """The place that holds `path` and the rest of the path below it ("" for the place itself).

        `path` is absolute or relative to the workspace; `.` and `..` are collapsed as text, and
        links are not looked at.

        Raises:
            PathRefused: it lies in no place.
        """
        if "\0" in path:
            raise PathRefused("A path cannot hold a NUL character.")
        full = posixpath.normpath(posixpath.join(HOME, path))
        full = "/" + full.lstrip("/")  # POSIX keeps exactly two leading slashes
        for place in self.all:
            if full == place.seen_as:
                return place, ""
            if full.startswith(place.seen_as + "/"):
                return place, full[len(place.seen_as) + 1 :]
        raise PathRefused(
            f"{path!r} is outside the session: use {HOME}, {OUTPUTS}, {UPLOADS} or {_TEMPORARY}."
        )

    def resolve(self, path: str) -> Path:
        """The file on this machine that `path` means to the tools, every link followed.

        What does not exist yet is kept as spelled, so that a new file has a path too.

        Raises:
            PathRefused: it lies in no place, leads out of all of them, or runs in circles.
        """
        links = 0
        pending = path
        while True:
            place, rest = self.locate(pending)
            here = place.host
            parts = rest.split("/") if rest else []
            for index, part in enumerate(parts):
                here = here / part
                target = _link_target(here)
                if target is None:
                    continue
                links += 1
                if links > _MAX_LINKS:
                    raise PathRefused(f"{path!r} follows too many symbolic links.")
                parent = posixpath.join(place.seen_as, *parts[:index])
                pending = posixpath.join(parent, target, *parts[index + 1 :])
                break
            else:
                return here

    def seen(self, path: str | Path) -> str | None:
        """How the tools see a path of this machine; None if they do not see it."""
        text = os.fspath(path)
        for place in self.all:
            host = os.fspath(place.host)
            if text == host:
                return place.seen_as
            if text.startswith(host + "/"):
                return place.seen_as + text[len(host) :]
        return None

    def hide(self, text: str) -> str:
        """`text` with the directories of this machine replaced by what the tools see."""
        for place in self.all:
            text = text.replace(os.fspath(place.host), place.seen_as)
        return text.replace(os.fspath(self.root), "")


def _link_target(path: Path) -> str | None:
    """What a symbolic link says; None if there is no link, or nothing, at `path`."""
    try:
        if not stat.S_ISLNK(path.lstat().st_mode):
            return None
        return os.fspath(path.readlink())
    except OSError:
        return None
