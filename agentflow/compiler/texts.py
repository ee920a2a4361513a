"""The templates of a spec: text that stands in it, or in a file beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from agentflow import codes
from agentflow.compiler.graph import TemplateText
from agentflow.compiler.references import is_file, resolve_path
from agentflow.compiler.template import SECTIONS
from agentflow.diagnostics import Diagnostic, Span
from agentflow.errors import FileRefused
from agentflow.patterns import regex
from agentflow.source.tree import Document, Path, mapping_at, value_at

if TYPE_CHECKING:
    from agentflow.ports import Files

__all__ = ["Texts", "covers"]

_LOOKS_LIKE_FILE = regex(r"[\w./-]+\.(?:md|markdown|txt|j2|jinja|jinja2)")


class Texts:
    """Finds the templates of specs, after substitution; their shape may be wrong."""

    def __init__(
        self, files: Files, refused: Collection[Span], report: Callable[[Diagnostic], None]
    ) -> None:
        """Read from `files`, and report what cannot be read.

        Args:
            files: the project.
            refused: what the reader of YAML refused: no text is made of it.
            report: takes the problems.
        """
        self._files = files
        self._refused = refused
        self._report = report

    def prompt(self, document: Document, failed: Collection[Path]) -> TemplateText | None:
        """The prompt of an agent; None: it has none that can be used, which is reported."""
        value = document.data.get("prompt")
        path: Path = ("prompt",)
        if not isinstance(value, str) or not value or path in failed:
            return None
        verbatim = document.origin(path).document.is_verbatim
        is_text = verbatim or " " in value or is_file(value)
        if not is_text and _LOOKS_LIKE_FILE.fullmatch(value):
            message = f"The prompt is the text {value!r} itself, not the file of that name."
            hint = f"Write './{value.lstrip('/')}' for the file."
            self._report(codes.MALFORMED.at(document.span(path), message, hint=hint))
            return None
        return self.text(document, path)

    def task(self, document: Document, failed: Collection[Path]) -> TemplateText | None:
        """The task of an agent or a deployment; None: it has none of its own."""
        value = document.data.get("task")
        path: Path = ("task",)
        if not isinstance(value, str) or not value or path in failed:
            return None
        return _inline(document, path, value)

    def sections(
        self, document: Document, failed: Collection[Path]
    ) -> Iterator[tuple[str, TemplateText]]:
        """The wordings of an agent, by section."""
        for name, value in mapping_at(document, ("sections",)).items():
            path: Path = ("sections", name)
            known = f"{name}_section" in SECTIONS and path not in failed
            if known and isinstance(value, str) and value:
                text = self.text(document, path)
                if text is not None:
                    yield name, text

    def text(self, document: Document, path: Path) -> TemplateText | None:
        """The template at `path`: the text itself, or the file it names."""
        value = value_at(document.data, path)
        origin = document.origin(path).document
        if self._refused and self._is_refused(document.span(path)):
            return None
        if origin.is_verbatim or not is_file(value):
            return _inline(document, path, value)
        span = document.span(path)
        name = resolve_path(origin.file, value)
        try:
            text = self._files.read(name)
        except FileRefused as error:
            self._report(codes.CODES[error.code].at(span, error.message, hint=error.hint))
            return None
        if not text.strip():
            what = str(path[0])
            message = f"The {what} file {name!r} is empty."
            self._report(codes.OUT_OF_RANGE.at(span, message, hint=f"Write the {what} there."))
            return None
        return TemplateText(name=name, text=text.replace("\r\n", "\n"), document=None, path=())

    def _is_refused(self, span: Span) -> bool:
        return any(covers(span, refused) for refused in self._refused)


def _inline(document: Document, path: Path, value: str) -> TemplateText:
    origin = document.origin(path).document
    return TemplateText(
        name=origin.file,
        text=value,
        document=document,
        path=path,
        is_verbatim=origin.is_verbatim,
    )


def covers(outer: Span, inner: Span) -> bool:
    """Whether `inner` starts inside of `outer`."""
    if outer.file != inner.file:
        return False
    start, end = (outer.line, outer.column), (outer.end_line, outer.end_column)
    return start <= (inner.line, inner.column) < end
