"""What was to be delivered, and what was."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator

from agentflow.audit.checks.words import OUTPUTS, plural, short, written_paths
from agentflow.audit.finding import Facts, Hit, audit
from agentflow.audit.story import Story, ToolUse
from agentflow.diagnostics import Severity

__all__: list[str] = []

_FREE = ("/tmp", "/var/tmp", "/workspace", "/mnt/memory", "/root/.cache")
"""Where an agent may write without saying so."""


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _written(story: Story) -> Iterator[tuple[ToolUse, str]]:
    """Calls that succeeded, and what they wrote."""
    for call in story.calls:
        if call.result_id is not None and not call.is_error:
            for path in written_paths(call):
                yield call, path


@audit("AU201", "wrote-elsewhere", Severity.WARNING)
def wrote_elsewhere(story: Story, facts: Facts) -> Iterator[Hit]:
    """Files were written outside the outputs and the scratch directory.

    They are gone with the session: only what lies below /mnt/session/outputs is delivered.
    """
    policy = facts.policy
    if policy is None:
        return
    allowed = (OUTPUTS, *_FREE, *((policy.scratch,) if policy.scratch else ()))
    found = [
        (call, path)
        for call, path in _written(story)
        if not any(_below(path, folder) for folder in allowed)
    ]
    if found:
        paths = list(dict.fromkeys(path for _, path in found))
        names = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        missed = [
            name for name in policy.outputs if _base(policy.outputs[name].path) in map(_base, paths)
        ]
        yield Hit(
            f"Written outside {OUTPUTS}: {names}."
            + (f" That is the output {missed[0]!r}." if missed else ""),
            tuple(id for call, _ in found for id in call.evidence),
            "Name the directory in the task, or place {{ outputs_section }} earlier in the prompt.",
            facts.source(*(f"outputs.{name}" for name in missed), "scratch", "outputs"),
            found[0][0].turn,
        )


def _base(path: str) -> str:
    return posixpath.basename(path)


@audit("AU202", "no-outputs", Severity.ERROR)
def no_outputs(story: Story, facts: Facts) -> Iterator[Hit]:
    """The agent said it was done, and a declared output was not delivered."""
    done = [stop for stop in story.stops if stop.reason == "end_turn"]
    if facts.policy is None or not done:
        return
    stop = done[-1]
    if facts.files is not None:
        there = set(map(_base, facts.files))
    else:
        if any(call.name in ("bash",) or call.kind != "built-in" for call in story.calls):
            # A program may have written it: without the list of files nobody can tell.
            return
        there = {_base(path) for _, path in _written(story) if _below(path, OUTPUTS)}
    for name, output in facts.policy.outputs.items():
        if output.required and _base(output.path) not in there:
            last = [message for message in story.messages if message.who == "agent"]
            said = f' Its last words: "{short(last[-1].text)}"' if last else ""
            yield Hit(
                f"The output {name!r} ({output.path}) was not delivered.{said}",
                (stop.id, *(message.id for message in last[-1:])),
                f"Say in the task that {output.path} is to be written, and set `repair: 1`.",
                facts.source(f"outputs.{name}", "outputs"),
                stop.turn,
            )


@audit("AU203", "nested-outputs", Severity.WARNING)
def nested_outputs(story: Story, facts: Facts) -> Iterator[Hit]:
    """Outputs were written into sub-directories.

    The service lists files by their base name: folders are lost, and two files of one name collide.
    """
    found = [
        (call, path)
        for call, path in _written(story)
        if _below(path, OUTPUTS) and "/" in path.removeprefix(OUTPUTS + "/")
    ]
    if found:
        yield Hit(
            f"Written into a folder below {OUTPUTS}: {found[0][1]}. Its folder will be lost.",
            tuple(id for call, _ in found for id in call.evidence),
            "Ask for flat names, or for one archive.",
            facts.source("outputs", "prompt"),
            found[0][0].turn,
        )


@audit("AU204", "colliding-outputs", Severity.ERROR)
def colliding_outputs(story: Story, facts: Facts) -> Iterator[Hit]:
    """Two outputs have the same base name.

    The service tells files apart by it, so one of them hides the other.
    """
    paths: dict[str, dict[str, ToolUse]] = defaultdict(dict)
    for call, path in _written(story):
        if _below(path, OUTPUTS):
            paths[_base(path)].setdefault(path, call)
    for name, places in paths.items():
        if len(places) > 1:
            yield Hit(
                f"{len(places)} outputs are called {name}: {', '.join(sorted(places))}.",
                tuple(id for call in places.values() for id in call.evidence),
                "Give each a name of its own.",
                facts.source("outputs", "prompt"),
                max(call.turn for call in places.values()),
            )


_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


@audit("AU205", "section-missing", Severity.WARNING)
def section_missing(story: Story, facts: Facts) -> Iterator[Hit]:
    """An output lacks a section that the spec asks for: part of the prompt was ignored."""
    if facts.policy is None:
        return
    for name, output in facts.policy.outputs.items():
        writes = [
            call
            for call, path in _written(story)
            if output.sections and call.name == "write" and _base(path) == _base(output.path)
        ]
        if not writes or any(_edited_after(story, writes[-1], output.path)):
            continue
        there = {heading.casefold() for heading in _HEADING.findall(writes[-1].text("content"))}
        missing = [section for section in output.sections if section.casefold() not in there]
        if missing:
            yield Hit(
                f"{output.path} lacks {plural(len(missing), 'section')}: {', '.join(missing)}.",
                writes[-1].evidence,
                "Repeat the sections in the task; `repair: 1` sends it back.",
                facts.source(f"outputs.{name}.sections", f"outputs.{name}"),
                writes[-1].turn,
            )


def _edited_after(story: Story, write: ToolUse, path: str) -> Iterator[bool]:
    for call in story.calls:
        if call.seq > write.seq and call.name in ("edit", "bash"):
            yield _base(path) in str(call.input)
