"""[io] What a run delivered: list it, download it, verify it, run the checks on it.

File names come from the service and are never trusted as paths: only the last part is used, cleaned,
and files that share a name are kept apart.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agentflow.compiler.manifest import AgentPolicy, DonePolicy, OutputPolicy
from agentflow.errors import UsageError
from agentflow.ports import Clock, RemoteFile, Sessions
from agentflow.runtime.pool import CallFailed, WorkerPool
from agentflow.runtime.run import OutputResult

__all__ = ["OUTPUTS_DIR", "Collector", "Report", "headings", "repair_message", "verify_file"]

OUTPUTS_DIR = "/mnt/session/outputs/"
CHECK_TIMEOUT_S = 60.0
POLL_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    outputs: tuple[OutputResult, ...]
    failed_checks: tuple[str, ...]
    extra_files: tuple[Path, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence each: of the outputs in their order, then of the checks."""
        found = [problem for output in self.outputs for problem in output.problems]
        return (*found, *self.failed_checks)


class Collector:
    """Fetches the outputs of one session into a directory; a file is downloaded once."""

    def __init__(
        self,
        policy: AgentPolicy,
        *,
        sessions: Sessions,
        session_id: str,
        out_dir: Path,
        pool: WorkerPool,
        clock: Clock,
    ) -> None:
        self._policy = policy
        self._sessions = sessions
        self._session_id = session_id
        self._out_dir = out_dir
        self._pool = pool
        self._clock = clock
        self._names: dict[str, str] = {}
        """Of the files downloaded so far: id to the name it has here."""

    async def collect(self, *, settle_s: float) -> Report:
        """Download and verify; look again for a while if something is missing or invalid.

        The service lists a file some seconds after it was written: `settle_s` is how long one may
        still be on its way.

        Raises:
            ServiceError: the files cannot be listed or downloaded.
            UsageError: they cannot be written.
        """
        deadline = self._clock.monotonic() + settle_s
        while True:
            report = await self._once()
            if not report.problems or self._clock.monotonic() >= deadline:
                return await self._checked(report)
            await self._clock.sleep(min(POLL_S, settle_s / 4))

    async def _once(self) -> Report:
        listed = await self._sessions.files(self._session_id)
        files = [file for file in listed if file.downloadable]
        declared = {base_name(o.path): name for name, o in self._policy.outputs.items()}
        newest = _newest(files)
        paths: dict[str, Path] = {}
        extra: list[Path] = []
        for file in files:
            name = base_name(file.filename)
            is_output = name in declared and newest[name].id == file.id
            # An older file of the same name is kept beside the newest, under a name of its own.
            local = name if newest[name].id == file.id else _apart(name, file.id)
            path = await self._fetch(file, local)
            if is_output:
                paths[declared[name]] = path
            else:
                extra.append(path)
        outputs = [
            verify_file(name, output, paths.get(name))
            for name, output in self._policy.outputs.items()
        ]
        return Report(outputs=tuple(outputs), failed_checks=(), extra_files=tuple(extra))

    async def _fetch(self, file: RemoteFile, local: str) -> Path:
        path = self._out_dir / local
        if self._names.get(file.id) != local:
            try:
                self._out_dir.mkdir(parents=True, exist_ok=True)
                await self._sessions.download(file.id, path)
            except OSError as error:
                raise UsageError(
                    f"Output {str(path)!r} cannot be written: {error.strerror}.",
                    hint="Choose another directory for outputs, or make room in this one.",
                ) from error
            # Whatever had this name here has been replaced, and would have to be fetched again.
            self._names = {id: name for id, name in self._names.items() if name != local}
            self._names[file.id] = local
        return path

    async def _checked(self, report: Report) -> Report:
        """With the checks run, unless there is nothing sound to run them on."""
        if report.problems:
            return report
        paths = {o.name: str(o.path) for o in report.outputs if o.path is not None}
        failed: list[str] = []
        for done in self._policy.done:
            failed += await self._check(done, paths)
        return Report(
            outputs=report.outputs, failed_checks=tuple(failed), extra_files=report.extra_files
        )

    async def _check(self, done: DonePolicy, paths: Mapping[str, str]) -> list[str]:
        if done.check is None:
            return []
        module, colon, function = done.check.partition(":")
        if not colon:
            module, _, function = done.check.rpartition(".")
        try:
            found = await self._pool.call(
                {"run": f"{module}:{function}", "paths": dict(paths)}, timeout_s=CHECK_TIMEOUT_S
            )
        except CallFailed as error:
            return [f"The check {done.check} failed. {error}"]
        return _findings(done.check, found)


def nothing_delivered(policy: AgentPolicy) -> Report:
    """The report of a session whose files cannot be had."""
    outputs = [verify_file(name, output, None) for name, output in policy.outputs.items()]
    return Report(outputs=tuple(outputs), failed_checks=(), extra_files=())


def _findings(check: str, found: object) -> list[str]:
    """A check returns nothing, what is wrong, or a list of it; False, for those who think in tests."""
    if found is None or found is True:
        return []
    if found is False:
        return [f"The check {check} does not hold."]
    items = found if isinstance(found, list) else [found]
    return [f"{check}: {item}" for item in items]


def base_name(path: str) -> str:
    """The last part of a path of any system, without characters that a file system or a terminal minds."""
    last = re.split(r"[/\\]", path)[-1]
    clean = "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in last).strip()
    while len(clean.encode()) > 200:
        clean = clean[1:]
    return "file" if clean.strip(".") == "" else clean


def _newest(files: Sequence[RemoteFile]) -> dict[str, RemoteFile]:
    """By base name; of files made in the same instant the later one in the list."""

    def made(file: RemoteFile) -> datetime:
        try:
            at = datetime.fromisoformat(file.created_at)
        except ValueError:
            return datetime.min.replace(tzinfo=UTC)
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    found: dict[str, RemoteFile] = {}
    for file in files:
        name = base_name(file.filename)
        if name not in found or made(file) >= made(found[name]):
            found[name] = file
    return found


def _apart(name: str, id: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    tag = base_name(id)
    return f"{stem}.{tag}.{suffix}" if dot and stem else f"{name}.{tag}"


def verify_file(name: str, output: OutputPolicy, path: Path | None) -> OutputResult:
    """Whether an output is there, has something in it, and has the form it must have."""
    filename = base_name(output.path)
    if path is None:
        missing = f"{OUTPUTS_DIR}{output.path} was not delivered."
        return OutputResult(
            name=name,
            filename=filename,
            path=None,
            problems=(missing,) if output.required else (),
            required=output.required,
        )
    data = path.read_bytes()
    problems = [f"{OUTPUTS_DIR}{output.path} {p}" for p in _form_problems(output, data)]
    return OutputResult(
        name=name,
        filename=filename,
        path=path,
        problems=tuple(problems),
        sha256=hashlib.sha256(data).hexdigest(),
        size_bytes=len(data),
        required=output.required,
    )


def _form_problems(output: OutputPolicy, data: bytes) -> list[str]:
    if not data.strip():
        return ["is empty."]
    if output.schema is None and not output.sections:
        return []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [f"is not UTF-8 text (byte {error.start})."]
    problems: list[str] = []
    if output.schema is not None:
        problems += _schema_problems(output.schema, text)
    return problems + _section_problems(output.sections, text)


def _schema_problems(schema: Mapping[str, Any], text: str) -> list[str]:
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        return ["is not JSON that can be read: it is nested too deeply."]
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError):
            return [f"is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."]
        return [f"is not JSON: {error}."]
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from referencing import Registry

    validator_class = validator_for(schema, default=Draft202012Validator)
    try:
        # Without a registry of its own, a validator fetches what a schema refers to.
        errors = sorted(
            validator_class(dict(schema), registry=Registry()).iter_errors(value),
            key=lambda e: list(map(str, e.absolute_path)),
        )
    except RecursionError:
        return ["cannot be held against its schema: it is nested too deeply."]
    except Exception as error:  # a reference to nothing, a number that has no exact form
        return [f"cannot be held against its schema: {_short(str(error))}."]
    shown = [f"does not fit its schema at {e.json_path}: {_short(e.message)}." for e in errors[:5]]
    if len(errors) > 5:
        shown.append(f"has {len(errors) - 5} more places that do not fit its schema.")
    return shown


def _no_constant(name: str) -> object:
    """Python writes and reads these; no other reader of the file would."""
    raise ValueError(f"it holds {name}")


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:300]}…"


def _section_problems(sections: Sequence[str], text: str) -> list[str]:
    """Sections must all be there and in their order; others may stand between them."""
    found = [_plain(heading) for heading in headings(text)]
    problems: list[str] = []
    after = 0
    for section in sections:
        wanted = _plain(section)
        if wanted in found[after:]:
            after = found.index(wanted, after) + 1
        elif wanted in found:
            problems.append(f"has the section {section!r} in the wrong place.")
        else:
            problems.append(f"has no section {section!r}.")
    return problems


def _plain(heading: str) -> str:
    return " ".join(re.sub(r"[*_`]", "", heading).split()).casefold()


_ATX = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*$")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")


def headings(text: str) -> list[str]:
    """The headings of a Markdown text in order, underlined ones too, but none inside code fences."""
    found: list[str] = []
    fence = ""
    above = ""
    for line in text.splitlines():
        opening = _FENCE.match(line)
        if fence:
            if opening and opening[1].startswith(fence) and not opening[2].strip():
                fence = ""
            continue
        if opening and not (opening[1][0] == "`" and "`" in opening[2]):
            fence, above = opening[1], ""
        elif atx := _ATX.match(line):
            found.append((atx[1] or "").strip())
            above = ""
        elif above and _SETEXT.match(line):
            found.append(above)
            above = ""
        else:
            # Only a paragraph can be underlined: no list item, quote, table or indented code.
            above = "" if re.match(r" {4}|\t|\s*([-*+>|]|\d+[.)])", line) else line.strip()
    return found


def repair_message(problems: Sequence[str], attempt: int, of: int) -> str:
    """What the agent is told when its outputs are not as declared."""
    listed = "\n".join(f"- {problem}" for problem in problems)
    return (
        f"Your outputs were checked, and this is missing or invalid:\n\n{listed}\n\n"
        f"Correct exactly this and leave the rest as it is. The files belong in {OUTPUTS_DIR}. "
        f"This is repair {attempt} of {of}."
    )
