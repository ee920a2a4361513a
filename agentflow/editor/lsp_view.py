"""What is known of a project, in the places of the editor: URIs, and positions in the text it has now."""

from __future__ import annotations

from pathlib import Path

from lsprotocol import types as lsp
from pygls.uris import to_fs_path

from agentflow.diagnostics import Span
from agentflow.editor.analysis import Analysis
from agentflow.editor.buffers import Buffers
from agentflow.editor.positions import Place, Text
from agentflow.editor.shift import Shift
from agentflow.errors import FileRefused

__all__ = ["View", "path_of", "position"]


def path_of(uri: str) -> Path | None:
    """None: it is no file, such as a text that was never saved."""
    path = to_fs_path(uri)
    return Path(path) if path else None


def position(place: Place) -> lsp.Position:
    return lsp.Position(line=place.line, character=place.unit)


class View:
    """An analysis, seen through the files that are open now."""

    def __init__(self, analysis: Analysis, buffers: Buffers, encoding: str) -> None:
        self.analysis = analysis
        self._buffers = buffers
        self.encoding = encoding
        self._texts: dict[str, Text] = {}
        self._shifts: dict[str, Shift] = {}

    def path(self, file: str) -> Path:
        return self.analysis.project.root / file

    def file(self, path: Path) -> str | None:
        """The name of a file in the project. None: it is outside."""
        root = self.analysis.project.root
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else None

    def uri(self, file: str) -> str:
        buffer = self._buffers.get(self.path(file))
        return buffer.uri if buffer else self.path(file).as_uri()

    def text(self, file: str) -> Text:
        """As it is now: in the editor, else on disk. Empty if it cannot be read."""
        if file not in self._texts:
            buffer = self._buffers.get(self.path(file))
            try:
                text = buffer.text if buffer else self.analysis.project.files.read(file)
            except FileRefused:
                text = ""
            self._texts[file] = Text(text, self.encoding)
        return self._texts[file]

    def _shift(self, file: str) -> Shift:
        if file not in self._shifts:
            known = self.analysis.index.files.get(file)
            now = self.text(file).text
            self._shifts[file] = Shift(known.text if known else now, now)
        return self._shifts[file]

    def known(self, file: str, place: Place) -> tuple[int, int] | None:
        """Line and column, from 1, in the text that the index is of. None: that line has changed."""
        line, column = self.text(file).position(place)
        old = self._shift(file).old(line)
        return None if old is None else (old, column)

    def range(self, span: Span) -> lsp.Range | None:
        """Where something of the index stands now. None: its lines have changed."""
        shift = self._shift(span.file)
        line, end = shift.new(span.line), shift.new(span.end_line)
        if line is None or end is None:
            return None
        return self.exact(Span(span.file, line, span.column, end, span.end_column))

    def exact(self, span: Span) -> lsp.Range:
        """The range of a span in the text as it is now."""
        start, end = self.text(span.file).range(span)
        return lsp.Range(start=position(start), end=position(end))

    def location(self, span: Span) -> lsp.Location | None:
        found = self.range(span)
        return None if found is None else lsp.Location(uri=self.uri(span.file), range=found)
