"""Run the rules, take out what comments suppress, and sort."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from agentflow.codes import CODES
from agentflow.compiler.graph import Graph
from agentflow.diagnostics import Code, Diagnostic, Severity
from agentflow.lint.own import OWN_CODES, RULE_FAILED
from agentflow.lint.registry import rules_for
from agentflow.lint.rule import Context, Rule
from agentflow.lint.selection import Choice, Layer, select
from agentflow.lint.settings import choice_of, unknown_selectors

if TYPE_CHECKING:
    from agentflow.lint.plugins import Plugins

__all__ = ["KNOWN", "id_of", "known_codes", "lint", "project_choice", "scan"]


class _Known(Mapping[str, Code]):
    """Asking for one imports every rule, which most checks do without."""

    def __getitem__(self, id: str) -> Code:
        return _known()[id]

    def __iter__(self) -> Iterator[str]:
        return iter(_known())

    def __len__(self) -> int:
        return len(_known())


KNOWN = _Known()
"""Every code of agentflow, by id."""


@cache
def _known() -> Mapping[str, Code]:
    from agentflow.lint.registry import RULES

    codes = (*CODES.values(), *OWN_CODES, *(rule.code for rule in RULES))
    return {code.id: code for code in codes}


@cache
def _ids() -> Mapping[str, str]:
    return {code.name: code.id for code in KNOWN.values()}


def lint(
    context: Context,
    *,
    ignore: Collection[str] = (),
    found: Sequence[Diagnostic] | None = None,
    rules: Sequence[Rule] | None = None,
) -> tuple[Diagnostic, ...]:
    """What `scan` finds, as far as the project chooses to hear of it.

    `ignore`: codes, names or prefixes of codes that are not reported, beside the project's own.
    """
    own = Choice(layers=(Layer(ignore=tuple(map(id_of, ignore))),))
    return select(scan(context, found=found, rules=rules), own.over(project_choice(context.graph)))


def scan(
    context: Context,
    *,
    found: Sequence[Diagnostic] | None = None,
    rules: Sequence[Rule] | None = None,
    plugins: Plugins | None = None,
) -> tuple[Diagnostic, ...]:
    """Every finding that no comment suppresses, in the order of files and lines.

    What a project does not want to hear of is among them: `select` leaves it out.

    Args:
        context: the project, without the specs that have errors.
        found: what the compiler reported. Given, its warnings can be suppressed by comments too,
            and it is part of the answer. None: it is handled elsewhere.
        rules: which rules agentflow has. None: all of them; others only in tests.
        plugins: whose rules are run too. None: the project has none.
    """
    running = rules_for(context.graph) if rules is None else rules
    problems = [problem for rule in running for problem in _run(rule, context)]
    if plugins is not None:
        problems += plugins.run(context)
    problems += [problem for problem in found or () if problem.severity is not Severity.ERROR]
    known = known_codes(plugins)
    every_code = plugins is None or plugins.complete
    if _may_have_comments(context):
        from agentflow.lint.suppress import suppress

        problems = [
            *suppress(
                context.graph,
                problems,
                templates=context.templates(),
                known=known,
                active=lambda: _active(rules, plugins, compiled=found is not None),
                every_code=every_code,
            )
        ]
    left = [
        *problems,
        *(problem for problem in found or () if problem.severity is Severity.ERROR),
        *unknown_selectors(context.graph.project, known, every_code=every_code),
        *(plugins.problems if plugins is not None else ()),
    ]
    if not left:
        return ()
    from agentflow.compiler.renames import with_renames
    from agentflow.lint.anchors import anchored

    placed = anchored(with_renames(left, _reader(context)), context.graph)
    return tuple(sorted(placed, key=lambda problem: problem.sort_key))


def _may_have_comments(context: Context) -> bool:
    """Whether the word that comments to the linter begin with stands anywhere."""
    return any("agentflow:" in document.source for document in context.graph.documents) or any(
        "agentflow:" in template.text for template in context.templates()
    )


def _active(
    rules: Sequence[Rule] | None, plugins: Plugins | None, *, compiled: bool
) -> frozenset[str]:
    """The codes that are looked for, also those of rules that cannot find anything here."""
    from agentflow.lint.registry import RULES

    active = {rule.code.id for rule in (RULES if rules is None else rules)}
    if plugins is not None:
        active |= plugins.codes().keys()
    if compiled:
        active |= {code.id for code in CODES.values() if code.severity is not Severity.ERROR}
    return frozenset(active)


def _reader(context: Context) -> Callable[[str], str]:
    """The text of a file that findings are in; nothing of one that is not known."""

    def read(path: str) -> str:
        for document in context.graph.documents:
            if document.file == path:
                return document.source
        return context.files.read(path) if context.files is not None else ""

    return read


def known_codes(plugins: Plugins | None = None) -> Mapping[str, Code]:
    """Every code a user can meet, by id."""
    return KNOWN if plugins is None else {**KNOWN, **plugins.codes()}


def id_of(selector: str, plugins: Plugins | None = None) -> str:
    """The id of a code given by its name; anything else as it is."""
    if plugins is not None:
        for code in plugins.codes().values():
            if code.name == selector:
                return code.id
    return _ids().get(selector, selector)


def project_choice(graph: Graph, plugins: Plugins | None = None) -> Choice:
    """What the project chooses to hear of."""
    return choice_of(graph.project.spec.lint, lambda selector: id_of(selector, plugins))


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
        ).on(rule.code)
