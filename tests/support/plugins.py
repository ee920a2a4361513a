"""Distributions with rules, laid out as installers leave them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["HEAD", "forgotten", "install", "rule_source"]

HEAD = "from agentflow.lint.api import *\n"


def rule_source(
    id: str = "ACME001", name: str = "no-owner", body: str = "", *, variable: str = "it"
) -> str:
    """Python that makes a rule, which reports the name of each agent unless `body` says otherwise."""
    body = body or (
        "for agent in ctx.agents:\n"
        "    yield ctx.problem(agent.span('name'), f'Nobody owns {agent.spec.name}.', hint='Say who.')"
    )
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return (
        f"@rule({id!r}, {name!r}, Severity.WARNING)\n"
        f"def {variable}(ctx):\n"
        '    """An agent has no owner.\n\n'
        "    Nobody would know whom to ask.\n\n"
        "    Bad:\n        a: 1\n    Good:\n        a: 2\n"
        f'    """\n{lines}'
    )


def install(
    site: Path,
    distribution: str,
    modules: Mapping[str, str],
    entries: Mapping[str, str],
    *,
    version: str = "1.0",
    group: str = "agentflow.rules",
) -> None:
    """Put a distribution into a directory.

    Args:
        site: of `sys.path`.
        distribution: its name.
        modules: source by name of the module.
        entries: what entry points of the group name, by name.
        version: of the distribution.
        group: of its entry points.
    """
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    head = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
    (info / "METADATA").write_text(head, encoding="utf-8")
    points = "".join(f"{name} = {value}\n" for name, value in entries.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{points}", encoding="utf-8")
    for name, source in modules.items():
        (site / f"{name}.py").write_text(source, encoding="utf-8")


@contextmanager
def forgotten() -> Iterator[None]:
    """Modules that are imported meanwhile are imported again by the next test."""
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            if not name.startswith("agentflow"):
                del sys.modules[name]
