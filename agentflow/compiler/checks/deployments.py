"""Deployments start by themselves: all they need is said, and somebody answers what they wait for.

https://platform.claude.com/docs/en/managed-agents/scheduled-deployments
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from agentflow import codes
from agentflow.compiler.checks.inputs import Given, check_inputs
from agentflow.compiler.checks.session import members_of
from agentflow.compiler.cron import Cron, parse_cron
from agentflow.compiler.graph import AgentNode, DeploymentNode, Graph, TemplateText
from agentflow.compiler.models import MODELS
from agentflow.compiler.zones import zones
from agentflow.diagnostics import Diagnostic, Span
from agentflow.nearest import did_you_mean, one_of
from agentflow.ports import Files
from agentflow.spec.refs import parse_ref
from agentflow.spec.tool import declared_tools

__all__ = ["check_deployment", "questions"]


def check_deployment(node: DeploymentNode, graph: Graph, files: Files) -> Iterator[Diagnostic]:
    yield from _schedule(node)
    yield from _missing(node)
    if node.agent is not None:
        text = node.task or node.agent.task
        given = Given(node, ("inputs",), node.spec.inputs)
        needed: Collection[str] = ()
        if text is not None and not text.is_verbatim:
            needed = _mentioned(text, node.agent)
        yield from check_inputs(node.agent, given, files, needed=needed)
        yield from _unanswered(node, node.agent, graph)
        yield from _system(node, node.agent)


def _schedule(node: DeploymentNode) -> Iterator[Diagnostic]:
    schedule = node.spec.schedule
    if schedule is None:
        return
    cron = parse_cron(schedule.cron)
    if not isinstance(cron, Cron):
        span = node.document.text_span(("schedule", "cron"), cron.start, cron.end)
        yield codes.SCHEDULE.at(span, cron.message, hint=cron.hint)
    if schedule.timezone not in zones():
        message = f"No time zone is named {schedule.timezone!r}."
        hint = (
            did_you_mean(schedule.timezone, zones()) or "Write a name such as Europe/Berlin or UTC."
        )
        yield codes.TIMEZONE.at(node.span("schedule", "timezone"), message, hint=hint)


def _missing(node: DeploymentNode) -> Iterator[Diagnostic]:
    ref = parse_ref(node.spec.agent, "agent")
    if node.agent is None and (ref is None or ref.name is not None):
        return  # its agent has errors, or does not exist
    related: tuple[tuple[Span, str], ...] = ()
    of_agent = ""
    if node.agent is not None:
        related = ((node.agent.span("name"), "its agent"),)
        of_agent = f", and neither does agent {node.agent.spec.name!r}"
    span = node.span("name")
    name = node.spec.name
    if node.environment is None:
        message = f"Deployment {name!r} names no environment{of_agent}."
        hint = "Write `environment:` with the name of one."
        yield codes.DEPLOYMENT_INCOMPLETE.at(span, message, hint=hint, related=related)
    if node.task is None and (node.agent is None or node.agent.task is None):
        message = (
            f"Deployment {name!r} has no task{of_agent.replace('neither does', 'neither has')}."
        )
        hint = "Write `task:` with what the agent is to do."
        yield codes.DEPLOYMENT_INCOMPLETE.at(span, message, hint=hint, related=related)


def _system(node: DeploymentNode, agent: AgentNode) -> Iterator[Diagnostic]:
    facts = MODELS.get(agent.spec.model.id)
    if node.spec.system is None or facts is None or facts.system_messages:
        return
    message = f"{agent.spec.model.id} takes no message of the system, so no session would start."
    hint = "Say it in `task` or in the agent's prompt, or give the agent a newer model."
    related = ((agent.span("model"), "its model"),)
    span = node.span("system", key=True)
    yield codes.SYSTEM_UNSUPPORTED.at(span, message, hint=hint, related=related)


def _mentioned(task: TemplateText, agent: AgentNode) -> frozenset[str]:
    """The inputs a task uses; all of them where that cannot be seen from its text."""
    names = agent.spec.inputs
    if re.search(r"\{%-?\s*(?:include|import|from)\b|\binputs\b(?!\s*[.\[])", task.text):
        return frozenset(names)
    used = r"\binputs\s*(?:\.\s*{0}\b|\[\s*['\"]{0}['\"]\s*\])"
    return frozenset(name for name in names if re.search(used.format(name), task.text))


def questions(agent: AgentNode) -> Iterator[tuple[Span, str]]:
    """All that a session of this agent waits for an answer to, each with its place."""
    for name, tool in declared_tools(agent.spec.tools).items():
        if tool.policy == "ask":
            yield agent.span("tools", name), f"{name} asks"
    for server, spec in agent.spec.mcp.items():
        for name, mcp_tool in spec.tools.items():
            if mcp_tool.policy == "ask":
                yield agent.span("mcp", server, "tools", name), f"{server}.{name} asks"
        if spec.others == "ask":
            yield agent.span("mcp", server, "others"), f"other tools of {server} ask"
    for name in agent.spec.custom:
        yield agent.span("custom", name, key=True), f"the custom tool {name} has to be run"
    yield from _sent_as_they_stand(agent)
    uncertainty = agent.spec.uncertainty
    if uncertainty is not None and uncertainty.mode == "ask":
        yield agent.span("uncertainty"), "it may ask a question"


def _sent_as_they_stand(agent: AgentNode) -> Iterator[tuple[Span, str]]:
    """Custom tools of `raw`: who runs them is not said."""
    tools = agent.spec.raw.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        if isinstance(tool, Mapping) and tool.get("type") == "custom":
            what = f"the custom tool {tool.get('name')} has to be run"
            yield agent.span("raw", "tools", index), what


def _unanswered(node: DeploymentNode, agent: AgentNode, graph: Graph) -> Iterator[Diagnostic]:
    if node.spec.answered_by is not None:
        return
    asking = list(questions(agent))
    members = {member.address: member for _, member in members_of(agent, graph)}
    for member in members.values():
        asking += [(span, f"{what} ({member.spec.name})") for span, what in questions(member)]
    if not asking:
        return
    reasons = one_of([what for _, what in asking], joined="and", limit=4)
    message = (
        f"Agent {agent.spec.name!r} waits for answers, and nobody answers for deployment "
        f"{node.spec.name!r}: {reasons}."
    )
    hint = "Write `answered_by:` with the process or person that answers, or change the tools."
    related = tuple(asking[:4])
    yield codes.UNANSWERED.at(node.span("agent"), message, hint=hint, related=related)
