"""Plain data to a model of its kind. What does not fit is for `misfits` to tell."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, TypeVar

from agentflow.diagnostics import Checked, Diagnostic
from agentflow.spec.base import SpecModel

if TYPE_CHECKING:
    from agentflow.source.tree import Document, Path

__all__ = ["check_shape"]

M = TypeVar("M", bound=SpecModel)


def check_shape(
    model: type[M],
    document: Document,
    *,
    failed: Collection[Path] = (),
    partial: bool = False,
    at: Path = (),
) -> Checked[M | None]:
    """Build a spec from the data of a document.

    Args:
        model: of the document's kind.
        document: after substitution.
        failed: paths whose values could not be made: nothing is said about those.
        partial: keys may be missing, because the spec is only a part of others.
        at: the part of the document that has such keys as the kind; it is always partial, and no
            spec is built.
    """
    if at:
        return Checked(None, _check_part(model, document, failed, at))
    try:
        spec = model.model_validate(document.data)
        return Checked(spec, ())
    except ValueError as error:
        from agentflow.compiler.misfits import misfits

        return Checked(None, misfits(model, document, error, failed, partial=partial))


def _check_part(
    model: type[SpecModel], document: Document, failed: Collection[Path], at: Path
) -> tuple[Diagnostic, ...]:
    """Problems of values that are merged into specs: keys may be missing, `key+` and null occur."""
    from agentflow.compiler.compose import without_operators

    part = without_operators(model, document, at)
    try:
        model.model_validate(part.data)
    except ValueError as error:
        from agentflow.compiler.misfits import misfits_of_part

        inner = [path[len(at) :] for path in failed if path[: len(at)] == at]
        return misfits_of_part(model, part, error, inner)
    return ()
