"""AF601, AF611 and AF612: what a prompt forbids, and nothing else holds."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentflow.compiler.graph import AgentNode
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.abilities import (
    open_tools,
    policies_of,
    words_of,
)
from agentflow.lint.prose import Phrase, Prose
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of
from agentflow.spec.tool import declared_tools

__all__ = [
    "forbidden_command_open",
    "forbidden_tool_open",
    "read_only_not_enforced",
]

_WRITE_TOOLS = ("write", "edit", "bash")
_READ_ONLY = Phrase(
    r"(?:you (?:are|work|operate|run|act)(?: strictly| only)?(?: as an?| in)? read[- ]only"
    r"|you (?:only )?have (?:only )?read[- ]only access"
    r"|(?:this is|you perform|perform) an? (?:strictly )?read[- ]only \w+"
    r"|in read[- ]only mode|read[- ]only agent\b"
    r"|you (?:may|can|must|should) only read\b|make no changes to (?:any |the |existing |source )*"
    r"(?:files?|code|documents?|repositor(?:y|ies)|repos?)\b"
    r"|(?:do not|don['\u2019]t|never|must not|may not) (?:ever )?"
    r"(?:(?:write|modify|change|edit|delete|create|remove|overwrite|touch)(?:,| or|, or| and)? ?)+"
    r"(?:anything\b|(?:any |the |existing |source )*(?:files?|code|documents?)\b))",
    marks=("read", "not", "n't", "n\u2019t", "never", "changes"),
    also=("read", "changes", "anything", "file", "code", "document"),
)


@rule("AF601", "read-only-not-enforced", Severity.WARNING, confidence="medium")
def read_only_not_enforced(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt forbids writing, and the tools allow it.

    A sentence in a prompt is a wish. What an agent must not do is taken away from it: a tool that
    is not named is off, and one that asks is stopped by the approval rules.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: auditor
        model: claude-opus-5-5
        prompt: Review the code. Never modify any files.
        tools: { read: allow, grep: allow, edit: allow, bash: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: auditor
        model: claude-opus-5-5
        prompt: Review the code. Never modify any files.
        tools: { read: allow, grep: allow }
    """
    for agent in ctx.agents:
        policies = policies_of(agent)
        able = [name for name in _WRITE_TOOLS if policies.get(name) in ("allow", "auto")]
        if agent.spec.outputs:
            able = [name for name in able if name == "edit"]  # the others deliver the outputs
        yield from _read_only_elsewhere(ctx, agent)
        if not able:
            continue
        for field, prose in ctx.texts(agent):
            match = next(prose.find_all(_READ_ONLY, code=False), None)
            if match is not None:
                yield ctx.problem(
                    prose.span(match),
                    f"The {field} of agent {agent.spec.name!r} says {prose.written(match)!r}, but "
                    f"{one_of(map(repr, able), joined='and')} can change files.",
                    hint=f"Turn {one_of(map(repr, able), joined='and')} off (`tools: {{ {able[0]}: off }}`), or let "
                    f"{'it' if len(able) == 1 else 'them'} `ask`.",
                    related=tuple((agent.span("tools", name), f"{name} is on") for name in able),
                )


_ACCESS = Phrase(r"you (?:only )?have (?:only )?read[- ]only access", marks=("read",))


_CHANGES = frozenset(
    {"add", "create", "delete", "edit", "insert", "patch", "post", "put", "remove", "set", "update"}
    | {"write"}
)


def _read_only_elsewhere(ctx: Context, agent: AgentNode) -> Iterator[Diagnostic]:
    """Read-only access by the prompt, and tools of servers or custom ones that change things."""
    able = {
        name: path
        for name, path in open_tools(agent)
        if words_of(name.rpartition(".")[2])[0] in _CHANGES
    }
    for field, prose in ctx.texts(agent) if able else ():
        match = next(prose.find_all(_ACCESS, code=False), None)
        if match is not None:
            first = next(iter(able))
            yield ctx.problem(
                prose.span(match),
                f"The {field} of agent {agent.spec.name!r} says {prose.written(match)!r}, but "
                f"{one_of(map(repr, able), joined='and')} can change things.",
                hint=f"Turn {first} off, or let it `ask`.",
                related=tuple(
                    (agent.span(*path, key=True), "allowed here") for path in able.values()
                ),
            )


_NEVER = r"(?:do not|don['\u2019]t|never|must not|may not) (?:ever )?"


_THINGS = (
    r"(?:tables?|databases?|schemas?|rows?|records?|branch(?:es)?|buckets?|volumes?|namespaces?"
    r"|clusters?|backups?|(?:production |customer )?data)\b"
)


_FORBIDDEN = Phrase(
    _NEVER + r"(?:force[- ]push|push (?:to|any|the|your|commits|changes|code|directly)"
    r"|push(?=\s*[.,;!]|\s+or\b)|commit (?:to (?:the )?(?:main|master)|any|the|your|changes|code)"
    r"|deploy\b|(?:run|use|execute) `?(?:rm|sudo|git push|dd|mkfs)\b"
    r"|(?:drop|delete|truncate|wipe|destroy) (?:any |the |a |existing |production )*"
    + _THINGS
    + ")",
    marks=("not ", "n't ", "n\u2019t ", "never ", "not\n", "n't\n", "never\n"),
)


@rule("AF611", "forbidden-command-open", Severity.WARNING, confidence="medium")
def forbidden_command_open(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt forbids a command, and the shell runs every command.

    An agent that reads a page or a log full of other instructions forgets the sentence. With
    `bash: ask` the rules in `approvals` see each command before it runs, and deny this one.

    Nothing is said where the sandbox reaches no host and holds no repository: there the command
    does no harm.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: fixer
        model: claude-opus-5-5
        prompt: Repair the module. Never push to the main branch.
        tools: { bash: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: fixer
        model: claude-opus-5-5
        prompt: Repair the module. Never push to the main branch.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "git push*" }, answer: deny }
          - { tool: bash, ask: person, wait: 10m }
    """
    for agent in ctx.agents:
        bash = declared_tools(agent.spec.tools).get("bash")
        if bash is None or bash.policy != "allow" or _is_shut_in(ctx, agent):
            continue
        for field, prose in ctx.texts(agent):
            match = next(prose.find_all(_FORBIDDEN, code=True), None)
            if match is not None:
                yield ctx.problem(
                    prose.span(match),
                    f"The {field} of agent {agent.spec.name!r} says {prose.written(match)!r}, but "
                    "`bash` runs every command without asking.",
                    hint="Write `bash: ask`, and rules in `approvals` that deny this command.",
                    related=((agent.span("tools", "bash"), "bash is on"),),
                )


def _is_shut_in(ctx: Context, agent: AgentNode) -> bool:
    """Whether what a command does stays in a sandbox that is thrown away."""
    environment = ctx.environment_of(agent)
    if environment is None or agent.spec.repositories or environment.spec.hosting != "cloud":
        return False
    network = environment.spec.network
    return not (network.open or network.hosts or "config" in environment.spec.raw)


_FORBIDDEN_ACT = Phrase(
    _NEVER
    + r"(?P<acts>(?:(?:delete|remove|drop|close|merge|send|post|create|update|edit|assign|archive"
    r"|cancel|pay|transfer|refund|publish|deploy|approve|invite|rename|move|reopen|lock|e?mail"
    r"|message|notify|book|order|buy|sell|charge|reply|comment|label|add|set|change|ban|block)"
    r"(?:, or |, | or )?)+) (?P<what>[^.;:!?\n,]{1,60})",
    marks=("not ", "n't ", "n\u2019t ", "never ", "not\n", "n't\n", "never\n"),
)


_FORBIDDEN_BUILT_IN = Phrase(
    _NEVER
    + r"(?:(?:use|call|invoke|run|execute|open|access|browse|search|go on) (?:the |any |a )?)`?"
    r"(?:(?P<bash>bash|shell|terminal|command line)|(?P<web>web|internet|web_search|web_fetch)"
    r"|(?P<write>write)|(?P<edit>edit))\b`?(?: tools?| commands?| search)?(?=\s*(?:[.;!]|\Z|\n\s*\n|\n[-*#]))",
    marks=("bash", "shell", "terminal", "command", "web", "internet", "write", "edit"),
)


@rule("AF612", "forbidden-tool-open", Severity.WARNING, confidence="medium")
def forbidden_tool_open(ctx: Context) -> Iterator[Diagnostic]:
    """The prompt forbids what a tool does, and the tool is allowed.

    The tool whose name is the forbidden thing is one word away from being off. As long as it is
    allowed, a sentence in a web page or in a ticket is enough to have it called.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: triager
        model: claude-opus-5-5
        prompt: Label the issues. Never delete any comments.
        mcp:
          tracker:
            url: https://tracker.northwind.dev/mcp
            tools: { list_issues: allow, delete_comment: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: triager
        model: claude-opus-5-5
        prompt: Label the issues. Never delete any comments.
        mcp:
          tracker:
            url: https://tracker.northwind.dev/mcp
            tools: { list_issues: allow }
    """
    for agent in ctx.agents:
        tools = list(open_tools(agent))
        for field, prose in ctx.texts(agent):
            yield from _forbidden_built_in(ctx, field, agent, prose)
        for field, prose in ctx.texts(agent) if tools else ():
            for match in prose.find_all(_FORBIDDEN_ACT, code=False):
                verbs = set(re.findall(r"[a-z]+", match["acts"]))
                objects = {word.rstrip("s") for word in re.findall(r"[a-z]+", match["what"])}
                for name, path in tools:
                    first, *rest = words_of(name.rpartition(".")[2])
                    if first not in verbs or not {word.rstrip("s") for word in rest} & objects:
                        continue
                    yield ctx.problem(
                        prose.span(match),
                        f"The {field} of agent {agent.spec.name!r} says "
                        f"{prose.written(match)!r}, but the tool {name!r} is allowed.",
                        hint=f"Turn {name} off, or let it `ask`.",
                        related=((agent.span(*path, key=True), "allowed here"),),
                    )


def _forbidden_built_in(
    ctx: Context, field: str, agent: AgentNode, prose: Prose
) -> Iterator[Diagnostic]:
    """A built-in tool that may not be used for anything, and runs without asking."""
    allowed = [
        name for name, tool in declared_tools(agent.spec.tools).items() if tool.policy == "allow"
    ]
    for match in prose.find_all(_FORBIDDEN_BUILT_IN) if allowed else ():
        meant = next(name for name, found in match.groupdict().items() if found)
        for name in allowed:
            if name == meant or name.startswith(f"{meant}_"):
                yield ctx.problem(
                    prose.span(match),
                    f"The {field} of agent {agent.spec.name!r} says {prose.written(match)!r}, but "
                    f"`{name}` is allowed.",
                    hint=f"Take `{name}` out of `tools`: what is not named is off.",
                    related=((agent.span("tools", name, key=True), "allowed here"),),
                )
