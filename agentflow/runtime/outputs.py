"""[io] What a run delivered: list it, download it, verify it, run the checks on it.

File names come from the service and are never trusted as paths: only the last part is used, cleaned,
and files that share a name are kept apart.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from agentflow.compiler.manifest import AgentPolicy, DonePolicy, OutputPolicy
from agentflow.errors import UsageError
from agentflow.ports import Clock, RemoteFile, Sessions
from agentflow.runtime.forms import form_problems
from agentflow.runtime.pool import CallFailed, WorkerPool
from agentflow.runtime.run import OutputResult
from agentflow.runtime.strays import elsewhere, near_miss, written_elsewhere

__all__ = ["OUTPUTS_DIR", "Collector", "Report", "local_names", "repair_message", "verify_file"]

OUTPUTS_DIR = "/mnt/session/outputs/"
VERIFY_TIMEOUT_S = 30.0
POLL_S = 0.5
LEAST_LOOKS = 3


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
        earlier: frozenset[str] = frozenset(),
        transcript: Path | None = None,
    ) -> None:
        """Of one run.

        Args:
            policy: what is to be delivered.
            sessions: the service.
            session_id: whose files.
            out_dir: where they are put; made if it is absent.
            pool: verifies them, and runs checks.
            clock: time, and the way to wait.
            earlier: ids of files that other runs have left in the session.
            transcript: of the run: says where a missing output may be. None: nothing does.
        """
        self._transcript = transcript
        self._earlier = earlier
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
        still be on its way. However slowly the service answers, it is asked a few times; 0: once.

        Raises:
            ServiceError: the files cannot be listed or downloaded.
            UsageError: they cannot be written.
        """
        deadline = self._clock.monotonic() + settle_s
        looks = LEAST_LOOKS if settle_s else 1
        while True:
            report = await self._once()
            looks -= 1
            if not report.problems or (looks <= 0 and self._clock.monotonic() >= deadline):
                return await self._checked(await self._hinted(report))
            await self._clock.sleep(min(POLL_S, settle_s / 4))

    async def _once(self) -> Report:
        listed = await self._sessions.files(self._session_id)
        files = [file for file in listed if file.downloadable and file.id not in self._earlier]
        declared = {base_name(o.path): name for name, o in self._policy.outputs.items()}
        names = local_names(files)
        paths: dict[str, Path] = {}
        extra: list[Path] = []
        for file in files:
            local = names[file.id]
            path = await self._fetch(file, local)
            if local in declared and local == base_name(file.filename):
                paths[declared[local]] = path
            else:
                extra.append(path)
        outputs = [
            await verify_file(name, output, paths.get(name), pool=self._pool)
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

    async def _hinted(self, report: Report) -> Report:
        """With a word about where an output that is missing may be."""
        if not any(output.path is None and output.problems for output in report.outputs):
            return report
        paths: list[str] = []
        if self._transcript is not None:
            paths = await asyncio.to_thread(written_elsewhere, self._transcript, OUTPUTS_DIR)
        extra = [path.name for path in report.extra_files]

        def hinted(output: OutputResult) -> OutputResult:
            if output.path is not None or not output.problems:
                return output
            hint = near_miss(output.filename, extra) or elsewhere(output.filename, paths)
            return replace(output, problems=(output.problems[0] + hint, *output.problems[1:]))

        return replace(report, outputs=tuple(hinted(output) for output in report.outputs))

    async def _checked(self, report: Report) -> Report:
        """With the checks run, unless there is nothing sound to run them on."""
        if report.problems:
            return report
        paths = {o.name: str(o.path.absolute()) for o in report.outputs if o.path is not None}
        failed: list[str] = []
        for done in self._policy.done:
            failed += await self._check(done, paths)
        return Report(
            outputs=report.outputs, failed_checks=tuple(failed), extra_files=report.extra_files
        )

    async def _check(self, done: DonePolicy, paths: Mapping[str, str]) -> list[str]:
        if done.check is None and done.command is None:
            return []
        if done.command is not None:
            name, where = " ".join(done.command), str(self._out_dir.absolute())
            request = {"check": list(done.command), "paths": dict(paths), "cwd": where}
        else:
            name = done.check or ""
            module, _, function = name.replace(":", ".").rpartition(".")
            request = {"run": f"{module}:{function}", "paths": dict(paths)}
        try:
            found = await self._pool.call(request, timeout_s=done.timeout_s)
        except CallFailed as error:
            return [f"The check {name} failed. {error}"]
        return _findings(name, found)


async def verify_file(
    name: str,
    output: OutputPolicy,
    path: Path | None,
    *,
    pool: WorkerPool,
    timeout_s: float = VERIFY_TIMEOUT_S,
) -> OutputResult:
    """Whether an output is there, has something in it, and has the form it must have.

    The form is checked in a worker of `pool`, because the agent wrote the file: a pattern or a list
    in it can take for ever to check, and the run has to go on.
    """
    if path is None:
        return _missing(name, output)
    content = await asyncio.to_thread(_look_at, path)
    problems = ["is empty."]
    if not content.blank:
        problems = await _form(output, path, pool, timeout_s)
    return OutputResult(
        name=name,
        filename=base_name(output.path),
        path=path,
        problems=tuple(f"{OUTPUTS_DIR}{output.path} {problem}" for problem in problems),
        sha256=content.sha256,
        size_bytes=content.size_bytes,
        required=output.required,
    )


async def _form(output: OutputPolicy, path: Path, pool: WorkerPool, timeout_s: float) -> list[str]:
    if output.schema is None and not output.sections:
        return []
    wanted = {"path": str(path), "schema": output.schema, "sections": list(output.sections)}
    request = {"run": f"{form_problems.__module__}:{form_problems.__name__}", "input": wanted}
    try:
        found = await pool.call(request, timeout_s=timeout_s)
    except CallFailed as error:
        return [f"cannot be verified. {error}"]
    return [str(problem) for problem in found]


class _Content(NamedTuple):
    sha256: str
    size_bytes: int
    blank: bool
    """Nothing but white space."""


def _look_at(path: Path) -> _Content:
    """Read a file of any size, piece by piece."""
    hashed, size, blank = hashlib.sha256(), 0, True
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            hashed.update(piece)
            size += len(piece)
            blank = blank and not piece.strip()
    return _Content(hashed.hexdigest(), size, blank)


def _missing(name: str, output: OutputPolicy) -> OutputResult:
    text = f"{OUTPUTS_DIR}{output.path} was not delivered."
    return OutputResult(
        name=name,
        filename=base_name(output.path),
        path=None,
        problems=(text,) if output.required else (),
        required=output.required,
    )


def nothing_delivered(policy: AgentPolicy) -> Report:
    """The report of a session whose files cannot be had."""
    outputs = [_missing(name, output) for name, output in policy.outputs.items()]
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


def local_names(files: Sequence[RemoteFile]) -> dict[str, str]:
    """What files are called here, by id: an older one of a name has its id in it, beside the newest."""
    newest = _newest(files)
    names = {file.id: base_name(file.filename) for file in files}
    return {id: name if newest[name].id == id else _apart(name, id) for id, name in names.items()}


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


def repair_message(problems: Sequence[str], attempt: int, of: int) -> str:
    """What the agent is told when its outputs are not as declared."""
    listed = "\n".join(f"- {problem}" for problem in problems)
    return (
        f"Your outputs were checked, and this is missing or invalid:\n\n{listed}\n\n"
        f"Correct exactly this and leave the rest as it is. The files belong in {OUTPUTS_DIR}. "
        f"This is repair {attempt} of {of}."
    )
