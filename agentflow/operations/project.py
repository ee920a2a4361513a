"""[io] The files of a project on disk: which of them are specs, and reading without surprises.

Nothing outside of the project's directory is read, nothing large is read whole before its size is
known, and nothing that could block is opened.
"""

from __future__ import annotations

import errno
import os
import posixpath
import re
import stat
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path, PurePosixPath

from agentflow import codes
from agentflow.compiler.ant.recognise import DIRECTORIES, ant_kind, may_be_ant
from agentflow.compiler.load import MARKDOWN, PROJECT_FILE
from agentflow.diagnostics import Code
from agentflow.digests import sha256_of_file
from agentflow.errors import FileRefused
from agentflow.nearest import nearest
from agentflow.patterns import regex
from agentflow.spec.base import API_VERSION
from agentflow.spec.kinds import KINDS

__all__ = [
    "INDEX",
    "MAX_DATA_BYTES",
    "MAX_TEXT_BYTES",
    "SKIPPED_DIRECTORIES",
    "LooseFiles",
    "ProjectFiles",
    "find_project",
]

MAX_TEXT_BYTES = 1 << 20
"""Of a spec, a prompt or any other text."""

MAX_DATA_BYTES = 5 << 20
"""Of a schema or a module."""

_DATA_SUFFIXES = (".json", ".py")
_SPEC_SUFFIXES = (".yaml", ".yml")
_UNSPEAKABLE = regex("[\x00-\x1f\x7f\ud800-\udfff]")
INDEX = ".agentflow-written.json"
"""The list of what `compile --out` wrote to a directory; see `folder`."""
SKIPPED_DIRECTORIES = frozenset({"node_modules", "__pycache__", "site-packages"})
"""In which no specs are looked for, beside hidden ones."""

_KIND = "|".join(KINDS)
_OWN_VERSION = regex(rb"^(?:\{\s*)?[\"']?apiVersion[\"']?:\s*[\"']?agentflow\b", re.M)
_OTHER_VERSION = regex(rb"^(?:\{\s*)?[\"']?apiVersion[\"']?:", re.M)
_OWN_KIND = regex(rf"^(?:\{{\s*)?[\"']?kind[\"']?:\s*[\"']?(?:{_KIND})\b".encode(), re.M | re.I)


def find_project(start: Path) -> Path | None:
    """The nearest directory that has an `agentflow.yaml`: `start` or one above. None: there is none."""
    start = start.absolute()
    for directory in (start, *start.parents):
        if os.path.lexists(directory / PROJECT_FILE):
            return directory
    return None


class ProjectFiles:
    """The files below the directory of an `agentflow.yaml`, as `ports.Files`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.skipped = 0
        """YAML files that are no specs, counted by `specs`."""
        self._real_root = os.path.realpath(self.root)
        # What `specs` had to read anyway, until `read` asks for it.
        self._ahead: dict[str, bytes] = {}
        self.listed: set[str] = set()
        """Files that were listed: they are no links, and lie in no linked directory."""
        # What `compile --out` wrote: it would declare everything a second time.
        self._made: set[str] = set()

    def specs(self) -> Sequence[str]:
        """The project's file, and every file that says it is a spec or is one of `ant apply`, sorted.

        Hidden directories, virtual environments, installed packages, nested projects and what
        `compile --out` wrote are left out; links are not followed.

        Raises:
            FileRefused: a directory cannot be listed.
        """
        self.skipped = 0
        found = []
        for path in self._walk():
            if path == PROJECT_FILE or self._is_spec(path):
                found.append(path)
            elif path.endswith(_SPEC_SUFFIXES) and path not in self._made:
                self.skipped += 1
        return sorted(found)

    def candidates(self) -> Iterator[str]:
        """The files that `specs` looks into, in no order.

        Raises:
            FileRefused: a directory cannot be listed.
        """
        return self._walk()

    def look(self, path: str) -> bytes | None:
        """The content of one of these files. None: it is no spec.

        Raises:
            FileRefused: as `read`.
        """
        if not self._is_spec(path):
            return None
        data = self._ahead.pop(path, None)
        return self._bytes(path, limit=MAX_TEXT_BYTES) if data is None else data

    def read(self, path: str) -> str:
        """The text of a file, as it is, without a byte order mark.

        Raises:
            FileRefused: it is missing, not a regular file, too large, not UTF-8, or outside.
        """
        data = self._ahead.pop(path, None)
        if data is None:
            data = self._bytes(path, limit=_limit(path))
        return decoded(path, data)

    def real_path(self, path: str) -> Path:
        """Where a file really is, links followed.

        Raises:
            FileRefused: outside of the project.
        """
        return Path(self._confined(path))

    def digest(self, path: str) -> str:
        """The SHA-256 of a file's bytes; see `ports.Files`."""
        with self._open(path) as file:
            try:
                return "sha256:" + sha256_of_file(file)
            except OSError as error:
                raise _unreadable(path, error) from None

    def size(self, path: str) -> int:
        """The bytes of a file; see `ports.Files`."""
        with self._open(path) as file:
            return os.fstat(file.fileno()).st_size

    def folder(self, path: str) -> Sequence[str]:
        """Every file below a folder, relative to it, sorted; see `ports.Files`."""
        real = self._confined(path)
        if not Path(real).is_dir():
            if not Path(real).exists():
                message = f"There is no folder {path!r}."
                raise FileRefused(codes.FILE_MISSING.id, path, message, hint=self._similar(path))
            raise _refused(codes.NOT_A_FILE, path, f"{path!r} is a file, not a folder.")
        return sorted(self._listed(path))

    def _listed(self, folder: str) -> Iterator[str]:
        """The files of a folder, relative to it. A link could lead anywhere, so none is allowed."""
        waiting = [""]
        while waiting:
            below = waiting.pop()
            directory = posixpath.join(folder, below)
            try:
                listed = [e for e in self._entries(directory) if not e.name.startswith(".")]
            except OSError as error:
                raise _unreadable(directory, error) from None
            for entry in listed:
                name = posixpath.join(below, entry.name)
                if entry.is_symlink():
                    message = f"{posixpath.join(folder, name)!r} is a link."
                    hint = "Copy the file there: what is uploaded stands in the folder itself."
                    raise _refused(codes.OUTSIDE_PROJECT, folder, message, hint)
                if not entry.name.isprintable() and _UNSPEAKABLE.search(entry.name):
                    message = f"The name {posixpath.join(folder, name)!r} is not text in UTF-8."
                    hint = "Rename it: the agent finds the file by its name."
                    raise _refused(codes.NOT_UTF8, folder, message, hint)
                if not entry.is_dir(follow_symlinks=False):
                    yield name
                elif entry.name not in SKIPPED_DIRECTORIES:
                    waiting.append(name)

    def relative(self, path: Path) -> str:
        """The project-relative name of a path.

        Raises:
            FileRefused: it lies outside.
        """
        name = os.path.relpath(path.absolute(), self.root).replace(os.sep, "/")
        if name.startswith("../") or name == "..":
            raise _outside(str(path))
        return name

    def _entries(self, directory: str) -> list[os.DirEntry[str]]:
        with os.scandir(self.root / directory) as entries:
            return list(entries)

    def _walk(self) -> Iterator[str]:
        """Files of the project that may be specs, links left out, in no order."""
        waiting = [""]
        self.listed.clear()
        while waiting:
            directory = waiting.pop()
            try:
                listed = self._entries(directory)
            except OSError as error:
                raise _unreadable(directory or ".", error) from None
            names = {entry.name for entry in listed}
            if directory and (PROJECT_FILE in names or "pyvenv.cfg" in names):
                continue
            # In the root it is of a folder that was written, and made a project since.
            if directory and INDEX in names:
                self._made |= self._written(directory)
            for entry in listed:
                path = posixpath.join(directory, entry.name)
                if path == PROJECT_FILE:
                    yield path
                elif entry.name.startswith(".") or entry.is_symlink():
                    continue
                elif entry.is_dir(follow_symlinks=False):
                    if entry.name not in SKIPPED_DIRECTORIES:
                        waiting.append(path)
                elif (entry.name.endswith(_SPEC_SUFFIXES) or may_be_ant(path)) and entry.is_file(
                    follow_symlinks=False
                ):
                    self.listed.add(path)
                    yield path

    def _written(self, directory: str) -> set[str]:
        """What `compile --out` has noted in a directory."""
        from agentflow.operations.folder import parse_index

        try:
            index = self._bytes(posixpath.join(directory, INDEX), limit=MAX_DATA_BYTES)
        except FileRefused:
            return set()
        return {posixpath.join(directory, path) for path in parse_index(index)}

    def _is_spec(self, path: str) -> bool:
        """Whether a file says that it is for agentflow, and not for another tool."""
        try:
            if path.endswith(MARKDOWN):
                from agentflow.source.markdown import has_frontmatter

                head = self._bytes(path, limit=16, cut=True)
                if not has_frontmatter(head.decode("utf-8", "ignore")):
                    return False
            data = self._bytes(path, limit=MAX_TEXT_BYTES, cut=True)
        except FileRefused:
            return True  # `read` says why
        # A spec of ours is never made by us: no list of files can hide one, such as a policy.
        found = is_own_spec(path, data) or (
            path not in self._made
            and may_be_ant(path, text := data.decode("utf-8", "ignore"))
            and ant_kind(path, text) is not None
        )
        if found and len(data) <= MAX_TEXT_BYTES:
            self._ahead[path] = data
        return found

    def _bytes(self, path: str, *, limit: int, cut: bool = False) -> bytes:
        """The content of a file, of at most `limit` bytes; one more if it is longer and `cut`."""
        handle, size = self._handle(path)
        try:
            if size > limit and not cut:
                raise _too_large(path, size, limit)
            # Memory for all that is asked for is taken first, so ask for no more than there is.
            data = os.read(handle, min(size, limit) + 1)
            while size < len(data) <= limit and (more := os.read(handle, limit + 1 - len(data))):
                data += more  # it has grown
        except OSError as error:
            raise _unreadable(path, error) from None
        finally:
            os.close(handle)
        if len(data) > limit and not cut:
            raise _too_large(path, len(data), limit)
        return data

    def _open(self, path: str) -> BufferedReader:
        """A regular file inside of the project, open for reading.

        Raises:
            FileRefused: there is none.
        """
        return os.fdopen(self._handle(path)[0], "rb")

    def _handle(self, path: str) -> tuple[int, int]:
        """The same as the system has it, and its size.

        Raises:
            FileRefused: there is none.
        """
        real = self._confined(path)
        try:
            # Not blocking: a pipe must not wait for its writer. `realpath` has followed the links.
            handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise self._cannot_open(path, error) from None
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            os.close(handle)
            raise _not_a_file(path, status.st_mode)
        return handle, status.st_size

    def _confined(self, path: str) -> str:
        """The real path of a file, which is below the root."""
        if path in self.listed:
            return f"{self._real_root.rstrip('/')}/{path}"
        lexical = posixpath.normpath(path)
        if lexical.startswith(("../", "/")) or lexical == "..":
            raise _outside(path)
        try:
            real = os.path.realpath(self.root / lexical)
        except (OSError, ValueError):  # a null byte
            raise _refused(codes.FILE_MISSING, path, f"There is no file {path!r}.") from None
        if real != self._real_root and not real.startswith(self._real_root.rstrip("/") + "/"):
            raise _outside(path)
        return real

    def _cannot_open(self, path: str, error: OSError) -> FileRefused:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            message = f"There is no file {path!r}."
            return FileRefused(codes.FILE_MISSING.id, path, message, hint=self._similar(path))
        if error.errno == errno.ENXIO:
            return _refused(codes.NOT_A_FILE, path, f"{path!r} is a socket or a pipe, not a file.")
        return _unreadable(path, error)

    def _similar(self, path: str) -> str:
        """A hint with the file of the same directory that is named most like it."""
        directory, name = posixpath.split(posixpath.normpath(path))
        try:
            entries = [entry.name for entry in self._entries(directory)]
        except (OSError, ValueError):
            return f"Create it, or correct the path: there is no directory {directory!r}."
        near = nearest(name, [entry for entry in entries if not entry.startswith(".")])
        if near is None:
            return "Create it, or correct the path."
        return f"Did you mean {posixpath.join(directory, near)!r}?"


class LooseFiles(ProjectFiles):
    """Single specs without an `agentflow.yaml`: a project of their own, named after the directory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Take the files named.

        Args:
            paths: at least one. Their common directory is the root.
        """
        parents = [str(path.absolute().parent) for path in paths]
        root = Path(os.path.commonpath(parents))
        # What files of `ant apply` are follows from their folder, which is a part of their paths then.
        super().__init__(root.parent if root.name in DIRECTORIES else root)
        self._named = sorted({self.relative(path) for path in paths})

    def specs(self) -> Sequence[str]:
        """The files named, and a project file in memory if none of them declares a project."""
        return sorted({*self._named, PROJECT_FILE})

    def read(self, path: str) -> str:
        if path == PROJECT_FILE and path not in self._named:
            return self._implicit_project()
        return super().read(path)

    def _implicit_project(self) -> str:
        name = re.sub(r"[^a-z0-9]+", "-", self.root.name.lower())[:63].strip("-") or "project"
        return f"apiVersion: {API_VERSION}\nkind: Project\nname: {name}\n"


def is_own_spec(path: str, data: bytes) -> bool:
    """Whether a YAML or Markdown file is a spec in our own words."""
    if path.endswith(MARKDOWN):
        return looks_like_spec(_front(data))
    return path.endswith(_SPEC_SUFFIXES) and looks_like_spec(data)


def _front(data: bytes) -> bytes:
    """The frontmatter of a Markdown file; where it does not end, what stands together at the top."""
    from agentflow.source.markdown import has_frontmatter, split

    text = data.decode("utf-8-sig", "ignore")
    if not has_frontmatter(text):
        return b""
    page = split(text)
    return (text[slice(*page.front)] if page else re.split(r"\n[ \t]*\r?\n", text)[0]).encode()


def looks_like_spec(data: bytes) -> bool:
    """Whether YAML text is a spec: by its `apiVersion`, or by its `kind` if it has none."""
    if data.startswith(b"apiVersion: agentflow/"):
        return True
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "ignore").encode()
    if _OWN_VERSION.search(data):
        return True
    return _OWN_KIND.search(data) is not None and _OTHER_VERSION.search(data) is None


def _limit(path: str) -> int:
    return MAX_DATA_BYTES if path.endswith(_DATA_SUFFIXES) else MAX_TEXT_BYTES


def decoded(path: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        message = f"{path!r} is not UTF-8: byte {error.start} (line {line}) is 0x{byte:02x}."
        utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        hint = "It is UTF-16. Save it as UTF-8." if utf16 else "Save the file as UTF-8."
        raise FileRefused(codes.NOT_UTF8.id, path, message, hint=hint) from None


def _refused(code: Code, path: str, message: str, hint: str | None = None) -> FileRefused:
    return FileRefused(code.id, path, message, hint=hint)


def _unreadable(path: str, error: OSError) -> FileRefused:
    message = f"{path!r} cannot be read: {error.strerror or error}."
    hint = "Check its permissions."
    if error.errno == errno.ELOOP:
        hint = "Links lead in a circle: put a file in place of one of them."
    return _refused(codes.FILE_UNREADABLE, path, message, hint)


def _outside(path: str) -> FileRefused:
    message = f"{path!r} leads out of the project."
    hint = f"Move the file below the directory of {PROJECT_FILE}."
    return FileRefused(codes.OUTSIDE_PROJECT.id, path, message, hint=hint)


def _not_a_file(path: str, mode: int) -> FileRefused:
    directory = stat.S_ISDIR(mode)
    what = "a directory" if directory else "a pipe or a device"
    hint = "Put a file there, or name another path."
    if directory:
        hint = f"Name a file in it, such as '{PurePosixPath(path) / 'NAME'}'."
    return _refused(codes.NOT_A_FILE, path, f"{path!r} is {what}, not a file.", hint)


def _too_large(path: str, size: int, limit: int) -> FileRefused:
    message = f"{path!r} has {size / (1 << 20):.1f} MiB, and at most {limit >> 20} are read."
    hint = "Data belongs among the inputs of a run, not among the specs."
    return _refused(codes.FILE_TOO_LARGE, path, message, hint)
