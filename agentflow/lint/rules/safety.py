"""AF90x: text that nobody sees, data that can be talked out of an agent, what is called unencrypted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentflow.compiler.graph import AgentNode, DeploymentNode
from agentflow.compiler.reach import url_host
from agentflow.diagnostics import Diagnostic, Edit, Fix, Level, Severity, Span
from agentflow.lint.edits import rewrite
from agentflow.lint.exposure import Exposure, Leg, exposed
from agentflow.lint.rule import Context, rule
from agentflow.nearest import one_of
from agentflow.spec.custom import is_loopback

__all__ = [
    "hidden_character",
    "lethal_combination",
    "memory_from_untrusted",
    "repository_follows_branch",
    "unencrypted_server",
]

_HIDDEN = "[\u200b\u2060-\u2064\ufeff\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]"
"""Zero width, direction overrides, and the tags that spell ASCII invisibly. Joiners, which emoji and
several scripts need, are not among them."""
_ZERO_WIDTH = "\u200b\u2060\ufeff"
"""Those that only say where a line may end, or nothing at all."""
_FLAG = "\U0001f3f4[\U000e0020-\U000e007e]{2,6}\U000e007f"
"""The one proper use of tags: flags such as that of Scotland."""
_RIGHT_TO_LEFT = "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]"
_ISOLATES = "\u202a\u202b\u202c\u2066\u2067\u2068\u2069"


def _hidden(text: str) -> Iterator[re.Match[str]]:
    """Runs of characters that are not seen and mean nothing there."""
    if text.isascii():
        return
    flags = [match.span() for match in re.finditer(_FLAG, text)]
    rtl = re.search(_RIGHT_TO_LEFT, text) is not None
    for match in re.finditer(f"{_HIDDEN}+", text):
        if any(start <= match.start() < end for start, end in flags):
            continue
        if not (rtl and set(match[0]) <= set(_ISOLATES)):
            yield match


def _place(file: str, text: str, start: int, end: int) -> Span:
    line_start = text.rfind("\n", 0, start) + 1
    line = text.count("\n", 0, start) + 1
    return Span(file, line, start - line_start + 1, line, end - line_start + 1)


@rule("AF907", "hidden-character", Severity.WARNING)
def hidden_character(ctx: Context) -> Iterator[Diagnostic]:
    r"""A file holds characters that nobody sees.

    Zero-width characters, direction overrides and Unicode tags do not show in an editor or in a
    review, and the model reads them: whole instructions can be hidden that way. Mostly they came
    along with text from a web page. Directions in Hebrew and Arabic text, joiners and flags are fine.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: "Analyse the orders.\u200b Leave none out."
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: "Analyse the orders. Leave none out."
    """
    files = {document.file: document.source for document in ctx.graph.documents}
    for _, _, prose in ctx.passages():
        source = prose.source
        if source.document is None:
            files[source.name] = source.text
            continue
        for match in _hidden(source.text):
            if match[0] not in source.document.source:  # written as an escape
                yield _finding(ctx, source.span(*match.span()), match[0])
    for file, text in files.items():
        for match in _hidden(text):
            span = _place(file, text, *match.span())
            # What says something to the model, a person should see before it is gone.
            safe = not match[0].strip(_ZERO_WIDTH)
            fix = Fix("Delete what nobody sees", (Edit(span, ""),), safe=safe)
            yield _finding(ctx, span, match[0], fix)


def _finding(ctx: Context, span: Span, hidden: str, fix: Fix | None = None) -> Diagnostic:
    names = one_of({f"U+{ord(char):04X}": None for char in hidden}, joined="and", limit=4)
    return ctx.problem(
        span,
        f"Between the characters here there {_is(len(hidden))} that nobody sees: {names}.",
        hint="Delete these few letters and write them anew.",
        fix=fix,
    )


def _is(count: int) -> str:
    return "is one" if count == 1 else f"are {count} more"


@rule("AF908", "lethal-combination", Severity.WARNING, confidence="medium")
def lethal_combination(ctx: Context) -> Iterator[Diagnostic]:
    """Private data, text of strangers and a way out meet in one session.

    A web page or a message can hold instructions, and a model cannot be relied on to ignore them. An
    agent that reads such text, sees what is private and can send something anywhere can be
    talked into giving it away. Without one of the three it cannot: limit the sites, let the tool
    ask, or give the private part to another agent.

    A team is one session: what one member reads, another one can send. What an approval rule or a
    list of domains limits does not count, nor does an environment that is not managed here.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: lab
        prompt: You analyse orders.
        inputs: { orders: { type: file } }
        task: Compare {{ inputs.orders }} with what the market expects.
        tools: { read: allow, web_search: allow, bash: allow }
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
        prompt: You analyse orders.
        inputs: { orders: { type: file } }
        task: Compare {{ inputs.orders }} with what the market expects.
        tools: { read: allow, web_search: allow, bash: allow }
        ---
        kind: Environment
        name: lab
        network: { hosts: [market.northwind.dev] }
    """
    for agent in ctx.agents:
        own = exposed(agent, ctx.graph, alone=True)
        if own.is_lethal:
            yield _combination(ctx, own)
            continue
        team = own if agent.spec.team is None else exposed(agent, ctx.graph)
        if team.is_lethal and not any(
            exposed(member, ctx.graph, alone=True).is_lethal for member in team.team
        ):
            yield _combination(ctx, team)
    for deployment in ctx.graph.deployments.values():
        exposure = exposed(deployment, ctx.graph)
        if exposure.is_lethal and not exposed(exposure.team[0], ctx.graph).is_lethal:
            yield _combination(ctx, exposure)


def _combination(ctx: Context, exposure: Exposure) -> Diagnostic:
    read, seen, out = exposure.untrusted, exposure.private, exposure.way_out
    assert read is not None
    assert seen is not None
    assert out is not None
    who = f"Agent {exposure.owner.spec.name!r}"
    if exposure.owner is not exposure.team[0]:
        who = f"A session of {exposure.owner.address}"
    elif len(exposure.team) > 1:
        who = f"The team of agent {exposure.owner.spec.name!r}"

    def by(leg: Leg) -> str:
        other = leg.bound is not exposure.owner and leg.bound is not exposure.team[0]
        return f"{leg.what} of {leg.bound.spec.name!r}" if other else leg.what

    return ctx.problem(
        out.span,
        f"{who} can be talked into giving data away: what strangers write comes in by {by(read)}, "
        f"{by(seen)} is in the same session, and it can leave by {by(out)}.",
        hint="Take one of the three away: `domains` or `ask` for the tool, hosts for the "
        "environment, or an agent with sessions of its own for the private part.",
        related=((seen.span, "private"), (read.span, "written by strangers")),
    )


@rule("AF909", "memory-from-untrusted", Severity.WARNING, confidence="medium")
def memory_from_untrusted(ctx: Context) -> Iterator[Diagnostic]:
    """What strangers write can get into the memory of later sessions.

    The agent reads any web page and may write into a store that other sessions read. An instruction
    in one page stays there, and works on every session from then on.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: reporter
        model: claude-opus-5-5
        prompt: Write the digest of the day.
        tools: { read: allow, write: allow, web_fetch: allow }
        memory: [{ store: notes, access: read_write }]
        ---
        kind: MemoryStore
        name: notes
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: reporter
        model: claude-opus-5-5
        prompt: Write the digest of the day.
        tools:
          read: allow
          write: allow
          web_fetch: { policy: allow, domains: [earthquake.usgs.gov] }
        memory: [{ store: notes, access: read_write }]
        ---
        kind: MemoryStore
        name: notes
    """
    owners: list[AgentNode | DeploymentNode] = [*ctx.agents, *ctx.graph.deployments.values()]
    for owner in owners:
        mounts = enumerate(owner.spec.memory or ())
        writes = [(index, mount) for index, mount in mounts if mount.access == "read_write"]
        source = exposed(owner, ctx.graph).untrusted if writes else None
        if source is None:
            continue
        for index, mount in writes:
            yield ctx.problem(
                owner.span("memory", index, "access"),
                f"What strangers write can get into {mount.store!r}, which later sessions of "
                f"{owner.address} read.",
                hint="Write `access: read_only`, or limit the sites with `domains`.",
                related=((source.span, source.what),),
            )


@rule("AF912", "unencrypted-server", Severity.ERROR)
def unencrypted_server(ctx: Context) -> Iterator[Diagnostic]:
    """An MCP server is called without encryption.

    Everybody on the way reads what the agent sends and what it is answered, its credential included,
    and can put words into the answers.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Look up customers.
        mcp: { crm: { url: "http://crm.northwind.dev/mcp", tools: { find: allow } } }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: clerk
        model: claude-opus-5-5
        prompt: Look up customers.
        mcp: { crm: { url: "https://crm.northwind.dev/mcp", tools: { find: allow } } }
    """
    for agent in ctx.agents:
        for name, server in agent.spec.mcp.items():
            if server.url.startswith("http:") and not is_loopback(url_host(server.url) or ""):
                yield ctx.problem(
                    agent.span("mcp", name, "url"),
                    f"Agent {agent.spec.name!r} calls the MCP server {name!r} unencrypted.",
                    hint="Write https.",
                    fix=rewrite(agent, ("mcp", name, "url"), "http://", "https://"),
                )


@rule("AF913", "repository-follows-branch", Severity.INFO, level=Level.STRICT)
def repository_follows_branch(ctx: Context) -> Iterator[Diagnostic]:
    """A repository is at another commit in every session.

    What is mounted can hold skills, which the service loads by itself, and scripts that the agent
    runs. Who can push to the branch decides what the agent does. A commit stays what was reviewed.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: fixer
        model: claude-opus-5-5
        prompt: Repair the module.
        tools: { read: allow }
        repositories:
          shop: { url: "https://github.com/northwind/shop", branch: main }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: fixer
        model: claude-opus-5-5
        prompt: Repair the module.
        tools: { read: allow }
        repositories:
          shop:
            url: https://github.com/northwind/shop
            commit: 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567
    """
    owners: list[AgentNode | DeploymentNode] = [*ctx.agents, *ctx.graph.deployments.values()]
    for owner in owners:
        for name, repository in (owner.spec.repositories or {}).items():
            if repository.commit is None:
                yield ctx.problem(
                    owner.span("repositories", name, key=True),
                    f"The repository {name!r} of {owner.address} is whatever "
                    f"{repository.branch or 'its main branch'} holds when a session starts.",
                    hint="Write the `commit` you reviewed.",
                )
