"""What is asked of a run, and everything that can be refused before anybody is connected to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from agentflow.compiler import late
from agentflow.compiler.manifest import (
    AgentPolicy,
    Compiled,
    CustomToolPolicy,
    Manifest,
    Target,
)
from agentflow.errors import UsageError
from agentflow.operations.check import Project, Report
from agentflow.operations.inputs import resolve_inputs
from agentflow.operations.recording import check_cassette
from agentflow.operations.secrets import read_secrets
from agentflow.operations.session_needs import check_session
from agentflow.operations.sessions import is_served
from agentflow.secret import SecretText

__all__ = ["Order", "RunOptions", "needed_secrets", "take_order", "tool_secrets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    project: Project
    target: str
    variables: Mapping[str, str]
    settings: tuple[str, ...]
    """`--set`, as given."""
    agent: str | None
    """Name or address. None: the only agent of the project."""
    inputs: Mapping[str, str]
    out: Path | None
    """Where outputs go. None: below `.agentflow/runs`."""
    overwrite: bool
    """Outputs may replace files that are in `out` already."""
    script: Path | None
    as_applied: bool
    unsafe_no_sandbox: bool
    detach: bool = False
    """Leave the session to itself once it has its task."""
    session: str | None = None
    """A session, or a run of it, that the run is to take place in. None: none in particular."""
    go_on: bool = False
    """Take the session of the agent's newest run, if that can take another task."""
    record: Path | None = None
    """Where a cassette of the run is written. None: nowhere."""
    record_compressed: bool = False
    """The cassette keeps contents of files also where no secret could be found in them."""
    flow: str | None = None
    """The id of the flow that the run is a step of. None: it is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One run that nothing on this side stands in the way of."""

    address: str
    policy: AgentPolicy
    values: Mapping[str, Any]
    """Of the inputs."""
    sources: Mapping[str, str]
    """Where secrets are read from, by name."""
    secrets: Mapping[str, SecretText]
    """By name, what was read there."""


def pick_agent(manifest: Manifest, wanted: str | None) -> str:
    """The address of the agent that is meant.

    Raises:
        UsageError: there is none of that name, or none was named and there are several.
    """
    known = sorted(manifest.agents)
    names = ", ".join(address.removeprefix("agent/") for address in known) or "none"
    if wanted is None:
        if len(known) == 1:
            return known[0]
        raise UsageError(
            "Which agent is to run? The project has " + ("none." if not known else f"{names}."),
            hint="agentflow run NAME" if known else "Declare one: kind: Agent",
        )
    address = wanted if wanted.startswith("agent/") else f"agent/{wanted}"
    if address not in manifest.agents:
        near = get_close_matches(address, known, n=1)
        hint = f"Did you mean {near[0].removeprefix('agent/')!r}?" if near else f"Agents: {names}."
        raise UsageError(f"There is no agent {wanted!r} in this project.", hint=hint)
    return address


def check_runnable(address: str, policy: AgentPolicy) -> None:
    """Raise a `UsageError` for what an agent may leave out, but a run needs."""
    if policy.environment is None:
        raise UsageError(
            f"{address} has no environment, so there is nowhere to run it.",
            hint="Add `environment: NAME` to the agent, and a document with `kind: Environment`.",
        )
    if policy.task is None:
        raise UsageError(
            f"{address} has no task.",
            hint="Add `task: …` to the agent: the first message of a run.",
        )


def check_out(out: Path, *, overwrite: bool) -> None:
    """Raise a `UsageError` where outputs would replace something, or have no place."""
    if out.is_dir():
        if overwrite or not any(out.iterdir()):
            return
        raise UsageError(
            f"There are files in {str(out)!r}, which outputs could replace.",
            hint="Name another directory, or say --overwrite.",
        )
    if out.exists() or out.is_symlink():
        raise UsageError(f"{str(out)!r} is not a directory.", hint="--out takes a directory.")


def check_detached(target: Target, root: Path) -> None:
    """Raise a `UsageError` where a session would end with the command that leaves it."""
    if target.service == "local" and not is_served(root):
        raise UsageError(
            "The embedded service ends with this command, and the session with it.",
            hint="Start `agentflow serve` in another terminal first.",
        )


def tool_secrets(tools: Mapping[str, CustomToolPolicy]) -> list[Mapping[str, str]]:
    """What of custom tools may name secrets: headers and variables."""
    headers = [tool.http.headers for tool in tools.values() if tool.http is not None]
    return [*headers, *(tool.env for tool in tools.values())]


def needed_secrets(policy: AgentPolicy) -> list[Mapping[str, Any]]:
    """What of a policy may name secrets: custom tools, webhooks, and repositories."""
    hooks = [rule.webhook for rule in policy.approvals]
    hooks += [policy.uncertainty.webhook] if policy.uncertainty is not None else []
    signed = [{"secret": hook.secret} for hook in hooks if hook is not None]
    return [*tool_secrets(policy.custom), *signed, *policy.session.resources]


def _secret_sources(policy: AgentPolicy, report: Report) -> dict[str, str]:
    """Where the secrets that a run needs are read from, by name."""
    graph = report.build.graph
    assert graph is not None, "compiled() returns only what has one"
    names = late.secrets(needed_secrets(policy))
    return {name: graph.project.spec.secrets[name] for name in sorted(names)}


def take_order(built: Compiled, report: Report, options: RunOptions) -> Order:
    """Everything a run needs of this side.

    Raises:
        UsageError: no such agent, an input is missing, or something a run needs is not declared.
        SecretUnavailable: one that a custom tool or a session is given cannot be read.
    """
    manifest, project = built.manifest, options.project
    address = pick_agent(manifest, options.agent)
    policy = manifest.agents[address]
    check_runnable(address, policy)
    check_session(address, policy, manifest.target)
    if options.detach:
        check_detached(manifest.target, project.root)
    if options.out is not None:
        check_out(options.out, overwrite=options.overwrite)
    if options.record is not None:
        check_cassette(options.record, overwrite=options.overwrite)
    elif options.record_compressed:
        raise UsageError(
            "What a cassette keeps was said, and not where it is written.",
            hint="Name a file: --record FILE",
        )
    if options.flow is not None and not options.flow.strip():
        raise UsageError("The id of a flow is empty.", hint="Give all its runs the same: --flow ID")
    values = resolve_inputs(policy, options.inputs, root=project.root, working=Path.cwd())
    sources = _secret_sources(policy, report)
    # Read before the session starts: without them it is lost.
    return Order(
        address=address,
        policy=policy,
        values=values,
        sources=sources,
        secrets=read_secrets(sources, sources, project.root),
    )
