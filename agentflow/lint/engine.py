"""Run the rules: select, run, suppress, sort."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from agentflow.codes import CODES
from agentflow.diagnostics import Code, Diagnostic, Severity
from agentflow.lint.own import OWN_CODES, RULE_FAILED, UNKNOWN_SUPPRESSION
from agentflow.lint.registry import RULES
from agentflow.lint.rule import Context, Rule
from agentflow.lint.suppress import suppress
from agentflow.nearest import did_you_mean

__all__ = ["KNOWN", "lint"]

KNOWN: dict[str, Code] = {
    code.id: code for code in (*CODES.values(), *OWN_CODES, *(rule.code for rule in RULES))
}
"""Every code a user can meet, by id."""


def lint(
    context: Context,
    *,
    ignore: Collection[str] = (),
    found: Sequence[Diagnostic] | None = None,
    rules: Sequence[Rule] = RULES,
) -> tuple[Diagnostic, ...]:
    """Every finding that no comment suppresses, in the order of files and lines.

    Args:
        context: the project, without the specs that have errors.
        ignore: codes, names or prefixes of codes that are not reported, beside the project's own.
        found: what the compiler reported. Given, its warnings can be suppressed by comments too,
            and it is part of the answer. None: it is handled elsewhere.
        rules: which rules there are; others than all of them only in tests.
    """
    own = tuple(context.graph.project.spec.lint.ignore)
    ignored = tuple({*ignore, *own})
    selected = [rule for rule in rules if not _is_ignored(rule.code, ignored)]
    problems = [problem for rule in selected for problem in _run(rule, context)]
    problems += [problem for problem in found or () if problem.severity is not Severity.ERROR]
    active = {rule.code.id for rule in selected}
    if found is not None:
        active |= {code.id for code in CODES.values() if code.severity is not Severity.ERROR}
    left = [
        *suppress(
            context.graph,
            problems,
            templates=context.templates(),
            known=KNOWN,
            active=frozenset(active),
        ),
        *(problem for problem in found or () if problem.severity is Severity.ERROR),
        *_unknown_ignores(context),
    ]
    kept = [p for p in left if not _is_ignored(KNOWN.get(p.code), ignored) or _is_fatal(p)]
    return tuple(sorted(kept, key=lambda problem: problem.sort_key))


def _is_ignored(code: Code | None, ignored: Collection[str]) -> bool:
    return code is not None and any(_names(entry, code) for entry in ignored)


def _names(entry: str, code: Code) -> bool:
    """Whether it is the code's id, its name or a prefix. AF10 is a family: AF1 does not mean it."""
    if entry in (code.id, code.name):
        return True
    return code.id.startswith(entry) and (code.family == "AF10") == entry.startswith("AF10")


def _is_fatal(problem: Diagnostic) -> bool:
    """Errors of the compiler stay: without them nobody would see why nothing is made."""
    return problem.code in CODES and problem.severity is Severity.ERROR


def _run(rule: Rule, context: Context) -> Iterator[Diagnostic]:
    """What a rule finds. A rule that fails becomes a finding about itself."""
    try:
        yield from rule.run(context)
    except Exception as error:
        yield RULE_FAILED.at(
            None,
            f"Rule {rule.code.id} ({rule.code.name}) failed with {type(error).__name__}: {error}. "
            "This is a bug in agentflow.",
            hint=f"Leave it out for now with `lint: {{ ignore: [{rule.code.id}] }}` in the project.",
        )


def _unknown_ignores(context: Context) -> Iterator[Diagnostic]:
    """Entries of the project's `lint.ignore` that fit no code."""
    project = context.graph.project
    for index, entry in enumerate(project.spec.lint.ignore):
        if any(_is_ignored(code, (entry,)) for code in KNOWN.values()):
            continue
        yield UNKNOWN_SUPPRESSION.at(
            project.span("lint", "ignore", index),
            f"There is no code {entry!r}.",
            hint=did_you_mean(entry, KNOWN) or "Codes are listed by: agentflow explain",
        )
