"""The layer `loop`: a whole run, with a script for the model and things that go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agentflow.compiler import late
from agentflow.local.drivers.script import ScriptDriver
from agentflow.operations.orders import tool_secrets
from agentflow.operations.secrets import read_secrets
from agentflow.runtime.pool import CallFailed
from agentflow.secret import SecretText
from agentflow.spec.test import StubSpec
from agentflow.testing.bench import Case, scratch_directory
from agentflow.testing.expectations import misses
from agentflow.testing.faults import plan_of
from agentflow.testing.offline import offline
from agentflow.testing.person import ScriptedPerson
from agentflow.testing.prompts import prompt_misses
from agentflow.testing.report import Report
from agentflow.testing.results import Miss
from agentflow.testing.seen import Seen
from agentflow.testing.stage import Played, Scene, play
from agentflow.testing.values import plain_data
from agentflow.testing.workers import Programs, TestPool

__all__ = ["check_misses", "run_loop", "seen_of"]

_CHECK_S = 60.0


async def run_loop(case: Case) -> Report:
    """Play the script and hold the run against what is expected.

    Raises:
        ProblemsFound: the script is none.
        UsageError, ServiceError: the agent cannot be run.
    """
    spec, bench = case.spec, case.bench
    model = ScriptDriver.load(case.file(("script",)))
    plan, misfortune = plan_of(spec.faults, model.faults)
    person = spec.person
    scene = Scene(
        root=bench.root,
        compiled=bench.compiled,
        agent=case.agent,
        model=model,
        inputs=case.inputs(),
        task=spec.task,
        record=bench.record,
        record_compressed=bench.record_compressed,
        plan=plan,
        misfortune=misfortune,
        stubs={name: _stub(stub) for name, stub in spec.stubs.items()},
        person=None
        if person is None
        else ScriptedPerson(allow=person.allow, deny=person.deny, replies=person.replies),
        secrets=_secrets(case),
        unsafe_no_sandbox=bench.unsafe_no_sandbox,
    )
    with scratch_directory() as directory:
        played = await play(scene, directory, bench.programs)
        seen = seen_of(case, played)
        found = [
            *misses(spec.expect, seen, case.file),
            *prompt_misses(case),
            *await check_misses(case, seen, bench.programs),
            *_unused(case, played),
        ]
    return Report(misses=found, note=told(seen))


def seen_of(case: Case, played: Played) -> Seen:
    return Seen(
        result=played.result,
        history=played.history,
        approvals=played.approvals,
        agent=case.agent,
        policy=case.policy,
        sources=case.bench.compiled.sources,
    )


def told(seen: Seen) -> str:
    """A run in a few words."""
    result = seen.result
    cost = "" if result.cost_usd is None else f", ${result.cost_usd:.4f}"
    return f"{result.verdict}, {result.turns} turns, {seen.called}{cost}"


def _secrets(case: Case) -> dict[str, SecretText]:
    """Those that tools are given which really run.

    Raises:
        SecretUnavailable: one cannot be read; a tool in `stubs` needs none.
    """
    tools = offline(case.policy, case.spec.stubs.keys()).custom
    names = late.secrets(tool_secrets(tools))
    return read_secrets(names, case.bench.graph.project.spec.secrets, case.bench.root)


def _stub(spec: StubSpec) -> Callable[[Mapping[str, Any]], Any]:
    def answer(input: Mapping[str, Any]) -> Any:
        if spec.error is not None:
            raise CallFailed(spec.error)
        return plain_data(spec.result)

    return answer


async def check_misses(case: Case, seen: Seen, programs: Programs) -> list[Miss]:
    """What checks of the project say of the outputs."""
    checks = case.spec.expect.checks
    if not checks:
        return []
    paths = {o.name: str(o.path) for o in seen.result.outputs if o.path is not None}
    pool = TestPool(case.bench.root, programs)
    found = []
    try:
        for index, check in enumerate(checks):
            problem = await _check(pool, check, paths)
            if problem is not None:
                path = ("expect", "checks", index)
                found.append(Miss(path, "A check does not hold.", check, problem, seen.last_stop))
    finally:
        await pool.close()
    return found


async def _check(pool: TestPool, check: str, paths: Mapping[str, str]) -> str | None:
    """What a check finds. None: nothing."""
    try:
        value = await pool.call({"run": check, "paths": dict(paths)}, timeout_s=_CHECK_S)
    except CallFailed as error:
        return str(error)
    if value in (None, True, []):
        return None
    return "False" if value is False else str(value)


def _unused(case: Case, played: Played) -> list[Miss]:
    """Faults that never took place: such a test would test less than it says."""
    fired = len(played.fired)
    found = []
    planned = {
        "duplicate": "duplicate_event" in played.fired,
        "drop": any(name.startswith("cut_stream") for name in played.fired),
        "kill_client": played.kills > 0,
        "rate_limit": "answers" in played.fired,
        "server_error": "answers" in played.fired,
        "lost_answer": "answers" in played.fired,
        "error_event": "requests" in played.fired,
        "refusal": "requests" in played.fired,
        "budget": "requests" in played.fired,
    }
    for index, fault in enumerate(case.spec.faults):
        if not planned.get(fault.fault, True):
            got = f"{fired} faults took place" if fired else "nothing went wrong"
            message = f"The fault {fault.fault!r} did not take place."
            found.append(Miss(("faults", index), message, "it takes place", got))
    return found
