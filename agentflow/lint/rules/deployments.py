"""AF100x: deployments, which start by themselves and are watched by nobody."""

from __future__ import annotations

from collections.abc import Iterator

from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of
from agentflow.spec.tool import declared_tools

__all__ = ["deployment_without_budget", "unattended_auto"]


@rule("AF1003", "unattended-auto", Severity.WARNING)
def unattended_auto(ctx: Context) -> Iterator[Diagnostic]:
    """A tool with `auto` may ask, and nobody answers for the deployment.

    Where the service reaches no judgement about a call, it asks. The session then waits without
    end.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: auto }
        ---
        kind: Deployment
        name: nightly
        agent: analyst
        environment: id:env_01
        task: Analyse the orders of yesterday.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: auto }
        ---
        kind: Deployment
        name: nightly
        agent: analyst
        environment: id:env_01
        task: Analyse the orders of yesterday.
        answered_by: the worker of the desk
    """
    for node in ctx.graph.deployments.values():
        agent = node.agent
        if agent is None or node.spec.answered_by is not None:
            continue
        tools = declared_tools(agent.spec.tools).items()
        auto = {name: agent.span("tools", name) for name, tool in tools if tool.policy == "auto"}
        for server, spec in agent.spec.mcp.items():
            for name, mcp_tool in spec.tools.items():
                if mcp_tool.policy == "auto":
                    auto[f"{server}.{name}"] = agent.span("mcp", server, "tools", name)
            if spec.others == "auto":
                auto[f"{server}.*"] = agent.span("mcp", server, "others")
        if auto:
            yield ctx.problem(
                node.span("agent"),
                f"{one_of(auto, joined='and', limit=4)} of agent {agent.spec.name!r} may ask, and "
                f"nobody answers for deployment {node.spec.name!r}.",
                hint="Write `answered_by:`, or `allow` or `off` for the tools.",
                related=tuple((span, f"{name} is auto") for name, span in list(auto.items())[:4]),
            )


@rule("AF1004", "deployment-without-budget", Severity.ERROR)
def deployment_without_budget(ctx: Context) -> Iterator[Diagnostic]:
    """The sessions of a deployment may spend without limit.

    They start by themselves, and nobody looks on. The agent is not managed here, so its budget is
    not known; a session only has the one its deployment gives it.

    Bad:
        apiVersion: agentflow/v1
        kind: Deployment
        name: nightly
        agent: id:agent_01
        environment: id:env_01
        task: Analyse the orders of yesterday.
    Good:
        apiVersion: agentflow/v1
        kind: Deployment
        name: nightly
        agent: id:agent_01
        environment: id:env_01
        task: Analyse the orders of yesterday.
        budget: { usd: 2 }
    """
    for node in ctx.graph.deployments.values():
        own = node.spec.budget is not None or "budget" in node.spec.raw
        if node.spec.agent.startswith("id:") and not own:
            yield ctx.problem(
                node.span("name"),
                f"Deployment {node.spec.name!r} has no budget: nothing stops its sessions from "
                "spending.",
                hint="Add `budget: { usd: 2.50 }`, with your own figure.",
            )
