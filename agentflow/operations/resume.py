"""[io] Go on with a run that another process began, with what it was started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agentflow.compiler import late
from agentflow.compiler.manifest import PoolPolicy
from agentflow.errors import AgentflowError, Blocked, StateError, UsageError
from agentflow.operations.check import Project, compiled
from agentflow.operations.clock import SystemClock
from agentflow.operations.connect import connect
from agentflow.operations.limits import at_limit
from agentflow.operations.origin import changes, target_of
from agentflow.operations.remembered import find_run
from agentflow.operations.run import LISTED_AT_ONCE, Watch, needed_secrets, tell_result
from agentflow.operations.secrets import read_secrets
from agentflow.operations.sessions import OPEN
from agentflow.operations.workspace import ledger_path, run_dir
from agentflow.runtime.driver import resume_session
from agentflow.runtime.ledger import Ledger, RunEntry
from agentflow.runtime.notices import RunStarted
from agentflow.runtime.record import Recorded, read_policy, read_record
from agentflow.runtime.run import RunResult, Verdict
from agentflow.runtime.watching import is_watched

__all__ = ["ResumeOptions", "resume"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOptions:
    project: Project
    run: str
    """Its id, or the end of it; or the id of its session."""
    script: Path | None
    """None: the one it was started with."""
    unsafe_no_sandbox: bool


def _refuse_finished(entry: RunEntry, root: Path) -> None:
    if entry.verdict in OPEN or entry.verdict == Verdict.BUDGET:
        return
    raise UsageError(
        f"Run {entry.id} has finished: {entry.verdict}, at {entry.ended_at}. {entry.reason or ''}".rstrip(),
        hint=f"What it left is in {run_dir(root, entry.id)}. A new run: agentflow run "
        f"{entry.agent.partition('/')[2]}",
    )


def _refuse_superseded(ledger: Ledger, entry: RunEntry) -> None:
    """What a session has done since is no part of an earlier run, and cannot be told from it."""
    newest = next(run for run in ledger.runs() if run.session_id == entry.session_id)
    if entry.session_id is not None and newest.id != entry.id:
        raise UsageError(
            f"Session {entry.session_id} of run {entry.id} has gone on with run {newest.id}.",
            hint=f"agentflow sessions show {newest.id}",
        )


def _tell_changes(
    project: Project, record: Mapping[str, Any], watch: Watch
) -> tuple[PoolPolicy, ...] | None:
    """Say what the files have become since; the run goes on with what its session was made with.

    Pools are the exception: they belong to all runs, and are what the files say now. None: the files
    do not say.
    """
    pools = None
    origin = record["origin"]
    try:
        built, _ = compiled(
            project,
            target=origin["target"]["name"],
            variables=origin["variables"],
            settings=tuple(origin["settings"]),
        )
    except AgentflowError as error:
        told = f"the files cannot be compiled now ({error.message.rstrip('.')})"
    else:
        now = built.manifest.agents.get(record["agent"])
        pools = now.budget.pools if now is not None and now.budget is not None else None
        found = changes(built, record)
        if not found:
            return pools
        told = f"the files say otherwise since: {', '.join(found)}"
    watch.stage("changed", f"{told}; the run goes on with what it was started with")
    return pools


def _with_pools(recorded: Recorded, pools: tuple[PoolPolicy, ...] | None) -> Recorded:
    """The run with the limits that its pools have now."""
    budget = recorded.request.policy.budget
    if budget is None or pools is None:
        return recorded
    now = {pool.name: pool for pool in pools}
    budget = replace(budget, pools=tuple(now.get(pool.name, pool) for pool in budget.pools))
    policy = replace(recorded.request.policy, budget=budget)
    return recorded._replace(request=replace(recorded.request, policy=policy))


async def resume(options: ResumeOptions, watch: Watch) -> RunResult:
    """Follow a run from where its ledger and its session are, to a verdict.

    Raises:
        UsageError: there is no such run, it has finished, or it was begun by a version that kept
            too little of it.
        Blocked: a process follows it.
        NotFound: its session is gone.
        SecretUnavailable: a secret it needs cannot be read any more.
    """
    root = options.project.root
    with Ledger.open(ledger_path(root)) as ledger:
        entry = find_run(ledger, options.run)
        if is_watched(run_dir(root, entry.id)):
            raise Blocked(
                f"Run {entry.id} is being followed by another process.",
                hint=f"It goes on by itself. To end it: agentflow sessions interrupt {entry.id}",
            )
        _refuse_finished(entry, root)
        record = ledger.record(entry.id)
        if record is None:
            raise UsageError(
                f"Run {entry.id} was begun by a version of agentflow that kept too little of it.",
                hint="Start it again: agentflow run",
            )
        try:
            target, origin = target_of(record), record["origin"]
            policy = read_policy(record)
            names = late.secrets(needed_secrets(policy))
            secrets = read_secrets(names, origin["secrets"], root)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise StateError(f"The record of run {entry.id} is damaged: {error!r}") from error
        recorded = read_record(entry.id, record, root=root, secrets=secrets)
        _refuse_superseded(ledger, entry)
        watch.stage("resume", f"{entry.id}, {entry.agent}, started {entry.started_at[:19]}")
        recorded = _with_pools(recorded, _tell_changes(options.project, record, watch))
        script = options.script or (root / origin["script"] if origin["script"] else None)
        async with connect(
            target,
            root,
            script=script,
            unsafe_no_sandbox=options.unsafe_no_sandbox or origin["unsafe_no_sandbox"],
        ) as connection:
            await at_limit(entry, policy.budget, connection.sessions)
            watch.observer(
                RunStarted(
                    run_id=entry.id,
                    agent=entry.agent,
                    agent_version=entry.agent_version,
                    target=target.name,
                    resumed=True,
                )
            )
            with connection.recorded(recorded.request, watch.observer) as observer:
                result = await resume_session(
                    recorded,
                    sessions=connection.sessions,
                    ledger=ledger,
                    clock=SystemClock(),
                    observer=observer,
                    person=watch.person,
                    stop=watch.stop,
                    knobs=LISTED_AT_ONCE if connection.local else None,
                )
                tell_result(result, observer)
            return result
