"""Names that people confuse, and policies that hold nobody to anything."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from agentflow.compiler.graph import Bound
from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.lifecycle import KNOWN
from agentflow.lint.rule import Context, rule
from agentflow.nearest import did_you_mean, one_of
from agentflow.spec.kinds import KINDS
from agentflow.spec.walk import types_at

if TYPE_CHECKING:
    from agentflow.spec.policy import PolicySpec

__all__ = ["policy_without_effect", "same_title"]


@rule("AF1005", "same-title", Severity.WARNING)
def same_title(ctx: Context) -> Iterator[Diagnostic]:
    """Two resources have the same name on the service.

    The service tells them apart by ids; people who look at the Console do not, and archive or run
    the wrong one. Memory stores with one name are also mounted under one name.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        title: Sales Analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        ---
        kind: Agent
        name: analyst-emea
        title: Sales Analyst
        model: claude-opus-5-5
        prompt: Analyse the orders of Europe.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        title: Sales Analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        ---
        kind: Agent
        name: analyst-emea
        title: Sales Analyst EMEA
        model: claude-opus-5-5
        prompt: Analyse the orders of Europe.
    """
    for kind in ("agent", "environment", "deployment", "vault", "memorystore", "skill"):
        first: dict[str, Bound[Any]] = {}
        for bound in ctx.graph.by_kind()[kind].values():
            title = bound.spec.title or bound.spec.name
            other = first.setdefault(title.casefold(), bound)
            if other is not bound:
                has_title = bound.spec.title is not None
                yield ctx.problem(
                    bound.span("title" if has_title else "name"),
                    f"{bound.address} and {other.address} are both {title!r} on the service.",
                    hint="Give one of them another `title`.",
                    related=((other.span("title" if other.spec.title else "name"), "the other"),),
                )


@rule("AF1007", "policy-without-effect", Severity.WARNING)
def policy_without_effect(ctx: Context) -> Iterator[Diagnostic]:
    """A policy names something that does not exist.

    Its authors believe that it holds, and it holds nobody to anything.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        ---
        kind: Policy
        name: house
        checks:
          cheap: { message: Ask the desk., applies: [agents/*], max_budget: { usd: 5 } }
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        budget: { usd: 5 }
        ---
        kind: Policy
        name: house
        checks:
          cheap: { message: Ask the desk., applies: [agent/*], max_budget: { usd: 5 } }
    """
    for policy in ctx.graph.policies.values():
        for name, check in policy.spec.checks.items():
            addresses = [*_addresses(ctx), "project"]
            targets = {*ctx.graph.project.spec.targets, "local"}
            yield from _dead(ctx, policy, (name, "applies"), check.applies, addresses, "spec")
            yield from _dead(ctx, policy, (name, "targets"), check.targets, targets, "target")
            yield from _dead(ctx, policy, (name, "models"), check.models, KNOWN, "known model")
            yield from _unknown_keys(ctx, policy, name, check.require or ())


def _addresses(ctx: Context) -> Iterator[str]:
    """Of every document, also of those with errors."""
    for document in ctx.graph.documents:
        data = document.data
        if isinstance(data, dict) and isinstance(data.get("kind"), str):
            yield f"{data['kind'].lower()}/{data.get('name')}"


def _dead(
    ctx: Context,
    policy: Bound[PolicySpec],
    place: tuple[str, str],
    globs: Sequence[str] | None,
    names: Collection[str],
    what: str,
) -> Iterator[Diagnostic]:
    for index, glob in enumerate(globs or ()):
        if not any(fnmatchcase(name, glob) for name in names):
            yield ctx.problem(
                policy.span("checks", *place, index),
                f"{glob!r} matches no {what}, so policy {policy.spec.name!r} demands nothing by it.",
                hint=did_you_mean(glob, names) or f"Such as {one_of(sorted(names)[:4])}.",
            )


def _unknown_keys(
    ctx: Context, policy: Bound[PolicySpec], name: str, keys: Sequence[str]
) -> Iterator[Diagnostic]:
    for index, key in enumerate(keys):
        if any(types_at(model, tuple(key.split("."))) for model in KINDS.values()):
            continue
        known = sorted({field for model in KINDS.values() for field in model.model_fields})
        yield ctx.problem(
            policy.span("checks", name, "require", index),
            f"No kind has a key `{key}`, so policy {policy.spec.name!r} demands nothing by it.",
            hint=did_you_mean(key, known) or "Write a key as in a spec, such as `budget.usd`.",
        )
