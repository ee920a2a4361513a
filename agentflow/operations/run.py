"""[io] Give an agent a task: check, apply or look up what is applied, run, verify."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from agentflow.compiler import late
from agentflow.compiler.manifest import AgentPolicy, Compiled, Manifest, Target
from agentflow.diagnostics import Diagnostic
from agentflow.errors import UsageError
from agentflow.operations.applied import Applied, check_applied, needed_part
from agentflow.operations.apply import apply_plan
from agentflow.operations.check import Project, Report, compiled
from agentflow.operations.clock import SystemClock
from agentflow.operations.connect import Connection, connect
from agentflow.operations.inputs import resolve_inputs
from agentflow.operations.origin import origin_of
from agentflow.operations.plan import make_plan
from agentflow.operations.secrets import read_secrets
from agentflow.operations.session_needs import check_session, session_uploads
from agentflow.operations.sessions import is_served
from agentflow.operations.workspace import ledger_path, run_dir, state_dir
from agentflow.runtime.approvals import Person
from agentflow.runtime.driver import Knobs, run_session
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Observer
from agentflow.runtime.run import RunRequest, RunResult
from agentflow.state.store import StateStore

__all__ = ["LISTED_AT_ONCE", "RunOptions", "Watch", "needed_secrets", "run"]

LISTED_AT_ONCE = Knobs(settle_s=0.0, settle_stopped_s=0.0)
"""For the embedded service: what it does not list was not written, so there is nothing to wait for."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who is told, and who can be asked."""

    stage: Callable[[str, str], None]
    problems: Callable[[tuple[Diagnostic, ...]], None]
    observer: Observer
    person: Person | None
    """None: nobody is there."""
    stop: asyncio.Event
    """Set: interrupt the session and collect what is there."""


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


async def _find_applied(
    built: Compiled,
    address: str,
    connection: Connection,
    store: StateStore,
    options: RunOptions,
    watch: Watch,
) -> Applied:
    """On the local target apply first what the run needs; elsewhere only what is applied runs."""
    manifest = built.manifest
    if connection.local and not options.as_applied:
        part = needed_part(manifest, address)
        plan = await make_plan(part, connection.resources, store)
        watch.stage("plan", plan.summary)
        # With nothing to do there is nothing to keep other runs from: they may start at once.
        if not plan.is_empty or plan.blocked:
            outcome = await apply_plan(
                plan, connection.resources, store, lambda step: watch.stage("apply", str(step))
            )
            outcome.raise_failure()
    return await check_applied(
        manifest, address, connection.resources, store, as_applied=options.as_applied
    )


def new_run_id(now: datetime) -> str:
    """Sorts by time, and is unlike any other: `20261123-101500-3fa9c1`."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def needed_secrets(policy: AgentPolicy) -> list[Mapping[str, Any]]:
    """What of a policy may name secrets: headers of custom tools, and repositories."""
    tools = [tool.http.headers for tool in policy.custom.values() if tool.http is not None]
    return [*tools, *policy.session.resources]


def _secret_sources(policy: AgentPolicy, report: Report) -> dict[str, str]:
    """Where the secrets that a run needs are read from, by name."""
    graph = report.build.graph
    assert graph is not None, "compiled() returns only what has one"
    names = late.secrets(needed_secrets(policy))
    return {name: graph.project.spec.secrets[name] for name in sorted(names)}


def _origin(
    built: Compiled, address: str, options: RunOptions, secrets: Mapping[str, str]
) -> dict[str, Any]:
    """What `resume` needs beside the record of the runtime. Of secrets only where they are."""
    root, script = options.project.root.absolute(), options.script
    if script is not None:
        script = script.absolute()
        script = script.relative_to(root) if script.is_relative_to(root) else script
    return {
        **origin_of(built, address),
        "script": None if script is None else str(script),
        "unsafe_no_sandbox": options.unsafe_no_sandbox,
        "variables": dict(options.variables),
        "settings": list(options.settings),
        "secrets": dict(secrets),
    }


async def run(options: RunOptions, watch: Watch) -> RunResult:
    """One run, from the files to verified outputs.

    Raises:
        ProblemsFound: the project has errors; nothing was done.
        UsageError: no such agent, an input is missing, or something a run needs is not declared.
        Blocked: the target has something else applied than what the files say.
        SecretUnavailable: one that a custom tool or a session is given cannot be read.
        ServiceError: the service failed before the session started.
    """
    project = options.project
    built, report = compiled(
        project,
        target=options.target,
        variables=options.variables,
        settings=options.settings,
        rules=True,
    )
    watch.problems(report.problems)
    manifest = built.manifest
    address = pick_agent(manifest, options.agent)
    policy = manifest.agents[address]
    check_runnable(address, policy)
    check_session(address, policy, manifest.target)
    if options.detach:
        check_detached(manifest.target, project.root)
    if options.out is not None:
        check_out(options.out, overwrite=options.overwrite)
    values = resolve_inputs(policy, options.inputs, root=project.root, working=Path.cwd())
    sources = _secret_sources(policy, report)
    # Read before the session starts: without them it is lost.
    sent = read_secrets(sources, sources, project.root)
    found = "no problems" if not report.problems else f"{len(report.problems)} to look at"
    watch.stage("lint", f"{report.specs} specs, {found}")
    watch.stage("compile", f"{address}, manifest {manifest.digest[:19]}")
    store = StateStore(
        state_dir(project.root), project=manifest.project, target=manifest.target.name
    )
    async with connect(
        manifest.target,
        project.root,
        script=options.script,
        unsafe_no_sandbox=options.unsafe_no_sandbox,
    ) as connection:
        if not connection.plays:
            raise UsageError(
                f"Nothing plays the model on target {manifest.target.name!r}.",
                hint="Name a script: --script FILE, or `driver: { script: ./FILE }` in the target.",
            )
        applied = await _find_applied(built, address, connection, store, options, watch)
        run_id = new_run_id(datetime.now(UTC))
        directory = run_dir(project.root, run_id)
        request = RunRequest(
            run_id=run_id,
            agent=address,
            agent_id=applied.agent_id,
            agent_version=applied.agent_version,
            environment_id=applied.environment_id,
            policy=policy,
            inputs=values,
            out_dir=options.out or directory / "outputs",
            project_root=project.root,
            sources=built.sources,
            title=f"{manifest.project}/{address}",
            secrets=sent,
            detach=options.detach,
            uploads=session_uploads(manifest, policy, project.root),
            origin=_origin(built, address, options, sources),
        )
        with Ledger.open(ledger_path(project.root)) as ledger:
            return await run_session(
                request,
                sessions=connection.sessions,
                ledger=ledger,
                clock=SystemClock(),
                observer=watch.observer,
                person=watch.person,
                stop=watch.stop,
                knobs=LISTED_AT_ONCE if connection.local else None,
            )
