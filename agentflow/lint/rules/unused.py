"""What a project declares and nobody uses: left over, or meant for a spec that does not name it.

Nothing is said as long as an agent has errors, or is not looked at: it may be the one that uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentflow.compiler.fragments import fragments_of, used_fragments
from agentflow.compiler.graph import Graph, TemplateText
from agentflow.compiler.late import named
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.edits import remove
from agentflow.lint.rule import Context, rule

__all__ = [
    "unused_fragment",
    "unused_pool",
    "unused_resource",
    "unused_secret",
    "unused_toolset",
    "unused_variable",
    "unused_vault",
]


def _is_whole(graph: Graph) -> bool:
    """Whether every agent of the project is at hand."""
    known = {(node.document.file, node.document.index) for node in graph.agents.values()}
    return all(
        (document.file, document.index) in known
        for document in graph.documents
        if isinstance(document.data, dict)
        and document.data.get("kind") == "Agent"
        and document.data.get("abstract") is not True
    )


def _unused(ctx: Context, *kinds: str) -> Iterator[Diagnostic]:
    """Specs of these kinds, as in addresses, that no other spec refers to."""
    specs = [bound for kind in kinds for bound in ctx.graph.by_kind()[kind].values()]
    if not specs or not _is_whole(ctx.graph):
        return
    used = {r.target for r in ctx.graph.references if r.source != r.target}
    if any(bound.address not in used for bound in specs):
        for bound in ctx.graph.all():
            used |= named(bound.document.data) - {bound.address}
    for bound in specs:
        if bound.address not in used:
            yield ctx.problem(
                bound.span("name"),
                f"Nothing uses {bound.spec.kind} {bound.spec.name!r}.",
                hint="Name it where it is meant to be used, or remove it.",
            )


def _templates(ctx: Context) -> Iterator[TemplateText]:
    """Every text that is rendered: of agents, of deployments and of fragments."""
    for agent in ctx.agents:
        yield agent.prompt
        yield from agent.sections.values()
        if agent.task is not None:
            yield agent.task
    for deployment in ctx.graph.deployments.values():
        if deployment.task is not None:
            yield deployment.task


@rule("AF509", "unused-fragment", Severity.INFO)
def unused_fragment(ctx: Context) -> Iterator[Diagnostic]:
    """No prompt and no task includes the fragment.

    Often it was meant to be included and is not, so that the agents lack what it says.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        ---
        kind: Fragment
        name: evidence
        text: Back every figure by a row of the orders.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders. {% include "fragment/evidence" %}
        ---
        kind: Fragment
        name: evidence
        text: Back every figure by a row of the orders.
    """
    if not ctx.graph.fragments or not _is_whole(ctx.graph):
        return
    used = used_fragments(_templates(ctx), fragments=fragments_of(ctx.graph), files=ctx.files)
    for agent in ctx.agents:
        sections = agent.spec.sections.values()
        used |= {text.removeprefix("fragment/") for text in sections}
    for name, fragment in ctx.graph.fragments.items():
        if name not in used:
            yield ctx.problem(
                fragment.span("name"),
                f"No prompt and no task includes the fragment {name!r}.",
                hint=f'Write `{{% include "fragment/{name}" %}}` where it belongs, or remove it.',
            )


@rule("AF510", "unused-variable", Severity.INFO)
def unused_variable(ctx: Context) -> Iterator[Diagnostic]:
    """A variable of the project is used by nothing.

    Who sets it for a target believes that something changes.

    Bad:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        vars: { company: { default: Northwind } }
    Good:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        vars: { company: { default: Northwind } }
        ---
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: You work for {{ vars.company }}.
    """
    declared = ctx.graph.project.spec.vars
    if not declared or not _is_whole(ctx.graph):
        return
    sources = {document.file: document.source for document in ctx.graph.documents}
    texts = [part.source.text for _, _, part in ctx.passages()]
    texts += [text.text for text in _templates(ctx)]
    texts += [fragment.template.text for fragment in ctx.graph.fragments.values()]
    whole = "\n".join([*sources.values(), *texts])
    if re.search(r"\bvars\b(?!\s*[.\[:])[^\n]*(?:\}\}|%\})", whole):
        return  # all of them at once: which are used cannot be seen here
    for name in declared:
        used = rf"\$\{{var\.{name}\}}|\bvars\s*(?:\.\s*{name}\b|\[\s*['\"]{name}['\"]\s*\])"
        if not re.search(used, whole):
            yield ctx.problem(
                ctx.graph.project.span("vars", name, key=True),
                f"Nothing uses the variable {name!r}.",
                hint=f"Write ${{var.{name}}} or {{{{ vars.{name} }}}} where it belongs, or remove it.",
                fix=remove(ctx.graph.project, ("vars", name), f"the variable {name!r}", safe=False),
            )


@rule("AF608", "unused-toolset", Severity.INFO)
def unused_toolset(ctx: Context) -> Iterator[Diagnostic]:
    """No agent uses the toolset.

    Its tools and its approval rules reach nobody, whatever a reader believes.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        ---
        kind: Toolset
        name: reading
        tools: { read: allow, grep: allow }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        use: [reading]
        ---
        kind: Toolset
        name: reading
        tools: { read: allow, grep: allow }
    """
    yield from _unused(ctx, "toolset")


@rule("AF903", "unused-secret", Severity.INFO)
def unused_secret(ctx: Context) -> Iterator[Diagnostic]:
    """A declared secret is used by nothing.

    Whoever applies the project need not have it. What is not needed cannot leak either.

    Bad:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        secrets: { crm: "env:CRM_TOKEN" }
    Good:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        secrets: { crm: "env:CRM_TOKEN" }
        ---
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        vaults: [desk]
        ---
        kind: Vault
        name: desk
        credentials:
          crm: { url: "https://crm.northwind.dev/mcp", bearer: "${secret.crm}" }
    """
    declared = ctx.graph.project.spec.secrets
    if not declared or not _is_whole(ctx.graph):
        return
    for name in declared:
        if name not in ctx.graph.secrets:
            yield ctx.problem(
                ctx.graph.project.span("secrets", name, key=True),
                f"Nothing uses the secret {name!r}.",
                hint="Remove it, or use it in a field that takes secrets.",
                fix=remove(
                    ctx.graph.project, ("secrets", name), f"the secret {name!r}", safe=False
                ),
            )


@rule("AF813", "unused-pool", Severity.WARNING)
def unused_pool(ctx: Context) -> Iterator[Diagnostic]:
    """No agent draws from the pool.

    A pool limits nothing by itself: only runs of agents that name it in `budget.pools` are counted
    and stopped.

    Bad:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        pools: { team: { usd: 20, per: day } }
    Good:
        apiVersion: agentflow/v1
        kind: Project
        name: desk
        pools: { team: { usd: 20, per: day } }
        ---
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { usd: 2.50, pools: [team] }
    """
    declared = ctx.graph.project.spec.pools
    if not declared or not _is_whole(ctx.graph):
        return
    budgets = [agent.spec.budget for agent in ctx.graph.agents.values()]
    drawn = {name for budget in budgets if budget is not None for name in budget.pools or ()}
    for name in declared:
        if name not in drawn:
            yield ctx.problem(
                ctx.graph.project.span("pools", name, key=True),
                f"No agent draws from the pool {name!r}, so it limits nothing.",
                hint=f"Write `budget: {{ pools: [{name}] }}` in agents, or remove it.",
            )


@rule("AF904", "unused-vault", Severity.WARNING)
def unused_vault(ctx: Context) -> Iterator[Diagnostic]:
    """No session is given the vault.

    Its credentials are stored on the service all the same, where every key of the workspace can
    attach them to a session.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        ---
        kind: Vault
        name: desk
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        vaults: [desk]
        ---
        kind: Vault
        name: desk
    """
    yield from _unused(ctx, "vault")


@rule("AF1006", "unused-resource", Severity.INFO)
def unused_resource(ctx: Context) -> Iterator[Diagnostic]:
    """Nothing uses a memory store or a skill.

    It would be created on the service all the same. Often an agent was meant to name it.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        ---
        kind: MemoryStore
        name: notes
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        memory: [notes]
        ---
        kind: MemoryStore
        name: notes
    """
    yield from _unused(ctx, "memorystore", "skill")
