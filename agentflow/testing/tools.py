"""The tools of a session in a test: files at once, all else in the sandbox as ever.

Most scripts write a file or two, and a script is the test's own text. So `read` and `write` of plain text are
done here and now, with the answers of the real ones. The first other call opens the real tools, which do
everything from then on: from there on a shell may be at work beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from agentflow.local.paths import PathRefused, Places
from agentflow.local.roster import Roster
from agentflow.local.toolset import Toolbox, ToolOutcome, open_toolbox
from agentflow.testing.clock import threaded, working

__all__ = ["Crashes", "TestTools", "tools_of"]

Stub = Callable[[Mapping[str, Any]], ToolOutcome]
"""Arguments -> what a tool that is not run answers."""

_MEDIA = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".pdf")
"""What the real tool reads as something else than text."""
_LARGEST = 256 * 1024


class Crashes:
    """Which calls of which tools crash, counted over a run."""

    def __init__(self, planned: Mapping[str, int]) -> None:
        """`planned`: glob -> how many calls."""
        self._left = dict(planned)

    def strikes(self, tool: str) -> bool:
        for glob, left in self._left.items():
            if left and fnmatchcase(tool, glob):
                self._left[glob] = left - 1
                return True
        return False


class TestTools:
    """`workshop.SessionTools` of one session."""

    __test__ = False

    def __init__(
        self,
        root: Path,
        open_real: Callable[[], Toolbox],
        stubs: Mapping[str, Stub],
        crashes: Crashes,
    ) -> None:
        self._places = Places(root)
        self._places.create()
        self._open_real = open_real
        self._real: Toolbox | None = None
        self._stubs = stubs
        self._crashes = crashes

    async def call(self, name: str, input: Mapping[str, Any]) -> ToolOutcome:
        if self._crashes.strikes(name):
            return ToolOutcome(f"{name}: the tool crashed.", True)
        if name in self._stubs:
            return self._stubs[name](input)
        if self._real is None:
            quick = self._quickly(name, input)
            if quick is not None:
                return quick
            self._real = self._open_real()
        with working(), threaded():
            return await self._real.call(name, input)

    async def close(self) -> None:
        if self._real is not None:
            with working(), threaded():
                await self._real.close()

    def _quickly(self, name: str, input: Mapping[str, Any]) -> ToolOutcome | None:
        """What the real tool would answer to a plain call. None: it has to be asked."""
        path = input.get("file_path")
        if not isinstance(path, str):
            return None
        try:
            place, _ = self._places.locate(path)
            file = self._places.resolve(path)
        except PathRefused:
            return None
        if name == "write" and set(input) == {"file_path", "content"} and place.writable:
            return self._write(file, input["content"])
        wanted = input.get("view_range")
        if name == "read" and set(input) <= {"file_path", "view_range"} and _is_range(wanted):
            return None if file.suffix.lower() in _MEDIA else _read(file, wanted)
        return None

    def _write(self, file: Path, content: object) -> ToolOutcome | None:
        if not isinstance(content, str):
            return None
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8", newline="")
        except (OSError, UnicodeEncodeError):
            return None
        return ToolOutcome(f"wrote {len(content)} bytes to {self._places.seen(file)}")


def _is_range(value: object) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value)
    )


def _read(file: Path, lines: list[int] | None) -> ToolOutcome | None:
    try:
        if not file.is_file() or file.stat().st_size > _LARGEST:
            return None
        with file.open(encoding="utf-8", newline="") as opened:
            text = opened.read()
    except (OSError, UnicodeDecodeError):
        return None
    if lines is None:
        return ToolOutcome(text)
    found = text.split("\n")
    first, last = lines
    return ToolOutcome("\n".join(found[max(0, first - 1) : last if last > 0 else len(found)]))


def tools_of(
    stubs: Mapping[str, Stub], crashes: Crashes, roster: Roster, *, unsafe_no_sandbox: bool
) -> Callable[[Path, tuple[str, ...] | None, Path | None], TestTools]:
    """What makes the tools of a session, for `ServiceConfig.toolbox`."""

    def open_(root: Path, hosts: tuple[str, ...] | None, layer: Path | None) -> TestTools:
        def real() -> Toolbox:
            return open_toolbox(
                root,
                hosts=hosts,
                layer=layer,
                roster=roster,
                unsafe_no_sandbox=unsafe_no_sandbox,
            )

        return TestTools(root, real, stubs, crashes)

    return open_
