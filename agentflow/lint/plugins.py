"""Rules that other distributions bring: which are admitted, and what they may report.

A plugin is code of somebody else, so nothing of it is taken on trust: what it offers is looked at
before it counts as a rule, what its rules yield before it counts as a finding, and whatever goes
wrong is a finding that names the distribution. Finding and importing plugins is left to
`operations.plugins`; this module is imported only for projects that name some.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import NamedTuple

from agentflow.compiler.graph import Bound
from agentflow.diagnostics import Checked, Code, Diagnostic, Edit, Fix, Level, Severity, Span
from agentflow.errors import FileRefused
from agentflow.lint.own import PLUGIN_FAILED, UNUSABLE_PLUGIN
from agentflow.lint.rule import Context, Rule
from agentflow.source.edits import apply_edits
from agentflow.source.text import SourceText
from agentflow.spec.project import ProjectSpec

__all__ = ["Offer", "Plugin", "Plugins", "admit", "told", "wrong_with"]

_ID = r"(?!AF)[A-Z]{2,8}[0-9]{2,4}"
_NAME = r"[a-z0-9]+(-[a-z0-9]+)*"
_FORMS = "It names a rule, several rules, or a module with `RULES`."


class Offer(NamedTuple):
    """What an entry point named, once it was imported."""

    position: int
    """Of the name in `lint.plugins` that asked for it."""
    distribution: str
    version: str
    entry: str
    """Name of the entry point."""
    content: object


class Plugin(NamedTuple):
    """A distribution with rules that a project asks for."""

    name: str
    version: str
    rules: tuple[Rule, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Plugins(NamedTuple):
    """The plugins of a project."""

    loaded: tuple[Plugin, ...]
    problems: tuple[Diagnostic, ...] = ()
    """What is wrong with them."""
    complete: bool = True
    """Whether they are all there, with every rule; else some codes of plugins are not known."""

    def codes(self) -> dict[str, Code]:
        return {rule.code.id: rule.code for plugin in self.loaded for rule in plugin.rules}

    def run(self, context: Context) -> Iterator[Diagnostic]:
        """What their rules find, and the rules that fail."""
        for plugin in self.loaded:
            for rule in plugin.rules:
                yield from _run(plugin, rule, context)


def told(error: BaseException) -> str:
    """Kind and message of an error in one line, whatever its class does when it is printed."""
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = ""
    name = type(error).__name__
    if len(message) > 300:
        message = f"{message[:300]}…"
    return f"{name}: {message}" if message else name


# What is admitted


class _Owner(NamedTuple):
    code: Code
    whose: str
    rule: Rule | None
    """None: it is ours."""


def admit(
    offers: Sequence[Offer], project: Bound[ProjectSpec], known: Mapping[str, Code]
) -> Checked[tuple[Plugin, ...]]:
    """The plugins with those of their rules that can be used, in the order given.

    Args:
        offers: what was imported.
        project: names them.
        known: the codes of agentflow, by id.
    """
    owners = [_Owner(code, "agentflow", None) for code in known.values()]
    ids = {owner.code.id: owner for owner in owners}
    names = {owner.code.name: owner for owner in owners}
    rules: dict[tuple[str, str], list[Rule]] = {}
    problems: list[Diagnostic] = []
    for offer in offers:
        kept = rules.setdefault((offer.distribution, offer.version), [])
        whose = f"{offer.distribution} {offer.version}"
        for item in _items(offer.content):
            if isinstance(item, Rule) and any(item is rule for rule in kept):
                continue
            wrong = wrong_with(item) or _collision(item, ids, names)
            if wrong is None:
                assert isinstance(item, Rule)
                kept.append(item)
                owner = _Owner(item.code, whose, item)
                ids[item.code.id] = names[item.code.name] = owner
            else:
                problems.append(_refused(project, offer, wrong))
    plugins = (Plugin(*key, tuple(kept)) for key, kept in rules.items())
    return Checked(tuple(plugins), tuple(problems))


def _items(content: object) -> Sequence[object]:
    """What may be a rule each."""
    if isinstance(content, ModuleType):
        content = getattr(content, "RULES", content)
    if isinstance(content, Sequence) and not isinstance(content, str) and content:
        return content
    return (content,)


def wrong_with(item: object) -> str | None:
    """Why it cannot be a rule. None: it can."""
    if isinstance(item, ModuleType):
        return f"module {item.__name__} has no `RULES`"
    if not isinstance(item, Rule):
        return f"it offers {_article(item)} where a rule should be"
    code = item.code
    texts = (code.id, code.name, code.title, code.explanation, item.bad, item.good, item.since)
    sound = all(isinstance(text, str) for text in texts) and callable(item.check)
    if not sound or not isinstance(code.severity, Severity) or not isinstance(code.level, Level):
        return f"rule {code.id!r} was not made by `@rule`"
    if code.id.startswith("AF"):
        return f"rule {code.id!r} has a code of agentflow's own, which begin with AF"
    if not re.fullmatch(_ID, code.id):
        return f"{code.id!r} is no code: two to eight capital letters and two to four digits"
    if not re.fullmatch(_NAME, code.name):
        return f"the name of {code.id}, {code.name!r}, is not written in-lower-case"
    return None


def _collision(item: object, ids: Mapping[str, _Owner], names: Mapping[str, _Owner]) -> str | None:
    """Whose id or name a rule takes. None: it is the only one."""
    assert isinstance(item, Rule)
    if item.code.id in ids:
        return f"{ids[item.code.id].whose} has a rule {item.code.id} too"
    owner = names.get(item.code.name)
    if owner is not None:
        return f"{owner.whose} calls its {owner.code.id} {item.code.name!r}, as this its {item.code.id}"
    return None


def _refused(project: Bound[ProjectSpec], offer: Offer, why: str) -> Diagnostic:
    return UNUSABLE_PLUGIN.at(
        project.span("lint", "plugins", offer.position),
        f"Not all of {offer.distribution} {offer.version} can be used: in entry point "
        f"{offer.entry!r}, {why}.",
        hint=f"{_FORMS} Tell those who make {offer.distribution}, or remove it from `lint.plugins`.",
    )


def _article(item: object) -> str:
    name = type(item).__name__
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"


# What its rules report


def _run(plugin: Plugin, rule: Rule, context: Context) -> Iterator[Diagnostic]:
    """What a rule finds, as far as these are findings of its own."""
    try:
        for item in rule.run(context):
            wrong = _junk(item, rule.code) or _misfit(item.fix, context)
            if wrong is not None:
                yield _failed(plugin, rule, wrong)
                return
            yield item
    except (Exception, SystemExit) as error:
        yield _failed(plugin, rule, f"failed with {told(error)}")


def _failed(plugin: Plugin, rule: Rule, what: str) -> Diagnostic:
    code = rule.code
    return PLUGIN_FAILED.at(
        None,
        f"Rule {code.id} ({code.name}) {what}. This is a bug in {plugin}, not in agentflow.",
        hint=f"Leave it out for now with `lint: {{ ignore: [{code.id}] }}` in the project.",
    ).on(code)


def _junk(item: object, code: Code) -> str | None:
    """What is wrong with something that a rule yields. None: it is a finding."""
    if not isinstance(item, Diagnostic):
        return f"yielded {_article(item)}, which is no finding"
    if (item.code, item.name, item.about) != (code.id, code.name, None):
        return f"yielded a finding with the code {item.code!r}, which is not its own"
    places = [item.span] if item.span is not None else []
    texts = [item.message] if item.hint is None else [item.message, item.hint]
    try:
        places += [span for span, _ in item.related]
        texts += [caption for _, caption in item.related]
        if item.fix is not None:
            places += [edit.span for edit in item.fix.edits]
            texts += [item.fix.title, *(edit.text for edit in item.fix.edits)]
        sound = (
            all(isinstance(text, str) for text in texts)
            and all(map(_is_place, (*places, *item.hides)))
            and isinstance(item.severity, Severity)
            and isinstance(item.level, Level)
            and _is_fix(item.fix)
        )
    except (TypeError, ValueError, AttributeError):
        sound = False
    return None if sound else "yielded a finding with parts of the wrong type"


def _misfit(fix: Fix | None, context: Context) -> str | None:
    """Why a fix cannot be made. None: it can, or there is none."""
    if fix is None or context.files is None:
        return None
    by_file: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        by_file.setdefault(edit.span.file, []).append(edit)
    for file, edits in by_file.items():
        try:
            source = SourceText(file, context.files.read(file))
            apply_edits(source, edits).encode()
        except (FileRefused, ValueError):
            return f"yielded a fix for places that are not in {file!r}, or that lie over each other"
    return None


def _is_fix(fix: object) -> bool:
    return fix is None or (
        isinstance(fix, Fix)
        and isinstance(fix.safe, bool)
        and all(isinstance(edit, Edit) for edit in fix.edits)
    )


def _is_place(span: object) -> bool:
    if not isinstance(span, Span) or not isinstance(span.file, str):
        return False
    numbers = (span.line, span.column, span.end_line, span.end_column)
    return all(type(number) is int and number > 0 for number in numbers) and (
        numbers[:2] <= numbers[2:]
    )
