"""Teams: who may be in one, where its members run, and whom it may ask.

https://platform.claude.com/docs/en/managed-agents/multiagent-orchestration
"""

from __future__ import annotations

from collections.abc import Iterator

from agentflow import codes
from agentflow.compiler.checks.session import members_of, team_entries
from agentflow.compiler.graph import AgentNode, Graph
from agentflow.diagnostics import Diagnostic
from agentflow.patterns import regex
from agentflow.source.tree import Path
from agentflow.spec.refs import parse_ref

__all__ = ["check_team"]

ROSTER_LIMIT = 20


def check_team(node: AgentNode, graph: Graph) -> Iterator[Diagnostic]:
    team = node.spec.team
    if team is None:
        return
    for base, roster in team_entries(node).items():
        yield from _distinct(node, base, roster)
    if team.coordinator is not None and team.advisor is not None:
        entries = len(team.coordinator) + 1
        if entries > ROSTER_LIMIT:
            message = f"The team has {entries} members: the advisor is one of them."
            hint = f"The service takes {ROSTER_LIMIT}."
            span = node.span("team", "coordinator", key=True)
            yield codes.TEAM_MEMBER.at(span, message, hint=hint)
    yield from _members(node, graph)
    yield from _advisor(node)


def _distinct(node: AgentNode, base: Path, roster: tuple[str, ...]) -> Iterator[Diagnostic]:
    first: dict[str, int] = {}
    for index, member in enumerate(roster):
        ref = parse_ref(member, "agent") if member != "self" else None
        who = ref.address or f"id:{ref.id}" if ref is not None else node.address
        span = node.span(*base, index)
        if who == node.address and member != "self":
            message = f"Agent {node.spec.name!r} is in its own team by its name."
            yield codes.TEAM_MEMBER.at(span, message, hint="Write `self`.")
        earlier = first.setdefault(who, index)
        if earlier != index:
            message = f"{member!r} is in the team twice."
            related = ((node.span(*base, earlier), "here already"),)
            hint = "Remove one of them: an agent can be put to work several times at once."
            yield codes.TEAM_MEMBER.at(span, message, hint=hint, related=related)


def _members(node: AgentNode, graph: Graph) -> Iterator[Diagnostic]:
    for path, member in members_of(node, graph):
        if member.spec.team is not None:
            message = (
                f"Agent {member.spec.name!r} has a team itself, so it cannot be in that of "
                f"{node.spec.name!r}: work is handed on once."
            )
            related = ((member.span("team", key=True), f"the team of {member.spec.name!r}"),)
            hint = f"Remove it here, or remove `team` from {member.spec.name!r}."
            yield codes.TEAM_MEMBER.at(node.span(*path), message, hint=hint, related=related)
        own, geo = node.spec.model.geo, member.spec.model.geo
        if own != geo:
            message = (
                f"Agent {member.spec.name!r} runs {_where(geo)}, and {node.spec.name!r} "
                f"{_where(own)}: a team runs in one place."
            )
            related = ((member.span("model", "geo"), f"the model of {member.spec.name!r}"),)
            hint = f"Write `geo: {own or geo}` below `model` of both."
            yield codes.GEO_DIFFERS.at(node.span(*path), message, hint=hint, related=related)


def _where(geo: str | None) -> str:
    return "wherever its workspace says" if geo is None else f"in {geo!r}"


_MODEL = regex(
    r"claude-(?P<line>haiku|sonnet|opus|fable|mythos)-(?P<major>\d)(?:-(?P<minor>\d))?(?!\d)"
)
_LINES = ("haiku", "sonnet", "opus", "fable", "mythos")


def _advisor(node: AgentNode) -> Iterator[Diagnostic]:
    """Whether the advisor is less capable for certain: of no better line and of an older version."""
    advisor = node.spec.team.advisor if node.spec.team is not None else None
    theirs, own = _rank(advisor or ""), _rank(node.spec.model.id)
    if theirs is None or own is None or theirs == own:
        return
    if theirs[0] <= own[0] and theirs[1] <= own[1]:
        message = f"The advisor {advisor!r} is less capable than {node.spec.model.id!r}."
        related = ((node.span("model"), "the agent's own model"),)
        hint = "Name a model at least as capable, or give the agent a smaller one."
        span = node.span("team", "advisor")
        yield codes.WEAK_ADVISOR.at(span, message, hint=hint, related=related)


def _rank(model: str) -> tuple[int, tuple[int, int]] | None:
    """Line and version, each comparable on its own. None: not a name that shows them."""
    match = _MODEL.match(model)
    if match is None:
        return None
    return _LINES.index(match["line"]), (int(match["major"]), int(match["minor"] or 0))
