"""AF1013 to AF1016: flows, where many runs spend together and a person decides in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agentflow.compiler.graph import AgentNode, Bound
from agentflow.diagnostics import Diagnostic, Level, Severity
from agentflow.lint.abilities import acts, custom_acts
from agentflow.lint.edits import rewrite
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of
from agentflow.spec.refs import parse_ref

if TYPE_CHECKING:
    from agentflow.spec.flow import FlowSpec, StepSpec

__all__ = [
    "approved_by_timeout",
    "flow_without_budget",
    "retry_repeats_effects",
    "step_beyond_flow",
]


def _runs(ctx: Context, flow: Bound[FlowSpec]) -> Iterator[tuple[str, StepSpec, AgentNode]]:
    """The steps that run an agent of this project."""
    for name, step in flow.spec.steps.items():
        ref = parse_ref(step.agent, "agent") if step.agent is not None else None
        agent = ctx.graph.agent(ref.name) if ref is not None and ref.name is not None else None
        if agent is not None:
            yield name, step, agent


@rule("AF1013", "flow-without-budget", Severity.ERROR)
def flow_without_budget(ctx: Context) -> Iterator[Diagnostic]:
    """The steps of a flow may spend without limit together.

    Each run is held to the budget of its agent, and a flow starts as many runs as its lists have
    items and its retries allow. Only the flow's own budget is a limit for all of it.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read orders.
        budget: { usd: 2 }
        ---
        kind: Flow
        name: monthly
        steps:
          read: { agent: reader }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read orders.
        budget: { usd: 2 }
        ---
        kind: Flow
        name: monthly
        budget: { usd: 5 }
        steps:
          read: { agent: reader }
    """
    for flow in ctx.graph.flows.values():
        if flow.spec.budget is None and any(step.agent for step in flow.spec.steps.values()):
            yield ctx.problem(
                flow.span("name"),
                f"Flow {flow.spec.name!r} has no budget over its steps.",
                hint="Add `budget: { usd: 5 }`, with your own figure.",
            )


@rule("AF1014", "step-beyond-flow", Severity.INFO, level=Level.STRICT)
def step_beyond_flow(ctx: Context) -> Iterator[Diagnostic]:
    """One run may spend more than the whole flow.

    The limit of the agent is never reached: the flow stops it before, at a place that nobody chose,
    and the steps behind it do not start. An agent that is also run by itself may well have more.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read orders.
        budget: { usd: 10 }
        ---
        kind: Flow
        name: monthly
        budget: { usd: 5 }
        steps:
          read: { agent: reader }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read orders.
        budget: { usd: 2 }
        ---
        kind: Flow
        name: monthly
        budget: { usd: 5 }
        steps:
          read: { agent: reader }
    """
    for flow in ctx.graph.flows.values():
        whole = flow.spec.budget.usd if flow.spec.budget is not None else None
        for name, _, agent in _runs(ctx, flow) if whole is not None else ():
            own = agent.spec.budget.usd if agent.spec.budget is not None else None
            if whole is not None and own is not None and own > whole:
                yield ctx.problem(
                    flow.span("budget", "usd"),
                    f"Flow {flow.spec.name!r} may spend {whole} dollars, and its step {name!r} "
                    f"alone {own}.",
                    hint="Allow the flow more than its dearest step, or the agent less.",
                    related=((agent.span("budget", "usd"), f"agent {agent.spec.name!r}"),),
                )


@rule("AF1015", "approved-by-timeout", Severity.WARNING)
def approved_by_timeout(ctx: Context) -> Iterator[Diagnostic]:
    """Nobody's answer counts as a yes.

    A step where a person decides was put there because somebody has to look. With
    `on_timeout: approve` it is enough that everybody is on holiday.

    Bad:
        apiVersion: agentflow/v1
        kind: Flow
        name: monthly
        steps:
          release:
            approve: { message: "Send it?", wait: 8h, on_timeout: approve }
    Good:
        apiVersion: agentflow/v1
        kind: Flow
        name: monthly
        steps:
          release:
            approve: { message: "Send it?", wait: 8h, on_timeout: stop }
    """
    for flow in ctx.graph.flows.values():
        for name, step in flow.spec.steps.items():
            if step.approve is not None and step.approve.on_timeout == "approve":
                yield ctx.problem(
                    flow.span("steps", name, "approve", "on_timeout"),
                    f"Step {name!r} of flow {flow.spec.name!r} approves itself when nobody answers.",
                    hint="Write `on_timeout: stop`, or remove the step.",
                    fix=rewrite(flow, ("steps", name, "approve", "on_timeout"), "approve", "stop"),
                )


@rule("AF1016", "retry-repeats-effects", Severity.WARNING, confidence="medium")
def retry_repeats_effects(ctx: Context) -> Iterator[Diagnostic]:
    """A step is tried again, and what its agent did the first time is done again.

    A second attempt is a new run: it knows nothing of the mail that the first one sent before it
    failed. A tool that is `idempotent` recognises the repeated call; others do it twice.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Settle the invoices.
        custom:
          pay: { run: "desk.tools:pay", timeout: 10s, max_calls: 5 }
        ---
        kind: Flow
        name: monthly
        budget: { usd: 5 }
        steps:
          settle: { agent: clerk, retry: { attempts: 3 } }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Settle the invoices.
        custom:
          pay: { run: "desk.tools:pay", timeout: 10s, max_calls: 5 }
        ---
        kind: Flow
        name: monthly
        budget: { usd: 5 }
        steps:
          settle: { agent: clerk }
    """
    for flow in ctx.graph.flows.values():
        for name, step, agent in _runs(ctx, flow):
            if step.retry is None or step.retry.attempts < 2:
                continue
            repeated = [t for t in custom_acts(agent) if not agent.spec.custom[t].idempotent]
            repeated += [
                f"{server}.{tool}"
                for server, spec in agent.spec.mcp.items()
                for tool, mcp in spec.tools.items()
                if mcp.policy in ("allow", "auto") and acts(tool)
            ]
            if repeated:
                yield ctx.problem(
                    flow.span("steps", name, "retry"),
                    f"If step {name!r} of flow {flow.spec.name!r} is tried again, "
                    f"{one_of(repeated, joined='and', limit=4)} may be called again for the same.",
                    hint="Leave out `retry`, or make the tool idempotent.",
                    related=((agent.span("name"), "the agent of the step"),),
                )
