"""AF80x: what a run may spend, and the model that spends it."""

from __future__ import annotations

from collections.abc import Iterator

from agentflow.compiler.graph import AgentNode
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.abilities import helpers
from agentflow.lint.costs import price_of
from agentflow.lint.lifecycle import KNOWN, RETIRED, RETIRING
from agentflow.lint.rule import Context, rule
from agentflow.nearest import Meant, did_you_mean, one_of
from agentflow.source.tree import Path

__all__ = [
    "budget_without_dollars",
    "no_budget",
    "retired_model",
    "retiring_model",
    "unknown_model",
]


@rule("AF801", "no-budget", Severity.ERROR)
def no_budget(ctx: Context) -> Iterator[Diagnostic]:
    """The agent may spend without limit.

    The platform sets no limit by itself, and a session cannot be given one later. An agent in a
    loop costs money until somebody looks. A member of a team without a task of its own spends from
    the budget of the agent that leads.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { usd: 2.50, turns: 60, wall: 1h }
    """
    led = helpers(ctx.graph)
    for agent in ctx.agents:
        leads = led.get(agent.address)
        if leads and all(lead.spec.budget is not None for lead in leads):
            continue
        if agent.spec.budget is None:
            yield ctx.problem(
                agent.span("name"),
                f"Agent {agent.spec.name!r} has no budget: nothing stops it from spending.",
                hint="Add `budget: { usd: 2.50, turns: 60, wall: 1h }`, with your own figures.",
            )


@rule("AF802", "budget-without-dollars", Severity.WARNING)
def budget_without_dollars(ctx: Context) -> Iterator[Diagnostic]:
    """The budget has no limit in dollars.

    `usd` is the only limit that the service enforces too, also when agentflow is killed or loses
    its connection. The others are kept by the process that runs the agent. Nothing is said of a model
    without a list price, for which there can be no such limit.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { tokens: 400k, turns: 60 }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { usd: 2.50, tokens: 400k, turns: 60 }
    """
    for agent in ctx.agents:
        budget = agent.spec.budget
        if budget is None or budget.usd is not None or price_of(agent.spec.model.id) is None:
            continue
        counted = (budget.tokens, budget.turns, budget.tool_calls)
        limits = (*counted, budget.active, budget.wall, budget.pools)
        if any(limit is not None for limit in limits):
            yield ctx.problem(
                agent.span("budget", key=True),
                f"The budget of agent {agent.spec.name!r} has no limit in dollars, the only one "
                "that the service enforces.",
                hint="Add `usd: 2.50`, with your own figure.",
            )


@rule("AF803", "unknown-model", Severity.WARNING, confidence="medium")
def unknown_model(ctx: Context) -> Iterator[Diagnostic]:
    """This version of agentflow does not know the model.

    Mostly it is a slip of the pen, which the service would refuse when the agent is applied. A
    model that is newer than agentflow is fine: suppress the finding, or update. Targets with a base
    URL of their own may serve any model, and are not looked at.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5.5
        prompt: Analyse the orders.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
    """
    if ctx.graph.target.service not in ("local", "anthropic"):
        return
    for agent in ctx.agents:
        for path, model in _models(agent):
            if model in KNOWN or model in RETIRED:
                continue
            yield ctx.problem(
                agent.span(*path),
                f"Agent {agent.spec.name!r} uses the model {model!r}, which is not known.",
                hint=did_you_mean(model, KNOWN)
                or f"Known are {one_of(sorted(KNOWN, reverse=True), joined='and', limit=4)}",
            )


def _models(agent: AgentNode) -> Iterator[tuple[Path, str]]:
    """The models an agent uses, its advisor's too, and where they are named."""
    yield ("model", "id"), agent.spec.model.id
    if agent.spec.team is not None and agent.spec.team.advisor is not None:
        yield ("team", "advisor"), agent.spec.team.advisor


def _key(path: Path) -> str:
    return "advisor" if path[0] == "team" else "model"


@rule("AF804", "retired-model", Severity.ERROR)
def retired_model(ctx: Context) -> Iterator[Diagnostic]:
    """The model does not run agents any more.

    It was retired, or is older than the 4.5 generation, the first that can run managed agents. Every
    session would fail.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-3-7-sonnet-latest
        prompt: Analyse the orders.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-sonnet-5-5
        prompt: Analyse the orders.
    """
    for agent in ctx.agents:
        for path, model in _models(agent):
            entry = RETIRED.get(model)
            if entry is not None:
                yield ctx.problem(
                    agent.span(*path),
                    f"Agent {agent.spec.name!r} uses the model {model!r}, retired on {entry.on}.",
                    hint=Meant(
                        f"Write `{_key(path)}: {entry.instead}`.", word=model, near=entry.instead
                    ),
                )


@rule("AF805", "retiring-model", Severity.WARNING)
def retiring_model(ctx: Context) -> Iterator[Diagnostic]:
    """The model has a date of retirement.

    From that day on sessions fail. A change of model deserves a comparison of results, and that
    takes time.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-sonnet-4-5
        prompt: Analyse the orders.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-sonnet-5-5
        prompt: Analyse the orders.
    """
    for agent in ctx.agents:
        for path, model in _models(agent):
            entry = RETIRING.get(model)
            if entry is not None:
                yield ctx.problem(
                    agent.span(*path),
                    f"Agent {agent.spec.name!r} uses the model {model!r}, which is retired on "
                    f"{entry.on}.",
                    hint=Meant(
                        f"Try `{_key(path)}: {entry.instead}` before that.",
                        word=model,
                        near=entry.instead,
                    ),
                )
