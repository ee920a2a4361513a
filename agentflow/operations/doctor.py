"""[io] Check what silently breaks: this machine, the installed packages, a target's service."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from agentflow.compiler.plan import APPLIED_KINDS
from agentflow.errors import AgentflowError, NotFound
from agentflow.operations.connect import Connection

__all__ = ["Finding", "Health", "machine", "service"]

KNOWN_BAD_SDK = {"0.93.0": "event streams yield nothing"}
"""Versions of `anthropic` that break runs, and how."""


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    health: Health
    subject: str
    text: str
    hint: str | None = None


def _python() -> Finding:
    version = platform.python_version()
    return Finding(health=Health.OK, subject="python", text=f"{version}, {sys.executable}")


def _sdk() -> Finding:
    version = importlib.metadata.version("anthropic")
    if version in KNOWN_BAD_SDK:
        return Finding(
            health=Health.BROKEN,
            subject="anthropic",
            text=f"{version}: {KNOWN_BAD_SDK[version]}",
            hint="pip install -U anthropic",
        )
    return Finding(health=Health.OK, subject="anthropic", text=version)


def _yaml() -> Finding:
    from agentflow.source.yaml import USES_C_PARSER

    if USES_C_PARSER:
        return Finding(health=Health.OK, subject="yaml", text="the C parser is in use")
    return Finding(
        health=Health.WARNING,
        subject="yaml",
        text="the C parser is missing: reading specs takes twenty times longer",
        hint="pip install ruamel.yaml.clib",
    )


def _sandbox() -> Finding:
    from agentflow.local.sandbox import support

    found = support()
    if found.problem is None:
        text = f"available, Landlock ABI {found.landlock_abi}"
        return Finding(health=Health.OK, subject="sandbox", text=text)
    return Finding(health=Health.BROKEN, subject="sandbox", text=found.problem, hint=found.hint)


def _credentials() -> Finding:
    """Whether something is set, never what."""
    names = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE")
    present = [name for name in names if os.environ.get(name)]
    if present:
        return Finding(health=Health.OK, subject="credentials", text=f"{', '.join(present)} is set")
    return Finding(
        health=Health.OK,
        subject="credentials",
        text="none in the environment; the local target needs none",
    )


def _not_emulated() -> Iterator[Finding]:
    from agentflow.local.not_emulated import NOT_EMULATED

    what = "; ".join(item.what for item in NOT_EMULATED)
    yield Finding(health=Health.OK, subject="not emulated locally", text=what)


_RESOURCES = {
    "agent": "agents",
    "environment": "environments",
    "deployment": "deployments",
    "vault": "vaults",
    "credential": "credentials",
    "memorystore": "memory stores",
    "skill": "skills",
}


def _not_applied() -> Finding:
    left = [words for kind, words in _RESOURCES.items() if kind not in APPLIED_KINDS]
    return Finding(health=Health.OK, subject="not applied yet", text=", ".join(left))


def machine() -> tuple[Finding, ...]:
    """This machine and the installed packages. Opens no connection."""
    return (
        _python(),
        _sdk(),
        _yaml(),
        _sandbox(),
        _credentials(),
        _not_applied(),
        *_not_emulated(),
    )


async def service(connection: Connection) -> tuple[Finding, ...]:
    """Whether a target's service answers, and as which workspace."""
    try:
        workspace = await connection.resources.workspace()
        agents = await connection.resources.list("agent")
    except NotFound as error:
        return (
            Finding(
                health=Health.BROKEN,
                subject="service",
                text=f"{connection.base_url}: {error.message}",
                hint="A 404 for everything means that the beta header was dropped on the way, "
                "or that the workspace has no access to Managed Agents.",
            ),
        )
    except AgentflowError as error:
        text = f"{connection.base_url}: {error.message}"
        return (Finding(health=Health.BROKEN, subject="service", text=text, hint=error.hint),)
    where = workspace.workspace_id or "workspace not named"
    return (
        Finding(
            health=Health.OK,
            subject="service",
            text=f"{workspace.base_url} answers, {where}, agents: {len(agents)}",
        ),
    )
