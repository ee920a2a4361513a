"""What the editor has open, what is known of it, and what it has been told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from agentflow.editor.analysis import Analysis, analyse
from agentflow.editor.buffers import Buffer, Buffers, Home
from agentflow.editor.lsp_problems import Shown, shown
from agentflow.editor.lsp_view import View
from agentflow.editor.schedule import Schedule

__all__ = ["Desk"]

T = TypeVar("T")


class Desk:
    """Belongs to the event loop; checking goes on in one thread beside it."""

    def __init__(
        self, publish: Callable[[Shown], None], log: Callable[[str], None], *, target: str = "local"
    ) -> None:
        """Begin with nothing.

        Args:
            publish: tells the editor all findings of a file.
            log: is told what went wrong.
            target: that projects are compiled for.
        """
        self.buffers = Buffers()
        self.encoding = "utf-16"
        self.target = target
        self._publish = publish
        self._log = log
        self._analyses: dict[Home, Analysis] = {}
        self._told: dict[Path, tuple[Home, Shown]] = {}
        self._schedule: Schedule[Home] = Schedule(self._check)
        # One thread: the compiler is never asked by two at once.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="check")

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def apart(self, work: Callable[[], T]) -> T:
        """Do what takes long, in the thread that checks."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def opened(self, buffer: Buffer) -> None:
        self.buffers.put(buffer)
        self.changed(buffer.path)

    def closed(self, path: Path) -> None:
        """From now on the file is as it is on disk. Of what has no open file nothing is said."""
        home = self.buffers.home(path)
        self.buffers.remove(path)
        self._forget()
        self.changed(path, home)

    def changed(self, path: Path, *homes: Home) -> None:
        """A file is different, here or on disk: check again what it may be a part of."""
        left = self.buffers.homes()
        for home in left:
            root = home.path if home.is_project else home.path.parent
            if home in homes or path == home.path or path.is_relative_to(root):
                self._schedule.touch(home)

    def _forget(self) -> None:
        """Drop what no open file belongs to any more, and take back what was said of it."""
        left = self.buffers.homes()
        for home in [home for home in self._analyses if home not in left]:
            del self._analyses[home]
            self._schedule.drop(home)
        for path, (home, last) in list(self._told.items()):
            if home not in left:
                del self._told[path]
                self._publish(last._replace(version=None, problems=[]))

    async def _check(self, home: Home) -> None:
        """Never raises: what goes wrong is logged, and what was known stays."""
        self._forget()
        if home not in self.buffers.homes():
            return
        before = self._analyses.get(home)
        work = partial(analyse, home, self.buffers.copy(), target=self.target, before=before)
        try:
            made = await self.apart(work)
        except Exception as error:
            self._log(f"{home.path} could not be checked: {type(error).__name__}: {error}")
            return
        if home not in self.buffers.homes():
            return  # closed meanwhile
        if made is None:
            self._analyses.pop(home, None)
        else:
            self._analyses[home] = made
        try:
            self._tell(home, {} if made is None else dict(shown(made, self.encoding)))
        except Exception as error:
            self._log(f"Findings in {home.path} could not be shown: {error!r}")

    def _tell(self, home: Home, found: dict[str, Shown]) -> None:
        by_path = {item.path: item for item in found.values()}
        for buffer in self.buffers if home in self._analyses else ():
            # Said of every open file, so that an editor knows that it has been looked at.
            if buffer.path not in by_path and self.buffers.home(buffer.path) == home:
                known = self._analyses[home].buffers.get(buffer.path)
                seen = known.version if known else None
                by_path[buffer.path] = Shown(buffer.path, buffer.uri, seen, [])
        for path, item in by_path.items():
            if self._is_current(item):
                self._told[path] = home, item
                self._publish(item)
        for path, (owner, last) in list(self._told.items()):
            if owner == home and path not in by_path:
                left = self.buffers.get(path)
                del self._told[path]
                version = left.version if left else None
                self._publish(last._replace(version=version, problems=[]))

    def _is_current(self, item: Shown) -> bool:
        """Whether the file is still what the findings are about; else it is checked again anyway."""
        return self._version(item.path) == item.version

    def _version(self, path: Path) -> int | None:
        buffer = self.buffers.get(path)
        return buffer.version if buffer else None

    async def view(self, path: Path, *, fresh: bool = False) -> View | None:
        """What is known of a file's project. None: it belongs to nothing that we know.

        Args:
            path: of the file.
            fresh: whether it must be of the texts as they are now.
        """
        home = self.buffers.home(path)
        analysis = self._analyses.get(home)
        stale = analysis is None or (fresh and not analysis.buffers.agree(self.buffers))
        if stale and home in self.buffers.homes():
            await self._check(home)
            analysis = self._analyses.get(home)
        if analysis is None or (fresh and not analysis.buffers.agree(self.buffers)):
            return None  # the user goes on typing
        return View(analysis, self.buffers, self.encoding)

    def views(self) -> list[View]:
        """Of everything that is known."""
        return [View(made, self.buffers, self.encoding) for made in self._analyses.values()]
