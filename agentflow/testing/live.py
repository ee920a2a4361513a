"""The layer `live`: the agent itself, on a real target, as often as it takes to know."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from decimal import Decimal

from agentflow.compiler.manifest import AgentPolicy, BudgetPolicy
from agentflow.operations.orders import Order, RunOptions, take_order
from agentflow.operations.run import Desk, Watch, open_desk, read_project
from agentflow.testing.bench import Case, scratch_directory
from agentflow.testing.expectations import misses
from agentflow.testing.loop import check_misses, told
from agentflow.testing.prompts import prompt_misses
from agentflow.testing.report import Report, Skipped
from agentflow.testing.results import Miss
from agentflow.testing.seen import Seen

__all__ = ["run_live"]

_NO_BUDGET = BudgetPolicy(
    usd=None, tokens=None, turns=None, tool_calls=None, active_s=None, wall_s=None, warn_at="0.8"
)


async def run_live(case: Case) -> Report:
    """Run it `repeat` times, one after the other, and stop where it cannot pass any more.

    Raises:
        Skipped: nobody said that it may cost something.
        AgentflowError: it cannot be run.
    """
    bench, spec = case.bench, case.spec
    if not bench.live:
        raise Skipped("it runs on a real target: --live lets it")
    runs = _Repeated(case)
    options = RunOptions(
        project=bench.project,
        target=spec.target or bench.target,
        variables=bench.variables,
        settings=bench.settings,
        agent=case.agent,
        inputs={name: str(value) for name, value in case.inputs().items() if name in spec.inputs},
        out=None,
        overwrite=False,
        script=None,
        as_applied=False,
        unsafe_no_sandbox=bench.unsafe_no_sandbox,
    )
    watch = Watch(observer=lambda notice: None, person=None, stop=asyncio.Event())
    built, report = read_project(options, watch.observer)
    order = take_order(built, report, options)
    async with open_desk(built, report, options) as desk:
        while not runs.settled:
            with scratch_directory() as directory:
                at = replace(options, out=directory)
                await runs.once(desk, runs.capped(order), at, watch)
    return runs.report()


class _Repeated:
    """How often a test has passed so far, and what that has cost."""

    def __init__(self, case: Case) -> None:
        self.case = case
        spec = case.spec
        self.wanted = math.ceil(spec.repeat * (spec.pass_rate or Decimal(1)))
        self.passed = 0
        self.failed = 0
        self.spent = Decimal(0)
        self.found: list[Miss] = []
        self.note: str | None = None

    @property
    def over_budget(self) -> bool:
        limit = self.case.spec.max_cost
        return limit is not None and self.spent >= limit

    @property
    def settled(self) -> bool:
        """Whether more runs would change nothing, or may not be made."""
        left = self.case.spec.repeat - self.passed - self.failed
        out_of_reach = self.passed + left < self.wanted
        return left == 0 or out_of_reach or (self.over_budget and left > 0)

    def capped(self, order: Order) -> Order:
        """The order, with no more budget than is left of all runs together."""
        limit = self.case.spec.max_cost
        if limit is None:
            return order
        return replace(order, policy=_at_most(order.policy, limit - self.spent))

    async def once(self, desk: Desk, order: Order, options: RunOptions, watch: Watch) -> None:
        result = await desk.run(order, options, watch)
        self.spent += result.cost_usd or Decimal(0)
        history = await desk.connection.sessions.history(result.session_id or "")
        case = self.case
        seen = Seen(
            result=result,
            history=history,
            approvals=desk.ledger.approvals(result.run_id),
            agent=case.agent,
            policy=order.policy,
            sources=desk.built.sources,
        )
        found = [*misses(case.spec.expect, seen, case.file), *prompt_misses(case)]
        found += await check_misses(case, seen, case.bench.programs)
        self.note = told(seen)
        if found:
            self.failed += 1
            self.found = self.found or found
        else:
            self.passed += 1

    def report(self) -> Report:
        runs, repeat = self.passed + self.failed, self.case.spec.repeat
        cost = str(self.spent) if self.spent else None
        note = self.note if repeat == 1 else f"{self.passed} of {runs} runs passed"
        if self.passed >= self.wanted:
            return Report(note=note, cost_usd=cost)
        found = list(self.found)
        if repeat > 1:
            got = f"{self.passed} of {runs}"
            expected = f"{self.wanted} of {repeat}"
            found.insert(0, Miss(("repeat",), "Too few runs passed.", expected, got))
        if self.over_budget and runs < repeat:
            limit = f"at most ${self.case.spec.max_cost}"
            message = f"{repeat - runs} runs were not made, because the others cost so much."
            found.insert(0, Miss(("max_cost",), message, limit, f"${self.spent}"))
        return Report(misses=found, note=note, cost_usd=cost)


def _at_most(policy: AgentPolicy, usd: Decimal) -> AgentPolicy:
    own = policy.budget or _NO_BUDGET
    least = usd if own.usd is None else min(usd, Decimal(own.usd))
    return replace(policy, budget=replace(own, usd=str(max(least, Decimal("0.01")))))
