"""[io] What a command said, kept for as long as nothing it rests on has changed.

An answer rests on facts: the bytes of the files it read, the files it looked for in vain, the
directories it listed, the environment variables it asked for, and the code that took part. A fact is
a kind, one letter, and a name; `STATES` tells how each is now. An answer is given again only if all
of its facts are as they were, by content and not by the clock (but code, by what `stat` says of it).

Answers lie in the user's own cache directory (`AGENTFLOW_CACHE_DIR`, else `agentflow` in
`XDG_CACHE_HOME` or in ~/.cache) and not in the project: what is checked must not be
able to bring its own verdict along. They hold what was printed and names, but no contents of files
and no values of variables. A file that is damaged, or that others may write, is no answer.

This module runs before anything else is imported, and so imports next to nothing itself.
"""

# Without pathlib, which alone takes a third as long as a whole answer.
# ruff: noqa: PTH103, PTH105, PTH108, PTH109, PTH111, PTH116, PTH117, PTH118, PTH120, PTH123
from __future__ import annotations

import os
import stat
import sys

from agentflow import __version__

try:
    from _blake2 import blake2b  # hashlib loads OpenSSL first, a sixth of a whole answer
except ImportError:
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "STATES",
    "Answer",
    "digest",
    "keep",
    "kept_at",
    "listing",
    "place",
    "read_kept",
    "recall",
    "remember",
]

_FORMAT = "1"
_KEPT = 64
"""Answers: the oldest go first."""
_LIMIT = 1 << 20
"""Characters of an answer that is worth keeping."""
_OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
_NOT_KEPT = ("--no-cache", "--fix", "--diff")
"""Words of a command line whose answer is not all that it is for."""
_SURROUNDINGS = ("NO_COLOR", "FORCE_COLOR", "TERM")
"""Environment variables that decide how something is said."""


class Answer:
    """What was printed, and the exit code. Between head and tail stands the time it took, if at all."""

    __slots__ = ("code", "head", "tail", "timed")

    def __init__(self, code: int, head: str, tail: str = "", *, timed: bool = False) -> None:
        self.code = code
        self.head = head
        self.tail = tail
        self.timed = timed

    def text(self, seconds: float) -> str:
        took = f"({seconds * 1000:.0f} ms)" if self.timed else ""
        return f"{self.head}{took}{self.tail}"


def digest(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def listing(entries: Sequence[os.DirEntry[str]]) -> str:
    """What a directory holds: names and kinds."""
    found = []
    for entry in entries:
        link, folder = entry.is_symlink(), entry.is_dir(follow_symlinks=False)
        kind = "l" if link else "d" if folder else "f" if entry.is_file() else "o"
        found.append(f"{entry.name}/{kind}")
    return digest("\0".join(sorted(found)).encode("utf-8", "surrogateescape"))


def _content(root: str, name: str) -> str:
    """The first bytes of a file: `LIMIT PATH`."""
    limit, _, path = name.partition(" ")
    handle = os.open(root + path, _OPEN)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            return "other"
        return digest(os.read(handle, min(int(limit), status.st_size + 1)))
    finally:
        os.close(handle)


def _sha256(root: str, path: str) -> str:
    from agentflow.digests import sha256_of_file

    with open(os.open(root + path, _OPEN), "rb") as file:
        return sha256_of_file(file)


def _size(root: str, path: str) -> str:
    return str(os.lstat(root + path).st_size)


def _listed(root: str, path: str) -> str:
    with os.scandir(root + path) as entries:
        return listing(list(entries))


def _absent(root: str, path: str) -> str:
    return "there" if os.path.lexists(root + path) else "absent"


def _folder(root: str, path: str) -> str:
    try:
        mode = os.lstat(root + path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    return "folder" if stat.S_ISDIR(mode) else "other"


def _code(_: str, path: str) -> str:
    status = os.stat(path)
    return f"{status.st_mtime_ns} {status.st_size} {status.st_ino}"


def _variable(_: str, name: str) -> str:
    value = os.environ.get(name)
    return "unset" if value is None else digest(value.encode("utf-8", "surrogateescape"))


def _variables(_: str, __: str) -> str:
    return digest("\0".join(sorted(os.environ)).encode("utf-8", "surrogateescape"))


STATES: Mapping[str, Callable[[str, str], str]] = {
    "f": _content,
    "s": _sha256,
    "z": _size,
    "d": _listed,
    "-": _absent,
    "p": _folder,
    "c": _code,
    "v": _variable,
    "V": _variables,
}
"""How a fact is now, by its kind: from the root, with a slash at the end, and its name. Each may
raise an `OSError`, which is no state."""


def place(words: Sequence[str]) -> str | None:
    """Where the answer to a command line is kept. None: it is not."""
    if sys.stdout is None or any(word in words for word in _NOT_KEPT):
        return None
    try:
        identity = [
            *(_FORMAT, __version__, sys.version, sys.prefix, os.getcwd()),
            "\n".join(sys.path),
            *(os.environ.get(name, "") for name in _SURROUNDINGS),
            str(sys.stdout.isatty()),
            *words,
        ]
        key = digest("\0".join(identity).encode("utf-8", "surrogateescape"))
    except (OSError, ValueError):  # the directory is gone, or output is closed
        return None
    return kept_at("answers", key)


def kept_at(what: str, key: str) -> str | None:
    """Where something is kept in the user's own cache. None: there is no such place."""
    folder = os.environ.get("AGENTFLOW_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "agentflow"
    )
    if folder == os.devnull or not os.path.isabs(folder):
        return None
    return os.path.join(folder, what, key)


def recall(path: str) -> Answer | None:
    """The answer kept at `path`. None: there is none, or something has changed since."""
    try:
        root, code, timed, head, tail, expected, *facts = read_kept(path).split("\0")
        if _fingerprint(root, facts) != expected:
            return None
        return Answer(int(code), head, tail, timed=timed == "timed")
    except (OSError, ValueError, KeyError):
        return None


def _fingerprint(root: str, facts: Sequence[str]) -> str:
    states = [STATES[fact[:1]](root, fact[1:]) for fact in facts]
    return digest("\n".join(states).encode())


def read_kept(path: str) -> str:
    """The text of a file that is whole, and that nobody else could have written.

    Raises:
        ValueError: it is not.
        OSError: it cannot be read.
    """
    with open(os.open(path, _OPEN), "rb") as file:
        status = os.fstat(file.fileno())
        if status.st_mode & 0o022 or status.st_uid != getattr(os, "geteuid", lambda: 0)():
            raise ValueError(path)
        check, _, data = file.read().partition(b"\n")
    if check.decode() != _checksum(path, data):
        raise ValueError(path)
    return data.decode("utf-8", "surrogateescape")


def _checksum(path: str, data: bytes) -> str:
    """With the name: an answer to another command line, put in this place, is damage as well."""
    return digest(path.rpartition("/")[2].encode() + b"\n" + data)


def remember(path: str, answer: Answer, root: str, facts: Mapping[tuple[str, str], str]) -> None:
    """Keep an answer with the states of its facts, as the run has seen them.

    What cannot be kept is not: on a disk that is full or read-only each run works for itself.
    """
    names = [kind + name for kind, name in facts]
    fields = [
        *(root, str(answer.code), "timed" if answer.timed else "", answer.head, answer.tail),
        *(digest("\n".join(facts.values()).encode()), *names),
    ]
    if len(answer.head) > _LIMIT or any("\0" in field for field in fields):
        return
    keep(path, "\0".join(fields), at_most=_KEPT)


def keep(path: str, text: str, *, at_most: int) -> None:
    """Keep a text, and beside it the newest others, so many in all. If it cannot be, it is not."""
    try:
        data = text.encode("utf-8", "surrogateescape")
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _replace(path, _checksum(path, data).encode() + b"\n" + data)
        _prune(folder, at_most)
    except (OSError, UnicodeEncodeError):
        return


def _replace(path: str, data: bytes) -> None:
    """Write a file whole or not at all; others may do the same at the same time."""
    beside = f"{path}.{os.getpid()}"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _prune(folder: str, at_most: int) -> None:
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in found[at_most:]:
        os.unlink(entry.path)
