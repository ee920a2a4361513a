"""A file of known findings: what a project had when it took up a rule is not reported again.

An entry knows a finding by its code, by what it concerns and by its message, and not by its line; so
it is the same finding after the file was edited elsewhere. Errors of the compiler, and what the
linter says of itself, are never taken in.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from agentflow.diagnostics import Diagnostic, Span
from agentflow.lint.own import OUTDATED_BASELINE
from agentflow.lint.selection import is_fatal

__all__ = [
    "Baseline",
    "BaselineError",
    "Entry",
    "can_be_known",
    "fingerprint",
    "outdated",
    "read_baseline",
    "unknown",
    "write_baseline",
]

_FORMAT = 1


class BaselineError(ValueError):
    """The text is no baseline. Its message is a sentence for the user."""


class Entry(NamedTuple):
    """A finding, as often as it is known."""

    fingerprint: str
    code: str
    anchor: str
    message: str
    """As it was: for people who read the file."""
    times: int
    line: int
    """Of the file, counted from 1; 0 in one that is not yet written."""


class Baseline(NamedTuple):
    file: str
    entries: tuple[Entry, ...]


def fingerprint(problem: Diagnostic) -> str:
    """16 hexadecimal digits, the same for what is the same finding in another place.

    Numbers in the message do not count: they may be lines or amounts.
    """
    message = re.sub(r"\d+", "0", " ".join(problem.message.split()))
    text = "\0".join((problem.code, problem.anchor, message))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def can_be_known(problem: Diagnostic) -> bool:
    """Whether a baseline may hold it."""
    return not is_fatal(problem) and not problem.code.startswith("AF09")


def write_baseline(found: Iterable[Diagnostic]) -> str:
    """The text of a baseline with these findings: an entry a line, sorted, so that diffs are short."""
    kept = [problem for problem in found if can_be_known(problem)]
    counts = Counter(map(fingerprint, kept))
    first = {fingerprint(problem): problem for problem in reversed(kept)}
    entries = sorted(
        ((problem.anchor, problem.code, mark, problem.message) for mark, problem in first.items())
    )
    lines = [
        json.dumps(
            {
                "code": code,
                "anchor": anchor,
                "message": message,
                "count": counts[mark],
                "fingerprint": mark,
            },
            ensure_ascii=False,
        )
        for anchor, code, mark, message in entries
    ]
    body = "".join(f"\n    {line}," for line in lines).removesuffix(",")
    return f'{{\n  "format": {_FORMAT},\n  "findings": [{body}\n  ]\n}}\n'


def read_baseline(file: str, text: str) -> Baseline:
    """The entries of a baseline.

    Raises:
        BaselineError: it is none, or of another format.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"{file!r} is not JSON: {error}.") from None
    if not isinstance(data, dict) or not isinstance(data.get("findings"), list):
        raise BaselineError(f"{file!r} is not a baseline of agentflow.")
    if data.get("format") != _FORMAT:
        raise BaselineError(f"{file!r} has a format that this version of agentflow does not know.")
    lines = text.splitlines()
    return Baseline(file, tuple(_entry(file, item, lines) for item in data["findings"]))


def _entry(file: str, item: Any, lines: Sequence[str]) -> Entry:
    if isinstance(item, dict):
        texts = [item.get(key) for key in ("fingerprint", "code", "anchor", "message")]
        times = item.get("count")
        if all(isinstance(text, str) for text in texts) and type(times) is int and times > 0:
            mark, code, anchor, message = map(str, texts)
            line = next((n for n, text in enumerate(lines, 1) if f'"{mark}"' in text), 1)
            return Entry(mark, code, anchor, message, times, line)
    raise BaselineError(f"{file!r} has an entry that is not a finding: {json.dumps(item)[:60]}.")


def unknown(found: Iterable[Diagnostic], baseline: Baseline) -> tuple[Diagnostic, ...]:
    """The findings that the baseline does not have. Of one that it has twice, the third counts."""
    left = _counts(baseline)
    reported = []
    for problem in found:
        mark = fingerprint(problem)
        if can_be_known(problem) and left[mark] > 0:
            left[mark] -= 1
        else:
            reported.append(problem)
    return tuple(reported)


def outdated(found: Iterable[Diagnostic], baseline: Baseline) -> tuple[Diagnostic, ...]:
    """One finding for each entry that occurs less often than it says."""
    present = Counter(fingerprint(problem) for problem in found if can_be_known(problem))
    problems = []
    for entry in baseline.entries:
        if present[entry.fingerprint] < entry.times:
            part = f"{present[entry.fingerprint]} of {entry.times} times"
            often = part if present[entry.fingerprint] else "no longer"
            where = f" in {entry.anchor!r}" if entry.anchor else ""
            problems.append(
                OUTDATED_BASELINE.at(
                    Span(baseline.file, entry.line, 1, entry.line, 1),
                    f"{entry.code}{where} is found {often}.",
                    hint="Write the file again: agentflow lint --write-baseline",
                )
            )
    return tuple(problems)


def _counts(baseline: Baseline) -> Counter[str]:
    counts: Counter[str] = Counter()
    for entry in baseline.entries:
        counts[entry.fingerprint] += entry.times
    return counts
