"""AF80x: limits that are too small for one run, and limits that another one makes moot."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from agentflow.compiler.checks.session import members_of
from agentflow.compiler.graph import AgentNode, DeploymentNode
from agentflow.diagnostics import Diagnostic, Level, Severity
from agentflow.lint.abilities import has_raw_tools, policies_of
from agentflow.lint.costs import price_of, prompt_tokens, run_floor_usd, tokens_ceiling_usd
from agentflow.lint.lifecycle import KNOWN, RETIRED
from agentflow.lint.rule import Context, rule
from agentflow.nearest import did_you_mean

__all__ = [
    "budget_below_floor",
    "budget_in_cents",
    "one_turn_with_tools",
    "team_without_headroom",
    "tokens_below_turns",
    "turns_without_effect",
    "unpriced_model",
]


def _prompt_characters(ctx: Context, agent: AgentNode) -> int:
    """Of the texts that stand in every request."""
    return sum(len(prose.source.text) for field, prose in ctx.texts(agent) if field != "task")


def _floor(ctx: Context, agent: AgentNode) -> Decimal | None:
    return run_floor_usd(agent.spec.model.id, _prompt_characters(ctx, agent))


def _cents(usd: Decimal) -> str:
    return f"{usd:.2f}" if usd >= Decimal("0.1") else f"{usd:.4f}"


@rule("AF806", "budget-below-floor", Severity.WARNING)
def budget_below_floor(ctx: Context) -> Iterator[Diagnostic]:
    """The budget is too small for a single run.

    `usd` is an amount in dollars: 0.02 is two cents. Three short requests with this prompt, the
    fewest that a piece of work takes, cost more than that at list price, so every run ends with its
    budget reached and nothing delivered.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { usd: 0.02 }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { usd: 2 }
    """
    owners: list[AgentNode | DeploymentNode] = [*ctx.agents, *ctx.graph.deployments.values()]
    for owner in owners:
        agent = owner if isinstance(owner, AgentNode) else owner.agent
        usd = owner.spec.budget.usd if owner.spec.budget is not None else None
        floor = _floor(ctx, agent) if agent is not None and usd is not None else None
        if agent is not None and usd is not None and floor is not None and usd < floor:
            yield ctx.problem(
                owner.span("budget", "usd"),
                f"{owner.spec.kind} {owner.spec.name!r} may spend {usd} dollars, and the shortest "
                f"run with {agent.spec.model.id} costs about {_cents(floor)}.",
                hint=f"Write an amount in dollars, several times {_cents(floor)}.",
            )


@rule("AF807", "tokens-below-turns", Severity.INFO, level=Level.STRICT)
def tokens_below_turns(ctx: Context) -> Iterator[Diagnostic]:
    """The limit of tokens is reached long before the limit of turns.

    Every turn sends the whole prompt again, and `tokens` counts what comes from the cache too. The
    number of turns looks like a limit that somebody chose, and is never reached.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { usd: 2, tokens: 20k, turns: 60 }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { usd: 2, tokens: 400k, turns: 60 }
    """
    for agent in ctx.agents:
        budget = agent.spec.budget
        if budget is None or budget.tokens is None or budget.turns is None:
            continue
        reached = budget.tokens // prompt_tokens(_prompt_characters(ctx, agent))
        if reached < budget.turns:
            yield ctx.problem(
                agent.span("budget", "tokens"),
                f"Agent {agent.spec.name!r} has used up its tokens after {reached} turns at most, "
                f"so the limit of {budget.turns} turns is never reached.",
                hint="Allow more tokens, or fewer turns.",
                related=((agent.span("budget", "turns"), "never reached"),),
            )


@rule("AF808", "one-turn-with-tools", Severity.WARNING)
def one_turn_with_tools(ctx: Context) -> Iterator[Diagnostic]:
    """The agent has tools, and a single turn.

    A turn is one model request. A tool is called in one and its result is read in the next, so with
    one turn the agent is stopped before it sees what its first call did.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { read: allow }
        budget: { usd: 2, turns: 1 }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { read: allow }
        budget: { usd: 2, turns: 10 }
    """
    for agent in ctx.agents:
        turns = agent.spec.budget.turns if agent.spec.budget is not None else None
        has_tools = policies_of(agent) or agent.spec.custom or agent.spec.mcp
        if turns == 1 and (has_tools or has_raw_tools(agent)):
            yield ctx.problem(
                agent.span("budget", "turns"),
                f"Agent {agent.spec.name!r} has tools, and is stopped before it reads a result.",
                hint="Allow as many turns as it makes calls, and some more.",
            )


@rule("AF809", "turns-without-effect", Severity.INFO, level=Level.STRICT)
def turns_without_effect(ctx: Context) -> Iterator[Diagnostic]:
    """The limit of turns can hardly be reached, because that of tool calls is.

    A turn without a tool call ends the work, and a repair begins it again. So there are about as
    many turns as calls at most, and the larger number of turns limits nothing.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { usd: 2, turns: 60, tool_calls: 10 }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { usd: 2, turns: 20, tool_calls: 60 }
    """
    for agent in ctx.agents:
        budget = agent.spec.budget
        if budget is None or budget.turns is None or budget.tool_calls is None:
            continue
        if budget.turns > budget.tool_calls + 1 + agent.spec.repair:
            yield ctx.problem(
                agent.span("budget", "turns"),
                f"Agent {agent.spec.name!r} makes {budget.tool_calls} tool calls at most, so the "
                f"limit of {budget.turns} turns is hardly ever reached.",
                hint="Allow more tool calls than turns: one turn can make several.",
                related=((agent.span("budget", "tool_calls"), "reached first"),),
            )


@rule("AF810", "team-without-headroom", Severity.WARNING)
def team_without_headroom(ctx: Context) -> Iterator[Diagnostic]:
    """The budget of a team is too small for all of its members.

    A session has one budget for all of its threads. What the members spend is missing at the end to
    the agent that has to put their work together, and its run is stopped there.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: lead
        model: claude-opus-5-5
        prompt: Have the orders analysed.
        team: { subagents: [reader, checker] }
        budget: { usd: 0.05 }
        ---
        kind: Agent
        name: reader
        model: claude-opus-5-5
        description: Reads orders.
        prompt: Read the orders.
        ---
        kind: Agent
        name: checker
        model: claude-opus-5-5
        description: Checks figures.
        prompt: Check the figures.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: lead
        model: claude-opus-5-5
        prompt: Have the orders analysed.
        team: { subagents: [reader, checker] }
        budget: { usd: 2 }
        ---
        kind: Agent
        name: reader
        model: claude-opus-5-5
        description: Reads orders.
        prompt: Read the orders.
        ---
        kind: Agent
        name: checker
        model: claude-opus-5-5
        description: Checks figures.
        prompt: Check the figures.
    """
    for agent in ctx.agents:
        usd = agent.spec.budget.usd if agent.spec.budget is not None else None
        own = _floor(ctx, agent)
        if usd is None or own is None or usd < own or agent.spec.team is None:
            continue  # too small for itself alone: another finding
        members = {member.address: member for _, member in members_of(agent, ctx.graph)}
        floors = [own, *(_floor(ctx, member) or Decimal(0) for member in members.values())]
        if usd < sum(floors):
            yield ctx.problem(
                agent.span("budget", "usd"),
                f"The team of agent {agent.spec.name!r} may spend {usd} dollars, and one short run "
                f"of each of its {len(floors)} agents costs about {_cents(sum(floors, Decimal(0)))}.",
                hint="Allow several times that: members are often put to work more than once.",
                related=((agent.span("team", key=True), "the team"),),
            )


def _models(ctx: Context, agent: AgentNode) -> dict[str, AgentNode]:
    """Every model that a session of the agent can come to use, with an agent that has it."""
    found = {agent.spec.model.id: agent}
    if agent.spec.team is not None and agent.spec.team.advisor is not None:
        found.setdefault(agent.spec.team.advisor, agent)
    for _, member in members_of(agent, ctx.graph):
        found.setdefault(member.spec.model.id, member)
    return found


@rule("AF811", "budget-in-cents", Severity.WARNING)
def budget_in_cents(ctx: Context) -> Iterator[Diagnostic]:
    """The budget is far more than its tokens can cost.

    `usd` is an amount in dollars; the service's own field is one in cents. Where `tokens` is reached
    long before, the only limit that the service keeps is none: if the process that counts tokens
    dies, the session may go on up to the full amount.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { usd: 250, tokens: 400k }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { usd: 2.50, tokens: 400k }
    """
    for agent in ctx.agents:
        budget = agent.spec.budget
        if budget is None or budget.usd is None or budget.tokens is None:
            continue
        ceiling = tokens_ceiling_usd(_models(ctx, agent), budget.tokens)
        # Searches and running time cost beside the tokens: a dollar covers a hundred of the former.
        if ceiling is not None and budget.usd > ceiling + 10:
            yield ctx.problem(
                agent.span("budget", "usd"),
                f"Agent {agent.spec.name!r} may spend {budget.usd} dollars, and {budget.tokens:,} tokens "
                f"cost {_cents(ceiling)} at the very most.",
                hint="Write an amount in dollars, not in cents, that the tokens can reach.",
                related=((agent.span("budget", "tokens"), "reached long before"),),
            )


@rule("AF812", "unpriced-model", Severity.WARNING, confidence="medium")
def unpriced_model(ctx: Context) -> Iterator[Diagnostic]:
    """A budget in dollars is for a model without a list price.

    The service counts dollars at list price, and refuses a session with such a budget if the agent,
    its advisor or a member of its team uses a model that has none.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: northwind-tuned-1
        prompt: Analyse the orders.
        budget: { usd: 2, turns: 40 }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: northwind-tuned-1
        prompt: Analyse the orders.
        budget: { tokens: 400k, turns: 40 }
    """
    for agent in ctx.agents:
        if agent.spec.budget is None or agent.spec.budget.usd is None:
            continue
        for model, owner in _models(ctx, agent).items():
            # Another finding says that a model is retired, or a slip of the pen.
            if price_of(model) or model in RETIRED or did_you_mean(model, KNOWN):
                continue
            yield ctx.problem(
                agent.span("budget", "usd"),
                f"No list price is known of {model!r}, so the service may refuse a budget in dollars "
                f"for agent {agent.spec.name!r}.",
                hint="Limit `tokens`, `turns` and `wall` instead.",
                related=((owner.span("model", "id"), "the model"),),
            )
