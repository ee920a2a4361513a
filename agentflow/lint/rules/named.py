"""AF604 and AF626: tools that a prompt relies on, and the agent does not have."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from agentflow.compiler.checks.session import members_of
from agentflow.compiler.graph import AgentNode
from agentflow.compiler.tool_scope import ASK_USER
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.abilities import (
    acts,
    has_raw_tools,
    policies_of,
    words_of,
)
from agentflow.lint.prose import Phrase, Prose
from agentflow.lint.rule import Context, rule
from agentflow.nearest import did_you_mean
from agentflow.spec.tool import BUILT_IN_TOOLS

__all__ = [
    "named_tool_missing",
    "named_tool_off",
]

_SEARCHES = Phrase(
    r"(?:search|look (?:it|this|them|things|that)? ?up on|browse) (?:on )?(?:the )?(?:web|internet)\b"
    r"|do an? (?:web|internet|online) search\b|google (?:it|for|the)\b",
    marks=("web", "internet", "online", "google"),
)


_NAMED = Phrase(
    r"(?P<q>`?)(?P<tool>bash|read|write|edit|glob|grep|web_search|web_fetch)\b(?P=q)[ -]tool\b"
    r"|`(?P<quoted>web_search|web_fetch)`|(?P<bare>web_search|web_fetch)\b"
    r"|(?:use|using|with|via|run|call) `?(?P<used>bash)\b`?(?=\s*(?:[.,;:!?)*]|\Z|\n)| (?:to|for|only|when|where|if|and|or|in|first)\b)",
    marks=(" tool", "\ntool", "-tool", "web_", "bash"),
)


@rule("AF604", "named-tool-off", Severity.WARNING, confidence="medium")
def named_tool_off(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt relies on a tool that the agent does not have.

    What `tools` does not name is off. The agent tries another way round, or tells at the end that
    it could not do its work. A tool of an agent in its team counts as its own.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Look up the exchange rates with web_search, then analyse the orders.
        tools: { read: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Look up the exchange rates with web_search, then analyse the orders.
        tools: { read: allow, web_search: allow }
    """
    for agent in ctx.agents:
        if has_raw_tools(agent):
            continue
        team = [agent, *(member for _, member in members_of(agent, ctx.graph))]
        for field, prose in ctx.texts(agent):
            yield from _searches(ctx, field, agent, prose, team)
            yield from _programs(ctx, field, agent, prose, team)
            reported: set[str] = set()
            for match in prose.find(_NAMED):
                group = next(g for g in ("tool", "quoted", "bare", "used") if match[g])
                tool = match[group]
                have = {name for each in team for name in (*policies_of(each), *each.spec.custom)}
                if tool in have or tool in reported or tool not in BUILT_IN_TOOLS:
                    continue
                reported.add(tool)
                yield ctx.problem(
                    prose.span(match, group),
                    f"The {field} of agent {agent.spec.name!r} names the tool {tool!r}, which is "
                    "off.",
                    hint=f"Add `tools: {{ {tool}: allow }}`, or take it out of the {field}.",
                    related=((agent.span("tools"), "what is on"),),
                )


def _searches(
    ctx: Context, field: str, agent: AgentNode, prose: Prose, team: Sequence[AgentNode]
) -> Iterator[Diagnostic]:
    """A search of the web, in words, where nobody has a tool that searches or reads pages."""
    for match in prose.find(_SEARCHES, code=False):
        if prose.sentence_before(match.start()).count('"') % 2:
            continue  # what somebody else says
        on = {name for each in team for name in policies_of(each)}
        if on & _BROWSERS or _has_words(team, _SEARCH_WORDS):
            return
        yield ctx.problem(
            prose.span(match),
            f"The {field} of agent {agent.spec.name!r} has the web searched, and `web_search` is off.",
            hint=f"Add `tools: {{ web_search: allow }}`, or take it out of the {field}.",
            related=((agent.span("tools"), "what is on"),),
        )
        return


def _programs(
    ctx: Context, field: str, agent: AgentNode, prose: Prose, team: Sequence[AgentNode]
) -> Iterator[Diagnostic]:
    """A script or a command that is to be run, where nobody has a tool that runs any."""
    for match in prose.find(_RUNS, code=False):
        if any("bash" in policies_of(each) for each in team) or _has_words(team, _RUN_WORDS):
            return
        yield ctx.problem(
            prose.span(match),
            f"The {field} of agent {agent.spec.name!r} has programs run, and `bash` is off.",
            hint=f"Add `tools: {{ bash: ask }}` and rules in `approvals`, or take it out of the {field}.",
            related=((agent.span("tools"), "what is on"),),
        )
        return


def _has_words(team: Sequence[AgentNode], words: frozenset[str]) -> bool:
    """Whether somebody has a tool of such a name, or of a server, whose tools may do anything."""
    names = (name for each in team for name in each.spec.custom)
    return any(each.spec.mcp for each in team) or any(
        words.intersection(words_of(n)) for n in names
    )


_RUNS = Phrase(
    r"(?:run|execute) (?:an? |the |any |your |this |these )?"
    r"(?:python|shell|bash|node|javascript|r|sql) (?:scripts?|commands?|code|programs?)\b",
    marks=("script", "command", "code", "program"),
)


_RUN_WORDS = frozenset(
    {"run", "exec", "execute", "python", "shell", "sql", "query", "code", "script", "command"}
)


_SEARCH_WORDS = frozenset({"search", "google", "browse", "browser", "web", "lookup"})


_BROWSERS = frozenset({"web_search", "bash"})
"""A shell may well reach a search engine, or drive a browser."""


_TOOL = Phrase(
    r"(?:the|a|your|with|call|calling) tool `(?P<before>[a-z][\w.-]*\w)`"
    r"|`(?P<after>[a-z][\w.-]*\w)` tool\b",
    marks=("tool `", "` tool", "tool\n", "`\ntool"),
)


@rule("AF626", "named-tool-missing", Severity.WARNING, confidence="medium")
def named_tool_missing(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt relies on a tool of your own that the agent does not have.

    A custom tool that was renamed, or a tool of an MCP server that is off, is still in the prompt.
    The agent looks for it, and then does by hand what it was not meant to.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Take exchange rates from the tool `currency_rates`.
        custom:
          currency_rate: { run: "desk.tools:currency_rate", timeout: 10s }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Take exchange rates from the tool `currency_rate`.
        custom:
          currency_rate: { run: "desk.tools:currency_rate", timeout: 10s }
    """
    for agent in ctx.agents:
        team = [agent, *(member for _, member in members_of(agent, ctx.graph))]
        servers = [pair for each in team for pair in each.spec.mcp.items()]
        if any(map(has_raw_tools, team)) or any(spec.others != "off" for _, spec in servers):
            continue  # what it has cannot be seen here
        have = {*BUILT_IN_TOOLS, ASK_USER, *(name for each in team for name in each.spec.custom)}
        for server, spec in servers:
            on = [name for name, tool in spec.tools.items() if tool.policy != "off"]
            have |= {*on, *(f"{server}.{name}" for name in on)}
        known = {name.lower() for name in have}
        for field, prose in ctx.texts(agent):
            for match in prose.find(_TOOL):
                group = "before" if match["before"] else "after"
                if match[group] not in known:
                    name = prose.written(match, group)
                    yield ctx.problem(
                        prose.span(match, group),
                        f"The {field} of agent {agent.spec.name!r} names the tool {name!r}, which "
                        "it does not have.",
                        hint=did_you_mean(name, _like(name, have))
                        or f"Declare {name}, or take it out of the {field}.",
                    )


def _like(name: str, have: Collection[str]) -> list[str]:
    """What may have been meant: never a tool that acts, for one that only looks."""
    verb = words_of(name)[0]
    found = []
    for tool in have:
        bare = tool.rpartition(".")[2]
        if not acts(bare) or verb.startswith(words_of(bare)[0]):
            found.append(tool)
    return found
