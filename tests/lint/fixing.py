"""Projects in memory that are fixed, as `lint --fix` does it with those on disk."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from agentflow.compiler.pipeline import build
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.engine import scan
from agentflow.lint.fixes import Fixed, Workshop, fix_all
from agentflow.lint.rule import Context
from tests.lint.support import CODE, PROJECT
from tests.support.memory_files import MemoryFiles

__all__ = ["fixed", "told", "whole"]


def whole(files: Mapping[str, str]) -> dict[str, str]:
    """With what a project needs besides."""
    return {"agentflow.yaml": PROJECT, **CODE, **files}


def told(files: Mapping[str, str], *, target: str = "local") -> tuple[Diagnostic, ...]:
    """Everything that is found, at whatever level."""
    memory = MemoryFiles(files)
    built, problems = build(memory, target=target)
    if built.graph is None:
        return problems
    return scan(Context(built.graph, built.compiled, files=memory), found=problems)


def fixed(
    files: Mapping[str, str],
    *,
    unsafe: bool = True,
    codes: Collection[str] | None = None,
    target: str = "local",
) -> Fixed:
    """The project fixed. `codes`: only their findings. None: all."""
    seen: dict[int, tuple[Diagnostic, ...]] = {}

    def found(texts: Mapping[str, str]) -> tuple[Diagnostic, ...]:
        key = hash(frozenset(texts.items()))
        if key not in seen:
            seen[key] = told({**files, **texts}, target=target)
        return seen[key]

    return fix_all(
        Workshop(
            read=files.__getitem__,
            findings=lambda texts: [p for p in found(texts) if codes is None or p.code in codes],
            errors=lambda texts: [p for p in found(texts) if p.severity is Severity.ERROR],
            may_edit=files.__contains__,
            unsafe=unsafe,
        )
    )
