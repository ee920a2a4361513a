"""AF60x: tools, who answers for them, and what the prompt says about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from agentflow.compiler.checks.session import members_of
from agentflow.compiler.globs import globs_meet
from agentflow.compiler.graph import AgentNode
from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.lint.abilities import has_raw_tools, open_tools, policies_of, words_of
from agentflow.lint.prose import Phrase, Prose
from agentflow.lint.rule import Context, rule
from agentflow.spec.tool import BUILT_IN_TOOLS

__all__ = [
    "ask_always_allowed",
    "ask_unanswered",
    "named_tool_off",
    "outputs_without_writer",
    "read_only_not_enforced",
    "unrecoverable_custom_tool",
    "write_gate_open",
]

_WRITERS = ("write", "edit", "bash")


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
    marks=("read", "not", "n't", "n\u2019t", "never", "no changes"),
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
        able = [name for name in _WRITERS if policies.get(name) in ("allow", "auto")]
        if agent.spec.outputs:
            able = [name for name in able if name == "edit"]  # the others deliver the outputs
        yield from _read_only_elsewhere(ctx, agent)
        if not able:
            continue
        related = tuple((agent.span("tools", name), f"{name} is on") for name in able)
        for field, prose in ctx.texts(agent):
            match = next(prose.find_all(_READ_ONLY, code=False), None)
            if match is not None:
                yield ctx.problem(
                    prose.span(match),
                    f"The {field} of agent {agent.spec.name!r} says {prose.written(match)!r}, but "
                    f"{_and(able)} can change files.",
                    hint=f"Turn {_and(able)} off (`tools: {{ {able[0]}: off }}`), or let "
                    f"{'it' if len(able) == 1 else 'them'} `ask`.",
                    related=related,
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
                f"{_and(list(able))} can change things.",
                hint=f"Turn {first} off, or let it `ask`.",
                related=tuple(
                    (agent.span(*path, key=True), "allowed here") for path in able.values()
                ),
            )


def _asking(agent: AgentNode) -> Iterator[tuple[str, Span]]:
    """Tools that wait for an answer, with the place of their policy."""
    for name, policy in policies_of(agent).items():
        if policy == "ask":
            yield name, agent.span("tools", name)
    for name, tool in agent.spec.custom.items():
        if tool.policy == "ask":
            yield name, agent.span("custom", name, "policy")
    for server, spec in agent.spec.mcp.items():
        for name, mcp_tool in spec.tools.items():
            if mcp_tool.policy == "ask":
                yield f"{server}.{name}", agent.span("mcp", server, "tools", name)
        if spec.others == "ask":
            yield f"{server}.*", agent.span("mcp", server, "others")


def _is_about(rule: str, tool: str, agent: AgentNode) -> bool:
    """Whether a rule is about a tool, or about some of those that `server.*` stands for."""
    server, _, rest = rule.partition(".")
    if tool == f"{server}.*" and rest in agent.spec.mcp[server].tools:
        return False
    return globs_meet(tool, rule)


@rule("AF602", "ask-unanswered", Severity.ERROR)
def ask_unanswered(ctx: Context) -> Iterator[Diagnostic]:
    """A tool asks, and nobody answers.

    The first matching rule of `approvals` answers a tool that asks, and no match means deny. With
    no rule for the tool every call of it is denied: the agent spends its budget on refusals.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "python3 *" }, answer: allow }
    """
    for agent in ctx.agents:
        for name, span in _asking(agent):
            if any(_is_about(approval.tool, name, agent) for approval in agent.spec.approvals):
                continue
            yield ctx.problem(
                span,
                f"Tool {name!r} of agent {agent.spec.name!r} asks, but no rule in `approvals` "
                "answers for it: every call is denied.",
                hint=f"Add `approvals: [{{ tool: {name}, ask: person }}]` or a rule with "
                "`answer: allow`, or turn the tool off.",
            )


@rule("AF607", "ask-always-allowed", Severity.WARNING)
def ask_always_allowed(ctx: Context) -> Iterator[Diagnostic]:
    """A tool asks, and every call is allowed without a look.

    A rule without `match` that answers `allow` says yes to whatever the agent wants, including what
    a rule further down denies. The `ask` looks like a gate in a review, and is none.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals:
          - { tool: bash, answer: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "python3 *" }, answer: allow }
          - { tool: bash, ask: person }
    """
    for agent in ctx.agents:
        for name, span in _asking(agent):
            rules = enumerate(agent.spec.approvals)
            first = next(((i, r) for i, r in rules if fnmatchcase(name, r.tool)), None)
            if first is not None and not first[1].match and first[1].answer == "allow":
                yield ctx.problem(
                    agent.span("approvals", first[0]),
                    f"This rule allows every call of {name!r} by agent {agent.spec.name!r}, which "
                    "is to ask.",
                    hint=f"Narrow it with `match`, or write `{name}: allow` and say what you mean.",
                    related=((span, "asks here"),),
                )


@rule("AF603", "write-gate-open", Severity.WARNING)
def write_gate_open(ctx: Context) -> Iterator[Diagnostic]:
    """One way of writing asks, and another does not.

    `write`, `edit` and `bash` all change files. An agent that is refused by one takes the next: a
    gate in front of one of them stops nothing.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { write: ask, bash: allow }
        approvals:
          - { tool: write, match: { file_path: "/mnt/session/outputs/*" }, answer: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { write: ask, read: allow }
        approvals:
          - { tool: write, match: { file_path: "/mnt/session/outputs/*" }, answer: allow }
    """
    for agent in ctx.agents:
        policies = policies_of(agent)
        gated = [name for name in ("write", "edit") if policies.get(name) == "ask"]
        ways = [name for name in _WRITERS if policies.get(name) in ("allow", "auto")]
        if gated and ways:
            does = "asks" if len(gated) == 1 else "ask"
            yield ctx.problem(
                agent.span("tools", ways[0]),
                f"{_and(gated)} of agent {agent.spec.name!r} {does}, but {_and(ways)} can change "
                f"the same files without asking.",
                hint=f"Write `{ways[0]}: ask` and a rule in `approvals`, or turn {_and(ways)} off.",
                related=tuple((agent.span("tools", name), "asks here") for name in gated),
            )


_SEARCHES = Phrase(
    r"(?:search|look (?:it|this|them|things|that)? ?up on|browse) (?:on )?(?:the )?(?:web|internet)\b"
    r"|do an? (?:web|internet|online) search\b|google (?:it|for|the)\b",
    marks=("web", "internet", "online", "google"),
)
_NAMED = Phrase(
    r"(?P<q>`?)(?P<tool>bash|read|write|edit|glob|grep|web_search|web_fetch)\b(?P=q)[ -]tool\b"
    r"|`(?P<quoted>web_search|web_fetch)`|(?P<bare>web_search|web_fetch)\b"
    r"|(?:use|using|with|via|run|call) `?(?P<used>bash)\b`?(?! script| command| -)",
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
        have = {name for each in team for name in (*policies_of(each), *each.spec.custom)}
        for field, prose in ctx.texts(agent):
            yield from _searches(ctx, field, agent, prose, team)
            yield from _programs(ctx, field, agent, prose, team)
            reported: set[str] = set()
            for match in prose.find(_NAMED):
                group = next(g for g in ("tool", "quoted", "bare", "used") if match[g])
                tool = match[group]
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
    named = {word for each in team for name in each.spec.custom for word in words_of(name)}
    on = {name for each in team for name in policies_of(each)}
    if any(each.spec.mcp for each in team) or named & _SEARCH_WORDS or on & _BROWSERS:
        return
    for match in prose.find(_SEARCHES, code=False):
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
    named = {word for each in team for name in each.spec.custom for word in words_of(name)}
    shell = any("bash" in policies_of(each) for each in team)
    if shell or any(each.spec.mcp for each in team) or named & _RUN_WORDS:
        return
    for match in prose.find(_RUNS, code=False):
        yield ctx.problem(
            prose.span(match),
            f"The {field} of agent {agent.spec.name!r} has programs run, and `bash` is off.",
            hint=f"Add `tools: {{ bash: ask }}` and rules in `approvals`, or take it out of the {field}.",
            related=((agent.span("tools"), "what is on"),),
        )
        return


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


@rule("AF605", "unrecoverable-custom-tool", Severity.INFO)
def unrecoverable_custom_tool(ctx: Context) -> Iterator[Diagnostic]:
    """A custom tool runs on defaults that matter after a crash.

    If agentflow is killed while the tool runs, a call of an idempotent tool is made again, and
    of any other one the agent is told that the outcome is unknown. A call is stopped after the
    `timeout`, 60 seconds by default. Saying either of them shows that somebody thought about it.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Convert the totals to euros.
        custom:
          currency_rate:
            run: desk.tools:currency_rate
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Convert the totals to euros.
        custom:
          currency_rate:
            run: desk.tools:currency_rate
            timeout: 10s
            idempotent: true
    """
    for agent in ctx.agents:
        for name, tool in agent.spec.custom.items():
            if not {"timeout", "idempotent"} & tool.model_fields_set:
                yield ctx.problem(
                    agent.span("custom", name, key=True),
                    f"Custom tool {name!r} of agent {agent.spec.name!r} states neither `timeout` "
                    "nor `idempotent`.",
                    hint="Write `idempotent: true` if running it twice does no harm, and a "
                    "`timeout` such as 10s.",
                )


@rule("AF606", "outputs-without-writer", Severity.ERROR)
def outputs_without_writer(ctx: Context) -> Iterator[Diagnostic]:
    """Outputs are declared, and no tool can write them.

    Outputs are files in the session's sandbox. Only `write` and `bash` make new ones there; custom
    tools run on your side. Every run would end with its outputs missing.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { read: allow }
        outputs:
          report: { path: report.md }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { read: allow, write: allow }
        outputs:
          report: { path: report.md }
    """
    for agent in ctx.agents:
        required = [name for name, output in agent.spec.outputs.items() if output.required]
        if not required or has_raw_tools(agent) or {"write", "bash"} & policies_of(agent).keys():
            continue
        yield ctx.problem(
            agent.span("outputs", required[0], key=True),
            f"Agent {agent.spec.name!r} must deliver {_and(required)}, but has no tool that "
            "writes files.",
            hint="Add `tools: { write: allow }`.",
        )


def _and(names: list[str]) -> str:
    """`'a'`, `'a' and 'b'`, `'a', 'b' and 'c'`."""
    quoted = [repr(name) for name in names]
    return " and ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))
