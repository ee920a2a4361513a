"""AF61x: gates in front of tools that let everything through, and prohibitions that nothing holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from agentflow.compiler.globs import globs_meet
from agentflow.compiler.graph import AgentNode
from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.lint.abilities import acts, custom_acts, open_tools, words_of
from agentflow.lint.edits import rewrite
from agentflow.lint.prose import Phrase, Prose
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of
from agentflow.spec.tool import declared_tools

__all__ = [
    "approves_any_program",
    "forbidden_command_open",
    "forbidden_tool_open",
    "match_everything",
    "mcp_others_allowed",
    "mcp_write_open",
    "raw_server_asks",
    "raw_tools_open",
    "side_effect_open",
    "unsafe_retry",
    "web_gate_open",
]

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


@rule("AF613", "match-everything", Severity.WARNING)
def match_everything(ctx: Context) -> Iterator[Diagnostic]:
    """A condition holds for every value.

    `*` matches whatever the agent sends. A rule with such a condition looks like a restriction in a
    review, and is none.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "*" }, answer: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "python3 /tmp/*" }, answer: allow }
    """
    for agent in ctx.agents:
        for index, approval in enumerate(agent.spec.approvals):
            for argument, glob in approval.match.items():
                if approval.answer == "allow" and not glob.strip("*"):
                    yield ctx.problem(
                        agent.span("approvals", index, "match", argument),
                        f"{glob!r} matches every {argument} that agent {agent.spec.name!r} sends.",
                        hint="Write a glob that means the calls you want to allow.",
                    )
        for name, tool in agent.spec.custom.items():
            for argument, limit in tool.arguments.items():
                for number, glob in enumerate(limit.allow or ()):
                    if not glob.strip("*"):
                        yield ctx.problem(
                            agent.span("custom", name, "arguments", argument, "allow", number),
                            f"{glob!r} allows every {argument} of the custom tool {name!r}.",
                            hint="Write what is allowed, or remove the list.",
                        )


@rule("AF614", "raw-tools-open", Severity.WARNING)
def raw_tools_open(ctx: Context) -> Iterator[Diagnostic]:
    """A toolset in `raw` leaves on what it does not name.

    `configs` names single tools; all others follow `default_config`, and the service's default of
    it is: enabled. A "read-only" agent written this way keeps its shell.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read the orders.
        raw:
          tools:
            - type: agent_toolset_20260401
              configs: [{ name: read, enabled: true }]
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read the orders.
        raw:
          tools:
            - type: agent_toolset_20260401
              default_config: { enabled: false }
              configs: [{ name: read, enabled: true }]
    """
    for agent in ctx.agents:
        tools = agent.spec.raw.get("tools")
        for index, entry in enumerate(tools if isinstance(tools, list) else ()):
            if _leaves_all_on(entry):
                yield ctx.problem(
                    agent.span("raw", "tools", index),
                    f"This toolset of agent {agent.spec.name!r} leaves every tool on that it does "
                    "not name.",
                    hint="Write `default_config: { enabled: false }`, or use `tools:` of the agent.",
                )


def _leaves_all_on(entry: object) -> bool:
    """Whether an entry is a toolset of the service that turns nothing off."""
    if not isinstance(entry, dict) or not str(entry.get("type")).startswith("agent_toolset_"):
        return False
    default = entry.get("default_config")
    configs = entry.get("configs")
    parts = [default, *(configs if isinstance(configs, list) else [])]
    return not any(isinstance(part, dict) and part.get("enabled") is False for part in parts)


@rule("AF615", "mcp-others-allowed", Severity.WARNING)
def mcp_others_allowed(ctx: Context) -> Iterator[Diagnostic]:
    """Every tool of an MCP server is allowed, also those it will have tomorrow.

    What a server offers is decided by whoever runs it. A tool that is added there, or renamed, is
    the agent's at once, and no diff of yours shows it.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Look up customers.
        mcp:
          crm: { url: "https://crm.northwind.dev/mcp", others: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Look up customers.
        mcp:
          crm: { url: "https://crm.northwind.dev/mcp", tools: { find_customer: allow } }
    """
    for agent in ctx.agents:
        for server, spec in agent.spec.mcp.items():
            if spec.others == "allow":
                yield ctx.problem(
                    agent.span("mcp", server, "others"),
                    f"Agent {agent.spec.name!r} may use every tool of the MCP server {server!r}, "
                    "whatever the server offers.",
                    hint="Name the tools it needs below `tools`, and leave out `others`.",
                )


_WRAPPERS = (
    r"(?:\S*/)?(?:(?:sudo|doas|env|xargs|eval|exec|ssh|nohup|parallel)\b.*\*.*"
    r"|(?:ba|z|da|k|fi)?sh (?:-\w+ )*(?:\*|-\w*c\b.*\*).*"
    r"|(?:python[\d.]*|node|perl|ruby|php) -[cer]\b.*\*.*)|\*.*[^*].*"
)


@rule("AF616", "approves-any-program", Severity.WARNING)
def approves_any_program(ctx: Context) -> Iterator[Diagnostic]:
    """An approval rule names a program that runs any other one.

    `sudo *`, `sh -c *` and `xargs *` hand the rest to whatever it names, and a glob that begins with
    `*` lets the agent choose the program. The rule reads like a list of allowed commands, and
    allows all of them.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: fixer
        model: claude-opus-5-5
        prompt: Repair the module.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "sh -c *" }, answer: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: fixer
        model: claude-opus-5-5
        prompt: Repair the module.
        tools: { bash: ask }
        approvals:
          - { tool: bash, match: { command: "python3 -m pytest *" }, answer: allow }
    """
    for agent in ctx.agents:
        for index, approval in enumerate(agent.spec.approvals):
            command = approval.match.get("command")
            if approval.answer == "allow" and command and re.fullmatch(_WRAPPERS, command):
                yield ctx.problem(
                    agent.span("approvals", index, "match", "command"),
                    f"{command!r} lets agent {agent.spec.name!r} run any program.",
                    hint="Write the programs themselves, one rule each.",
                )


@rule("AF617", "side-effect-open", Severity.WARNING, confidence="medium")
def side_effect_open(ctx: Context) -> Iterator[Diagnostic]:
    """A custom tool that acts on the world may be called without limit.

    Its name says that something is sent, paid or deleted. An agent in a loop, or one that was talked
    into it, does it again and again. `policy: ask`, `max_calls` or `arguments` bounds the harm.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Settle the open invoices.
        custom:
          pay: { run: "desk.tools:pay", timeout: 10s }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Settle the open invoices.
        custom:
          pay: { run: "desk.tools:pay", timeout: 10s, policy: ask }
        approvals:
          - { tool: pay, ask: person, wait: 1h }
    """
    for agent in ctx.agents:
        for name in custom_acts(agent):
            tool = agent.spec.custom[name]
            if tool.policy == "allow" and tool.max_calls is None and not tool.arguments:
                yield ctx.problem(
                    agent.span("custom", name, key=True),
                    f"Agent {agent.spec.name!r} may call {name!r} as often as it likes, with any "
                    "arguments.",
                    hint="Add `policy: ask` and a rule in `approvals`, or `max_calls`, or rules for "
                    "`arguments`.",
                )


_ADDS_UP = frozenset(
    {"append", "charge", "email", "increment", "pay", "refund", "send", "transfer", "wire"}
)


@rule("AF618", "unsafe-retry", Severity.WARNING, confidence="medium")
def unsafe_retry(ctx: Context) -> Iterator[Diagnostic]:
    """A tool that adds up is said to be idempotent.

    After a crash an unfinished call of an idempotent tool is made again. For a tool that pays or
    sends, that is a second payment. It is idempotent only if it recognises the call, for instance by
    a key among its arguments.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Settle the open invoices.
        custom:
          pay: { run: "desk.tools:pay", timeout: 10s, max_calls: 5, idempotent: true }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Settle the open invoices.
        custom:
          pay: { run: "desk.tools:pay", timeout: 10s, max_calls: 5, idempotent: false }
    """
    for agent in ctx.agents:
        for name in custom_acts(agent):
            if agent.spec.custom[name].idempotent and words_of(name)[0] in _ADDS_UP:
                yield ctx.problem(
                    agent.span("custom", name, "idempotent"),
                    f"{name!r} of agent {agent.spec.name!r} is run a second time after a crash.",
                    hint="Write `idempotent: false`, unless the tool recognises a repeated call.",
                    fix=rewrite(agent, ("custom", name, "idempotent"), "true", "false"),
                )


@rule("AF619", "mcp-write-open", Severity.WARNING, confidence="medium")
def mcp_write_open(ctx: Context) -> Iterator[Diagnostic]:
    """A tool of an MCP server changes things that cannot be brought back, and nobody is asked.

    Calls of it run on the server, outside of the sandbox, with the rights of the credential. What is
    deleted, sent or merged there stays so.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: triager
        model: claude-opus-5-5
        prompt: Sort the issues.
        mcp:
          tracker: { url: "https://tracker.northwind.dev/mcp", tools: { delete_issue: allow } }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: triager
        model: claude-opus-5-5
        prompt: Sort the issues.
        mcp:
          tracker: { url: "https://tracker.northwind.dev/mcp", tools: { delete_issue: ask } }
        approvals:
          - { tool: tracker.delete_issue, ask: person, wait: 1h }
    """
    for agent in ctx.agents:
        for server, spec in agent.spec.mcp.items():
            found: dict[str, Span] = {
                name: agent.span("mcp", server, "tools", name)
                for name, tool in spec.tools.items()
                if tool.policy == "allow" and acts(name)
            }
            if found:
                first, *rest = found.items()
                yield ctx.problem(
                    first[1],
                    f"Agent {agent.spec.name!r} may use {one_of(found, joined='and', limit=4)} of "
                    f"the MCP server {server!r} without asking.",
                    hint=f"Write `{first[0]}: ask` and a rule in `approvals`.",
                    related=tuple((span, "and here") for _, span in rest[:3]),
                )


@rule("AF627", "raw-server-asks", Severity.WARNING)
def raw_server_asks(ctx: Context) -> Iterator[Diagnostic]:
    """A toolset of an MCP server in `raw` asks before every call, since it does not say otherwise.

    The service's default for the tools of MCP servers is to ask. No rule in `approvals` answers, so
    every call is denied, or waits for ever where nobody looks on.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Look up customers.
        raw:
          mcp_servers: [{ type: url, name: crm, url: "https://crm.northwind.dev/mcp" }]
          tools: [{ type: mcp_toolset, mcp_server_name: crm }]
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Look up customers.
        mcp:
          crm: { url: "https://crm.northwind.dev/mcp", tools: { find: allow } }
    """
    for agent in ctx.agents:
        tools = agent.spec.raw.get("tools")
        for index, entry in enumerate(tools if isinstance(tools, list) else ()):
            if not isinstance(entry, dict) or entry.get("type") != "mcp_toolset":
                continue
            server = str(entry.get("mcp_server_name"))
            answered = any(globs_meet(f"{server}.*", rule.tool) for rule in agent.spec.approvals)
            if not answered and _asks_by_default(entry):
                yield ctx.problem(
                    agent.span("raw", "tools", index),
                    f"Tools of the MCP server {server!r} ask before every call, and no rule in "
                    f"`approvals` of agent {agent.spec.name!r} answers.",
                    hint="Declare the server in `mcp`, or write `default_config: { permission_policy: "
                    "{ type: always_allow } }`.",
                )


def _asks_by_default(entry: Mapping[str, object]) -> bool:
    """Whether the toolset has tools on that no policy is given for."""
    default, configs = entry.get("default_config"), entry.get("configs")
    default = default if isinstance(default, dict) else {}
    named = (
        [each for each in configs if isinstance(each, dict)] if isinstance(configs, list) else []
    )
    if "permission_policy" in default:
        return False
    if default.get("enabled") is not False:
        return True
    return any(each.get("enabled") and "permission_policy" not in each for each in named)


@rule("AF628", "web-gate-open", Severity.WARNING)
def web_gate_open(ctx: Context) -> Iterator[Diagnostic]:
    """Web tools are limited, and the shell reaches every host.

    A list of domains or an `ask` holds the web tools alone. With an open network the shell has the
    whole web: what web_fetch is refused, curl fetches.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: lab
        prompt: Find out what analysts expect of the market.
        tools:
          bash: allow
          web_fetch: { policy: allow, domains: [northwind.dev] }
        ---
        kind: Environment
        name: lab
        network: open
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: lab
        prompt: Find out what analysts expect of the market.
        tools:
          bash: allow
          web_fetch: { policy: allow, domains: [northwind.dev] }
        ---
        kind: Environment
        name: lab
        network: { hosts: [northwind.dev] }
    """
    for agent in ctx.agents:
        tools = declared_tools(agent.spec.tools)
        environment = ctx.environment_of(agent)
        bash = tools.get("bash")
        if (
            environment is None
            or bash is None
            or bash.policy == "ask"
            or not environment.spec.network.open
        ):
            continue
        limited = [
            name
            for name, tool in tools.items()
            if name.startswith("web_") and (tool.policy == "ask" or getattr(tool, "domains", None))
        ]
        if limited:
            yield ctx.problem(
                agent.span("tools", "bash"),
                f"{one_of(limited, joined='and')} of agent {agent.spec.name!r} {_has(limited)} limited, and "
                f"bash reaches every host in environment {environment.spec.name!r}.",
                hint="Write `network: { hosts: [...] }` in the environment, or `bash: ask`.",
                related=(
                    (agent.span("tools", limited[0], key=True), "limited here"),
                    (environment.span("network"), "open here"),
                ),
            )


def _has(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
