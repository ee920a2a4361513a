"""Expectations of a run, each a function from what was seen to what is missed. One table has them all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from agentflow.audit.story import ToolUse
from agentflow.runtime.run import OutputResult
from agentflow.spec.expect import (
    CallExpected,
    CountExpected,
    ExpectSpec,
    OutputExpected,
)
from agentflow.testing.results import Miss
from agentflow.testing.seen import Seen, described, differences, fits, shown

__all__ = ["EXPECTATIONS", "ReadFile", "misses"]

ReadFile = Callable[[tuple[str | int, ...]], Path]
"""Path of a field in the document -> the file that it names."""

Look = Callable[[ExpectSpec, Seen, ReadFile], Iterator[Miss]]


def _verdict(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    result = seen.result
    if result.verdict != expect.verdict:
        details = [result.reason, *(p for o in result.outputs for p in o.problems)]
        details += result.failed_checks
        got = f"{result.verdict}: {' '.join(dict.fromkeys(details))}"
        yield Miss(
            ("expect", "verdict"), "It ended otherwise.", expect.verdict, got, seen.last_stop
        )


def _reason(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    if expect.reason is not None and expect.reason not in seen.result.reason:
        message = "It ended for another reason."
        yield Miss(("expect", "reason"), message, expect.reason, seen.result.reason, seen.last_stop)


def _stop_reason(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    if expect.stop_reason is None:
        return
    got = seen.story.stops[-1].reason if seen.story.stops else "the session never came to rest"
    if got != expect.stop_reason:
        message = "The session stopped for another reason."
        yield Miss(("expect", "stop_reason"), message, expect.stop_reason, got, seen.last_stop)


# Outputs


def _outputs(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    if expect.outputs == "valid":
        problems = [p for o in seen.result.outputs for p in o.problems]
        problems += seen.result.failed_checks
        if problems:
            at = ("expect", "outputs")
            yield Miss(at, "Outputs are not valid.", "valid", " ".join(problems), seen.last_stop)
        return
    delivered = {output.name: output for output in seen.result.outputs}
    for name, wanted in (expect.outputs or {}).items():
        output = delivered.get(name)
        path: tuple[str | int, ...] = ("expect", "outputs", name)
        if output is None or output.path is None:
            if wanted.exists is not False:
                message = f"The output {name!r} was not delivered."
                yield Miss(path, message, "a file", "nothing", seen.last_stop)
        elif wanted.exists is False:
            message = f"The output {name!r} was delivered."
            yield Miss(path, message, "nothing", _size(output.path), _writer(seen, output))
        else:
            yield from _output(wanted, output, output.path, path, seen, file)


def _output(
    wanted: OutputExpected,
    output: OutputResult,
    at: Path,
    path: tuple[str | int, ...],
    seen: Seen,
    file: ReadFile,
) -> Iterator[Miss]:
    data = at.read_bytes()
    text = data.decode("utf-8", "replace")
    by = _writer(seen, output)
    if wanted.equals is not None:
        golden = file((*path, "equals"))
        if golden.read_bytes() != data:
            message = f"The output {output.name!r} is another one."
            different = first_difference(golden.read_text("utf-8", "replace"), text)
            yield Miss((*path, "equals"), message, *different, by)
    digest = hashlib.sha256(data).hexdigest()
    if wanted.sha256 is not None and digest != wanted.sha256:
        message = f"The bytes of the output {output.name!r} are others."
        yield Miss((*path, "sha256"), message, wanted.sha256, digest, by)
    for index, needle in enumerate(wanted.contains or ()):
        if needle not in text:
            message = f"The output {output.name!r} lacks a text."
            yield Miss((*path, "contains", index), message, needle, shown(text), by)
    for index, pattern in enumerate(wanted.matches or ()):
        if re.search(pattern, text) is None:
            message = f"Nothing in the output {output.name!r} matches."
            yield Miss((*path, "matches", index), message, pattern, shown(text), by)
    for key, problems in _forms(wanted, at, path, file):
        message = f"The output {output.name!r} has not the form it must have."
        expected = ", ".join(wanted.sections or ()) if key == "sections" else "it fits the schema"
        yield Miss((*path, key), message, expected, " ".join(problems), by)


def _forms(
    wanted: OutputExpected, at: Path, path: tuple[str | int, ...], file: ReadFile
) -> Iterator[tuple[str, Sequence[str]]]:
    from agentflow.runtime.forms import form_problems

    if wanted.sections is not None:
        problems = form_problems(str(at), None, wanted.sections)
        if problems:
            yield "sections", problems
    if wanted.json_schema is not None:
        import json

        schema = json.loads(file((*path, "schema")).read_text(encoding="utf-8"))
        problems = form_problems(str(at), schema, ())
        if problems:
            yield "schema", problems


def _size(path: Path) -> str:
    return f"a file of {path.stat().st_size} bytes"


def _writer(seen: Seen, output: OutputResult) -> Any:
    """The last call that wrote the file by its name. None: a program did it."""
    for call in reversed(seen.calls):
        if call.text("file_path").endswith(f"/{output.filename}") and call.name in (
            "write",
            "edit",
        ):
            return seen.call(call)
    return None


def first_difference(expected: str, got: str) -> tuple[str, str]:
    """The first line in which two texts differ, of both."""
    wanted, found = expected.splitlines(), got.splitlines()
    for number, (one, other) in enumerate(zip(wanted, found, strict=False), start=1):
        if one != other:
            return f"line {number}: {shown(one)}", f"line {number}: {shown(other)}"
    if len(wanted) == len(found):
        return "the same lines, ending as they did", "another end of a line"
    number = min(len(wanted), len(found)) + 1
    more = wanted if len(wanted) > len(found) else found
    rest = f"line {number}: {shown(more[number - 1])}"
    nothing = f"no line {number}"
    return (rest, nothing) if more is wanted else (nothing, rest)


# Tools


def _must(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    for index, wanted in enumerate((expect.tools.must if expect.tools else None) or ()):
        if not any(fits(call, wanted) for call in seen.calls):
            path = ("expect", "tools", "must", index)
            yield Miss(path, "A call is missing.", _wanted(wanted), *_nearest(wanted, seen))


def _order(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    calls = iter(seen.calls)
    last: ToolUse | None = None
    for index, wanted in enumerate((expect.tools.order if expect.tools else None) or ()):
        found = next((call for call in calls if fits(call, wanted)), None)
        if found is None:
            path = ("expect", "tools", "order", index)
            where = " after that" if last is not None else ""
            message = f"A call does not come{where}."
            evidence = seen.call(last) if last is not None else None
            yield Miss(path, message, _wanted(wanted), seen.called, evidence)
            return
        last = found


def _never(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    for index, wanted in enumerate((expect.tools.never if expect.tools else None) or ()):
        for call in seen.calls:
            if fits(call, wanted):
                path = ("expect", "tools", "never", index)
                message = f"{call.name} was called."
                expected = f"never {_wanted(wanted)}"
                yield Miss(path, message, expected, described(call), seen.call(call))
                break


def _counts(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    for tool, wanted in ((expect.tools.counts if expect.tools else None) or {}).items():
        calls = [call for call in seen.calls if fnmatchcase(call.name, tool)]
        if not _within(len(calls), wanted):
            path = ("expect", "tools", "counts", tool)
            evidence = seen.call(calls[-1]) if calls else None
            message = f"{tool} was called another number of times."
            yield Miss(path, message, _bounds(wanted), str(len(calls)), evidence)


def _within(number: int, wanted: int | CountExpected) -> bool:
    if isinstance(wanted, int):
        return number == wanted
    least = wanted.at_least if wanted.at_least is not None else 0
    return number >= least and (wanted.at_most is None or number <= wanted.at_most)


def _bounds(wanted: int | CountExpected) -> str:
    if isinstance(wanted, int):
        return str(wanted)
    parts = (("at least", wanted.at_least), ("at most", wanted.at_most))
    return ", ".join(f"{word} {number}" for word, number in parts if number is not None)


def _wanted(wanted: CallExpected) -> str:
    parts = [wanted.tool]
    parts += [f"{name}={glob!r}" for name, glob in wanted.arguments.items()]
    if wanted.result is not None:
        parts.append(f"with {wanted.result!r} in its result")
    if wanted.failed is not None:
        parts.append("that fails" if wanted.failed else "that does not fail")
    return " ".join(parts)


def _nearest(wanted: CallExpected, seen: Seen) -> tuple[str, Any]:
    """What came nearest to a call that is missing, and its event."""
    near = [call for call in seen.calls if fnmatchcase(call.name, wanted.tool)]
    if not near:
        return seen.called, None
    call = min(near, key=lambda one: sum(1 for _ in differences(one, wanted)))
    return f"{call.name}, but {' and '.join(differences(call, wanted))}", seen.call(call)


# People, words and figures


def _approvals(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    if expect.approvals is None:
        return
    told = [f"{a.tool}: {'allow' if a.allowed else 'deny'} by {a.by}" for a in seen.answers]
    got = "; ".join(told) or "no tool asked"
    if not expect.approvals and seen.answers:
        first = seen.answers[0]
        at = seen.evidence(first.call_id, f"{first.tool} asked")
        yield Miss(("expect", "approvals"), "A tool asked.", "no tool asks", got, at)
    for index, wanted in enumerate(expect.approvals):
        asked = [a for a in seen.answers if fnmatchcase(a.tool, wanted.tool)]
        if any(
            a.allowed is (wanted.answer == "allow") and wanted.by in (None, a.by) for a in asked
        ):
            continue
        by = f" by {wanted.by}" if wanted.by else ""
        expected = f"{wanted.tool}: {wanted.answer}{by}"
        evidence = seen.evidence(asked[0].call_id, f"{asked[0].tool} asked") if asked else None
        message = "It was answered otherwise." if asked else "It did not ask."
        yield Miss(("expect", "approvals", index), message, expected, got, evidence)


def _messages(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    said = seen.messages
    last = seen.evidence(said[-1].id, shown(said[-1].text)) if said else None
    got = shown(said[-1].text) if said else "no message"
    for index, wanted in enumerate(expect.messages or ()):
        path = ("expect", "messages", index)
        if wanted.contains and not any(wanted.contains in m.text for m in said):
            yield Miss(path, "No message holds a text.", wanted.contains, got, last)
        if wanted.matches is not None and not any(re.search(wanted.matches, m.text) for m in said):
            yield Miss((*path, "matches"), "No message matches.", wanted.matches, got, last)
        if wanted.never is not None:
            for message in said:
                if wanted.never in message.text:
                    evidence = seen.evidence(message.id, shown(message.text))
                    words = "A message holds a text."
                    expected = f"never {wanted.never!r}"
                    yield Miss((*path, "never"), words, expected, shown(message.text), evidence)
                    break


def _limits(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    limits, result = expect.limits, seen.result
    if limits is None:
        return
    used: Mapping[str, tuple[Any, Any, str]] = {
        "usd": (limits.usd, result.cost_usd, "dollars"),
        "tokens": (limits.tokens, result.tokens.total, "tokens"),
        "turns": (limits.turns, result.turns, "turns"),
        "tool_calls": (limits.tool_calls, result.tool_calls, "tool calls"),
        "wall": (limits.wall, round(result.wall_s, 3), "seconds"),
    }
    for key, (limit, got, unit) in used.items():
        if limit is None or (got is not None and got <= limit):
            continue
        path = ("expect", "limits", key)
        shown_got = f"{got} {unit}" if got is not None else "not known: the model has no price"
        yield Miss(path, "It used more.", f"at most {limit} {unit}", shown_got, seen.last_stop)


def _repairs(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    if expect.repairs is not None and seen.result.repairs != expect.repairs:
        message = "Outputs were sent back another number of times."
        got = str(seen.result.repairs)
        yield Miss(("expect", "repairs"), message, str(expect.repairs), got, seen.last_stop)


def _warnings(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    if expect.warnings is None:
        return
    told = seen.result.warnings
    got = "; ".join(told) or "no warning"
    if not expect.warnings and told:
        yield Miss(("expect", "warnings"), "There was a warning.", "no warning", got)
    for index, text in enumerate(expect.warnings):
        if not any(text in warning for warning in told):
            yield Miss(("expect", "warnings", index), "A warning is missing.", text, got)


def _findings(expect: ExpectSpec, seen: Seen, file: ReadFile) -> Iterator[Miss]:
    if expect.findings is None:
        return
    names = ", ".join(dict.fromkeys(f"{f.code} {f.name}" for f in seen.findings)) or "nothing"
    for index, wanted in enumerate(expect.findings.must or ()):
        if not any(_is(finding, wanted) for finding in seen.findings):
            path = ("expect", "findings", "must", index)
            yield Miss(path, "The audit does not find it.", wanted, names, seen.last_stop)
    for index, wanted in enumerate(expect.findings.never or ()):
        for finding in seen.findings:
            if _is(finding, wanted):
                path = ("expect", "findings", "never", index)
                id = finding.evidence[0] if finding.evidence else ""
                evidence = seen.evidence(id, finding.message)
                got = f"{finding.code} {finding.name}: {finding.message}"
                yield Miss(path, "The audit finds it.", f"never {wanted}", got, evidence)
                break


def _is(finding: Any, wanted: str) -> bool:
    return fnmatchcase(finding.code, wanted) or fnmatchcase(finding.name, wanted)


EXPECTATIONS: tuple[Look, ...] = (
    _verdict,
    _reason,
    _stop_reason,
    _outputs,
    _must,
    _order,
    _never,
    _counts,
    _approvals,
    _messages,
    _limits,
    _repairs,
    _warnings,
    _findings,
)


def misses(expect: ExpectSpec, seen: Seen, file: ReadFile) -> list[Miss]:
    """Everything that is not as expected, in the order of the documentation."""
    return [miss for look in EXPECTATIONS for miss in look(expect, seen, file)]
