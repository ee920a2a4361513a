"""Commands in a terminal of their own: what a person types, and the lines that stay on the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Terminal", "normal", "screens_of", "terminal"]

WIDTH, HEIGHT = 200, 60
PATIENCE_S = 90.0
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]")
_VOLATILE = (
    (re.compile(r"\b(sesn|agent|env)_[A-Za-z0-9]+"), r"\1_…"),
    (re.compile(r"\b\d{8}-\d{6}-[0-9a-f]+\b"), "RUN"),
    (re.compile(r"\bsha256:[0-9a-f]+"), "sha256:…"),
    (re.compile(r"\b\d+(\.\d+)? (s|ms)\b"), "0.1 s"),
    (re.compile(r"\$\d+\.\d+"), "$0.01"),
    (re.compile(r"\d[\d,]* (input|output|cache read|cache write)"), r"100 \1"),
    (re.compile(r"cache hits \d+%"), "cache hits 50%"),
    (re.compile(r"\(\d+ bytes"), "(100 bytes"),
)


def normal(line: str) -> str:
    """A line without what is another one in every run."""
    for pattern, word in _VOLATILE:
        line = pattern.sub(word, line)
    return line.rstrip()


def screens_of(page: Path) -> dict[str, list[str]]:
    """The commands in the section "What you see" of a page, each with the lines below it; `…` are lines left out."""
    section = page.read_text(encoding="utf-8").partition("## What you see\n")[2]
    section = section.partition("\n## ")[0]
    screens = {}
    for block in re.findall(r"```text\n(.*?)```", section, re.S):
        command, *lines = block.rstrip("\n").split("\n")
        screens[command.removeprefix("$ ")] = [line for line in lines if line.strip(" …")]
    return screens


class Terminal:
    """One command that runs in a terminal."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self._process = process
        self._master = master
        self._seen = b""

    @property
    def lines(self) -> list[str]:
        """All that was ever written, without colours, normalised; a line drawn over counts as one."""
        text = _CONTROL.sub("", self._seen.decode("utf-8", "replace"))
        return [normal(line) for line in re.split(r"[\r\n]+", text)]

    def wait_for(self, text: str) -> None:
        """Read until a text is on the screen."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in _CONTROL.sub("", self._seen.decode("utf-8", "replace")):
            assert time.monotonic() < deadline, f"no {text!r} in:\n" + "\n".join(self.lines)
            assert self._read(deadline), f"it ended without {text!r}:\n" + "\n".join(self.lines)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def end(self) -> int:
        """Read to the end; the exit code."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read(deadline):
            assert time.monotonic() < deadline, "\n".join(self.lines)
        return self._process.wait(PATIENCE_S)

    def _read(self, deadline: float) -> bool:
        """One piece more. False: there is none, because the command has ended."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return True
        try:
            piece = os.read(self._master, 1 << 16)
        except OSError:  # the other side is closed
            return False
        self._seen += piece
        return bool(piece)


@contextmanager
def terminal(words: Sequence[str], cwd: Path) -> Iterator[Terminal]:
    """`agentflow WORDS` in a terminal that is wide enough for every line, without credentials."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "AGENTFLOW_", "FORCE_COLOR", "NO_COLOR"))
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _OWN_TERMINAL, *words],
        cwd=cwd,
        env={**kept, "TERM": "xterm-256color"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(master)


_OWN_TERMINAL = """
import fcntl, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from agentflow.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
"""The terminal is the command's own, so that Ctrl-C reaches it as an interrupt."""
