"""What the fields of a spec lead to: other specs, and files beside it.

Works from the marks of the models (`RefTo`, `File`), so it knows every kind.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from agentflow import codes
from agentflow.compiler.graph import Reference
from agentflow.compiler.load import Loaded
from agentflow.diagnostics import Diagnostic
from agentflow.errors import FileRefused
from agentflow.nearest import did_you_mean
from agentflow.records import NamedTuple
from agentflow.source.tree import Document, Path, value_at
from agentflow.spec.base import File, RefTo, SpecModel
from agentflow.spec.kinds import KINDS
from agentflow.spec.refs import Ref, parse_ref
from agentflow.spec.walk import marked_in, values_at

if TYPE_CHECKING:
    from agentflow.ports import Files

__all__ = ["Named", "ReferenceCheck", "check_files", "is_file", "resolve_path"]

_SHOWN = {kind.lower(): kind for kind in KINDS}


def resolve_path(beside: str, path: str) -> str:
    """The project-relative path of a file that is named in the file `beside`.

    It may lead out of the project: `Files.read` refuses that.
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(beside), path))


def is_file(value: str) -> bool:
    """Whether text means a file of that name, and not itself."""
    return value.startswith(("./", "../")) and "\n" not in value.strip()


class Named(NamedTuple):
    """What the project declares, for references."""

    names: Mapping[str, Collection[str]]
    """By kind as in addresses: the names one can refer to."""
    abstract: Collection[str]
    """Addresses of specs that can only be extended."""
    credentials: Mapping[str, Collection[str]]
    """By vault."""
    complete: bool
    """False: some files could not be read, so a missing name proves nothing."""

    @classmethod
    def of(cls, loaded: Loaded) -> Named:
        names: dict[str, set[str]] = {kind.lower(): set() for kind in KINDS}
        abstract = set()
        credentials = {}
        for spec in loaded.specs:
            if spec.name is None:
                continue
            names[spec.kind.lower()].add(spec.name)
            if spec.document.data.get("abstract") is True:
                abstract.add(spec.address)
            if spec.kind == "Vault":
                found = spec.document.data.get("credentials")
                credentials[spec.name] = tuple(found) if isinstance(found, dict) else ()
        return cls(names, abstract, credentials, loaded.complete)


class ReferenceCheck:
    """Collects the references of specs, and reports those that lead nowhere."""

    def __init__(self, named: Named, report: Callable[[Diagnostic], None]) -> None:
        self._named = named
        self._report = report
        self.found: list[Reference] = []

    def check(
        self,
        model: type[SpecModel],
        address: str,
        document: Document,
        failed: Collection[Path],
    ) -> None:
        """Look every reference of a spec up.

        Args:
            model: of its kind.
            address: its own.
            document: after substitution; its shape may be wrong.
            failed: paths whose values could not be made.
        """
        for field in marked_in(model, RefTo, document.data):
            for path, value in values_at(document.data, field):
                if isinstance(value, str) and value != "self" and path not in failed:
                    ref = parse_ref(value, field.mark.kind)
                    if ref is not None and ref.address is not None:
                        self._look_up(document, address, path, ref)

    def _look_up(self, document: Document, source: str, path: Path, ref: Ref) -> None:
        assert ref.address is not None
        assert ref.name is not None
        names = self._named.names[ref.kind]
        if ref.name not in names:
            self._missing(document, path, ref, names)
            return
        self.found.append(Reference(source=source, path=path, target=ref.address))
        if ref.address in self._named.abstract and path != ("extends",):
            message = f"{_SHOWN[ref.kind]} {ref.name!r} is abstract: it can only be extended."
            hint = f"Declare one that extends it, or remove `abstract` from {ref.name!r}."
            self._report(codes.ABSTRACT_USED.at(document.span(path), message, hint=hint))
        credentials = self._named.credentials.get(ref.name, ())
        if ref.kind == "vault" and ref.part is not None and ref.part not in credentials:
            message = f"Vault {ref.name!r} has no credential {ref.part!r}."
            near = did_you_mean(ref.part, credentials)
            hint = near or f"Declare it below `credentials` of {ref.name!r}."
            self._report(codes.UNKNOWN_REFERENCE.at(document.span(path), message, hint=hint))

    def _missing(self, document: Document, path: Path, ref: Ref, names: Collection[str]) -> None:
        if not self._named.complete:
            return
        kind = _SHOWN[ref.kind]
        message = f"No {kind} is named {ref.name!r}."
        hint = did_you_mean(str(ref.name), names)
        hint = hint or f"Declare it: `kind: {kind}` with `name: {ref.name}`."
        self._report(codes.UNKNOWN_REFERENCE.at(document.span(path), message, hint=hint))


def check_files(
    model: type[SpecModel],
    document: Document,
    failed: Collection[Path],
    files: Files,
    *,
    but: Collection[Path] = (),
) -> Iterator[Diagnostic]:
    """A problem for every file that a spec names and that cannot be read.

    Args:
        but: paths that somebody else looks at.
    """
    for field in marked_in(model, File, document.data):
        for path, value in values_at(document.data, field):
            if not isinstance(value, str) or not is_file(value) or path in failed or path in but:
                continue
            yield from _unreadable(document, path, field.mark, files)


def _unreadable(document: Document, path: Path, mark: File, files: Files) -> Iterator[Diagnostic]:
    name = resolve_path(document.origin(path).document.file, value_at(document.data, path))
    look: Mapping[str, Callable[[str], Any]] = {
        "text": files.read,
        "data": files.digest,
        "folder": files.folder,
        "made": files.digest,
    }
    try:
        look[mark.holds](name)
    except FileRefused as error:
        if mark.holds == "made" and error.code == codes.FILE_MISSING.id:
            return
        yield codes.CODES[error.code].at(document.span(path), error.message, hint=error.hint)
