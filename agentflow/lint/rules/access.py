"""What sessions reach and with whose credentials, across agents, environments, teams and vaults."""

from __future__ import annotations

from collections.abc import Iterator

from agentflow.compiler.checks.session import members_of, session_of
from agentflow.compiler.checks.vaults import credential_key
from agentflow.compiler.dated import SKILLS_AT_ONCE, SKILLS_OF_SERVICE, WEB_TOOLS_FOLLOW_NETWORK
from agentflow.compiler.graph import AgentNode, DeploymentNode
from agentflow.compiler.reach import covers, is_open
from agentflow.diagnostics import Diagnostic, Severity, Span
from agentflow.lint.rule import Context, rule
from agentflow.nearest import did_you_mean
from agentflow.spec.refs import parse_ref
from agentflow.spec.tool import declared_tools

__all__ = [
    "domain_not_reachable",
    "many_skills",
    "member_without_credential",
    "shadowed_credential",
    "unknown_skill",
]


@rule("AF609", "many-skills", Severity.WARNING)
def many_skills(ctx: Context) -> Iterator[Diagnostic]:
    """The agent has more skills than it can keep apart.

    The descriptions of all of them are in every turn. Of the limits that the service names, 20 is
    the lowest.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { read: allow }
        skills:
          ["id:skill_1", "id:skill_2", "id:skill_3", "id:skill_4", "id:skill_5",
           "id:skill_6", "id:skill_7", "id:skill_8", "id:skill_9", "id:skill_10",
           "id:skill_11", "id:skill_12", "id:skill_13", "id:skill_14", "id:skill_15",
           "id:skill_16", "id:skill_17", "id:skill_18", "id:skill_19", "id:skill_20",
           "id:skill_21"]
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { read: allow }
        skills: ["id:skill_1"]
    """
    for agent in ctx.agents:
        count = len(agent.spec.skills)
        if count > SKILLS_AT_ONCE.value:
            yield ctx.problem(
                agent.span("skills", key=True),
                f"Agent {agent.spec.name!r} has {count} skills.",
                hint=f"Have at most {SKILLS_AT_ONCE.value}, or split the agent into a team.",
            )


@rule("AF610", "unknown-skill", Severity.WARNING, confidence="medium")
def unknown_skill(ctx: Context) -> Iterator[Diagnostic]:
    """This version of agentflow does not know the skill of the service.

    Mostly it is a slip of the pen, which the service would refuse. A skill that is newer than
    agentflow is fine: suppress the finding, or update.

    Bad:
        apiVersion: agentflow/v1
        kind: Skill
        name: sheets
        anthropic: xslx
    Good:
        apiVersion: agentflow/v1
        kind: Skill
        name: sheets
        anthropic: xlsx
    """
    found: list[tuple[Span, str]] = []
    for skill in ctx.graph.skills.values():
        if skill.spec.anthropic is not None:
            found.append((skill.span("anthropic"), skill.spec.anthropic))
    for agent in ctx.agents:
        for index, text in enumerate(agent.spec.skills):
            ref = parse_ref(text, "skill")
            if ref is not None and ref.anthropic is not None:
                found.append((agent.span("skills", index), ref.anthropic))
    for span, name in found:
        if name not in SKILLS_OF_SERVICE.value:
            yield ctx.problem(
                span,
                f"The service is not known to bring along a skill {name!r}.",
                hint=did_you_mean(name, SKILLS_OF_SERVICE.value)
                or f"Known are {', '.join(SKILLS_OF_SERVICE.value)}.",
            )


@rule("AF707", "domain-not-reachable", Severity.WARNING)
def domain_not_reachable(ctx: Context) -> Iterator[Diagnostic]:
    """A web tool may use a domain that the environment does not reach.

    The service holds the web tools to the hosts of the environment as well. A domain that is not
    among them fails with `url_not_allowed`.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Find out what analysts expect of the market.
        tools: { web_fetch: { policy: allow, domains: [docs.python.org] } }
        ---
        kind: Environment
        name: analytics
        network: { hosts: [pypi.org] }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        environment: analytics
        prompt: Find out what analysts expect of the market.
        tools: { web_fetch: { policy: allow, domains: [docs.python.org] } }
        ---
        kind: Environment
        name: analytics
        network: { hosts: [pypi.org, docs.python.org] }
    """
    if not WEB_TOOLS_FOLLOW_NETWORK.value:
        return
    for agent in ctx.agents:
        environment = ctx.environment_of(agent)
        if environment is None or is_open(environment.spec) or not environment.spec.network.hosts:
            continue
        for name, tool in declared_tools(agent.spec.tools).items():
            for index, domain in enumerate(getattr(tool, "domains", None) or ()):
                host = domain.partition("/")[0]
                if any(_meets(entry, host) for entry in environment.spec.network.hosts):
                    continue
                yield ctx.problem(
                    agent.span("tools", name, "domains", index),
                    f"{name} of agent {agent.spec.name!r} may use {host!r}, which environment "
                    f"{environment.spec.name!r} does not reach.",
                    hint=f"Add {host} to `network.hosts` of {environment.spec.name!r}, or take the "
                    "domain out.",
                    related=((environment.span("network", "hosts"), "what is reachable"),),
                )


def _meets(entry: str, domain: str) -> bool:
    """Whether an entry of `hosts` lets some host of a domain through, subdomains being part of it."""
    bare = entry.lower().removeprefix("*.")
    return covers(entry, domain) or covers(f"*.{domain}", bare) or bare == domain.lower()


@rule("AF905", "shadowed-credential", Severity.WARNING)
def shadowed_credential(ctx: Context) -> Iterator[Diagnostic]:
    """Two vaults of a session have a credential for the same thing.

    The service takes the one of the first vault, silently. If the other one was meant, the session
    works with the wrong rights.

    Bad:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        secrets: { mine: "env:MINE", ours: "env:OURS" }
        ---
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        vaults: [own, shared]
        ---
        kind: Vault
        name: own
        credentials: { crm: { url: "https://crm.northwind.dev/mcp", bearer: "${secret.mine}" } }
        ---
        kind: Vault
        name: shared
        credentials: { crm: { url: "https://crm.northwind.dev/mcp", bearer: "${secret.ours}" } }
    Good:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        secrets: { mine: "env:MINE" }
        ---
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        vaults: [own]
        ---
        kind: Vault
        name: own
        credentials: { crm: { url: "https://crm.northwind.dev/mcp", bearer: "${secret.mine}" } }
    """
    owners: list[AgentNode | DeploymentNode] = [*ctx.agents, *ctx.graph.deployments.values()]
    for owner in owners:
        first: dict[tuple[str, str], tuple[str, str, Span]] = {}
        for item in session_of(owner, ctx.graph).vaults(ctx.graph):
            if item.vault is None:
                continue
            for name, credential in item.vault.spec.credentials.items():
                place = item.vault.span("credentials", name, key=True)
                here = (item.vault.address, name, place)
                before = first.setdefault(credential_key(credential), here)
                if before[0] != here[0] and item.bound is owner:
                    yield ctx.problem(
                        owner.span(*item.path),
                        f"The credential {item.vault.spec.name}.{name} is never used by sessions of "
                        f"{owner.address}: {before[0].removeprefix('vault/')}.{before[1]} is for "
                        "the same.",
                        hint="Put the vault that is meant first, or attach only one of them.",
                        related=((before[2], "used"), (place, "not used")),
                    )


@rule("AF906", "member-without-credential", Severity.WARNING)
def member_without_credential(ctx: Context) -> Iterator[Diagnostic]:
    """A member of a team needs a vault that the session does not have.

    All agents of a session share its vaults, and those are the ones of the agent that it was started
    for. The `auth` of a member's MCP server attaches nothing there: calls of the server fail.

    Bad:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        secrets: { crm: "env:CRM" }
        ---
        kind: Agent
        name: lead
        model: claude-opus-5-5
        prompt: Have the orders analysed.
        team: { subagents: [reader] }
        ---
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read orders.
        mcp: { crm: { url: "https://crm.northwind.dev/mcp", auth: own.crm, others: allow } }
        ---
        kind: Vault
        name: own
        credentials: { crm: { url: "https://crm.northwind.dev/mcp", bearer: "${secret.crm}" } }
    Good:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        secrets: { crm: "env:CRM" }
        ---
        kind: Agent
        name: lead
        model: claude-opus-5-5
        prompt: Have the orders analysed.
        team: { subagents: [reader] }
        vaults: [own]
        ---
        kind: Agent
        name: reader
        model: claude-opus-5-5
        prompt: Read orders.
        mcp: { crm: { url: "https://crm.northwind.dev/mcp", auth: own.crm, others: allow } }
        ---
        kind: Vault
        name: own
        credentials: { crm: { url: "https://crm.northwind.dev/mcp", bearer: "${secret.crm}" } }
    """
    for agent in ctx.agents:
        if agent.spec.team is None:
            continue
        attached = {item.ref.address for item in session_of(agent, ctx.graph).vaults(ctx.graph)}
        members = {member.address: (path, member) for path, member in members_of(agent, ctx.graph)}
        for path, member in members.values():
            for name, server in member.spec.mcp.items():
                ref = parse_ref(server.auth, "vault") if server.auth is not None else None
                if ref is None or ref.address is None or ref.address in attached:
                    continue
                yield ctx.problem(
                    agent.span(*path),
                    f"Agent {member.spec.name!r} needs the vault {ref.name!r} for its MCP server "
                    f"{name!r}, and sessions of {agent.spec.name!r} do not have it.",
                    hint=f"Add {ref.name} to `vaults` of {agent.spec.name!r}.",
                    related=((member.span("mcp", name, "auth"), "needed here"),),
                )
