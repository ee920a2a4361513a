"""Which tests are run: by name, by an expression, and those that failed the last time."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path

from agentflow.errors import UsageError
from agentflow.nearest import did_you_mean
from agentflow.operations.workspace import workspace
from agentflow.testing.bench import Case
from agentflow.testing.results import Result

__all__ = ["Selection", "expression", "remember", "remembered"]

Holds = Callable[[str], bool]
"""Whether a word of an expression fits a test."""
Expression = Callable[[Holds], bool]

_TOKEN = re.compile(r"\s*(?:(\()|(\))|([\w./*?\[\]:-]+))")


def expression(text: str) -> Expression:
    """`a and not (b or c)`, as pytest's `-k` has it.

    Raises:
        UsageError: it is none.
    """
    tokens = _tokens(text)
    parser = _Parser(text, tokens)
    found = parser.any_of()
    if parser.left:
        raise parser.wrong()
    return found


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise UsageError(
                f"-k {text!r} is no expression: {text[at:].strip()[:1]!r} means nothing in one.",
                hint="Write words with `and`, `or`, `not` and parentheses.",
            )
        found.append(match[0].strip())
        at = match.end()
    return found


class _Parser:
    """`or` binds least, `not` most."""

    def __init__(self, text: str, tokens: Sequence[str]) -> None:
        self._text = text
        self._tokens = list(tokens)

    @property
    def left(self) -> bool:
        return bool(self._tokens)

    def wrong(self) -> UsageError:
        rest = f"{self._tokens[0]!r} is too much" if self._tokens else "something is missing"
        return UsageError(
            f"-k {self._text!r} is no expression: {rest}.",
            hint="Write words with `and`, `or`, `not` and parentheses.",
        )

    def _takes(self, word: str) -> bool:
        if self._tokens and self._tokens[0] == word:
            del self._tokens[0]
            return True
        return False

    def any_of(self) -> Expression:
        parts = [self._all_of()]
        while self._takes("or"):
            parts.append(self._all_of())
        return lambda holds: any(part(holds) for part in parts)

    def _all_of(self) -> Expression:
        parts = [self._one()]
        while self._takes("and"):
            parts.append(self._one())
        return lambda holds: all(part(holds) for part in parts)

    def _one(self) -> Expression:
        if self._takes("not"):
            inner = self._one()
            return lambda holds: not inner(holds)
        if self._takes("("):
            inner = self.any_of()
            if not self._takes(")"):
                raise self.wrong()
            return inner
        if not self._tokens or self._tokens[0] in (")", "and", "or"):
            raise self.wrong()
        word = self._tokens.pop(0)
        return lambda holds: holds(word)


class Selection:
    """What was asked for."""

    def __init__(
        self,
        names: Collection[str] = (),
        *,
        text: str | None = None,
        layers: Collection[str] | None = None,
        only: Collection[str] | None = None,
    ) -> None:
        """Choose tests.

        Args:
            names: of tests, as globs. None: any.
            text: an expression over name, layer and agent. None: any.
            layers: None: any.
            only: names, of those that failed the last time. None: any.

        Raises:
            UsageError: the expression is none.
        """
        self._names = tuple(name.removeprefix("test/") for name in names)
        self._fits = None if text is None else expression(text)
        self._layers = layers
        self._only = only

    def of(self, cases: Sequence[Case]) -> list[Case]:
        """Those that are meant.

        Raises:
            UsageError: a name is that of no test.
        """
        known = [case.name for case in cases]
        for name in self._names:
            if not any(fnmatchcase(one, name) for one in known):
                hint = did_you_mean(name, known) or "agentflow test --list shows what there is."
                raise UsageError(f"There is no test {name!r} in this project.", hint=hint)
        return [case for case in cases if self._takes(case)]

    def _takes(self, case: Case) -> bool:
        if self._names and not any(fnmatchcase(case.name, name) for name in self._names):
            return False
        if self._layers is not None and case.spec.layer not in self._layers:
            return False
        if self._only is not None and case.name not in self._only:
            return False
        words = (case.name, case.spec.layer, case.spec.agent)
        return self._fits is None or self._fits(lambda word: any(word in one for one in words))


_MEMORY = "tests.json"


def remembered(root: Path) -> frozenset[str] | None:
    """The tests that failed the last time they ran. None: none did."""
    try:
        text = (root / ".agentflow" / _MEMORY).read_text(encoding="utf-8")
        found = json.loads(text)["failed"]
        return frozenset(map(str, found)) or None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(root: Path, results: Iterable[Result], known: Collection[str]) -> None:
    """Keep which tests failed; of those that did not run now, what was known.

    `known`: the names of all tests there are. Where nothing can be written, nothing is kept.
    """
    results = list(results)
    ran = {result.name for result in results if result.outcome != "skipped"}
    failed = (remembered(root) or frozenset()) - ran
    failed |= {result.name for result in results if result.is_bad}
    with suppress(OSError):
        path = workspace(root) / _MEMORY
        part = path.with_name(f"{_MEMORY}.{os.getpid()}.part")
        text = json.dumps({"failed": sorted(failed.intersection(known))})
        part.write_text(text + "\n", encoding="utf-8")
        part.replace(path)
