"""[io] Check a large project part by part, and only the parts in which something has changed.

Never more than one part is in memory. What is found is the same as in the whole: where the parts do not
tell it, because of an error or of a finding that all of them have a share in, nothing is answered here,
and the project is checked as a whole.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from agentflow import __version__
from agentflow.compiler.ant.recognise import ant_kind, may_be_ant
from agentflow.compiler.graph import Graph
from agentflow.compiler.load import MARKDOWN, PROJECT_FILE
from agentflow.compiler.outline import is_true, mentions, outline
from agentflow.compiler.parts import Parts, parted
from agentflow.compiler.pipeline import Build, build
from agentflow.diagnostics import Checked, Diagnostic
from agentflow.errors import FileRefused
from agentflow.lint.engine import scan
from agentflow.lint.join import Part, can_be_joined, joined, rivals
from agentflow.lint.rule import Context
from agentflow.operations.answers import STATES, digest, kept_at
from agentflow.operations.callables import ImportedCallables
from agentflow.operations.found_parts import Found, LeftUndone, NobodyToAsk, packed, unpacked
from agentflow.operations.kept_parts import KeptFile, KeptPart, KeptParts, read_parts, save_parts
from agentflow.operations.project import MAX_TEXT_BYTES, decoded
from agentflow.operations.spread import Done, spread
from agentflow.operations.traced import Trace, TracedFiles, code_files
from agentflow.ports import Callables
from agentflow.source.tree import Document

__all__ = ["Options", "Whole", "find_in_parts"]

_FORMAT = "1"
_AHEAD = 2 << 20
"""Bytes of files that are held after they were looked at, until they are parsed."""
_SPREAD = 192
"""Files to be checked anew: with fewer, one process is done before others have started."""


class Options(NamedTuple):
    """What a project is compiled with."""

    target: str
    variables: Mapping[str, str]
    settings: Sequence[str]


class Whole(NamedTuple):
    """What was found in a project."""

    found: tuple[Diagnostic, ...]
    """All that no comment suppresses, before anything is chosen from it."""
    graph: Graph
    """Of the core alone: it has the project."""
    files: int
    specs: int


def find_in_parts(
    files: TracedFiles,
    trace: Trace,
    options: Options,
    names: Sequence[str],
    *,
    keep: bool,
    jobs: int = 1,
) -> Whole | None:
    """What is found in a project, part by part. None: it has to be checked as a whole.

    Args:
        files: the project's.
        trace: notes all that the answer rests on.
        options: what it is compiled with.
        names: the files that may be specs, sorted.
        keep: use what is kept of its parts, and keep what is found.
        jobs: in how many processes, if it is many that have to be checked.
    """
    path = _place(files.root, options) if keep else None
    work = _Work(files, trace, options, read_parts(path))
    try:
        with _collecting_by_hand():
            found = work.whole(names, jobs)
    except FileRefused:
        return None  # said by the check as a whole
    if path is not None and work.has_news and not trace.spoiled:
        code = trace.code()
        if code is not None:
            work.now.code = {**work.kept.code, **{name: code["c", name] for _, name in code}}
            save_parts(path, work.now)
    return found


@contextmanager
def _collecting_by_hand() -> Iterator[None]:
    """While specs are checked hardly anything is garbage, and what is, is little."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _take_away(*, first: bool) -> None:
    """Free what is left of a part that was checked, and refers to itself: next to nothing.

    With the first, all that it has loaded is there to stay, and is not looked through at all.
    """
    if first:
        gc.freeze()
    else:
        gc.collect()


def _place(root: Path, options: Options) -> str | None:
    identity = [
        *(_FORMAT, __version__, sys.version, sys.prefix, str(root), options.target),
        *("\n".join(sys.path), repr(sorted(options.variables.items())), repr(options.settings)),
    ]
    return kept_at("parts", digest("\0".join(identity).encode("utf-8", "surrogateescape")))


class _Work:
    """One check of a project."""

    def __init__(self, files: TracedFiles, trace: Trace, options: Options, kept: KeptParts) -> None:
        self.files = files
        self.trace = trace
        self.options = options
        self.kept = kept
        self.now = KeptParts()
        self.core: frozenset[str] = frozenset()
        self.ahead: dict[str, bytes] = {}
        self._ahead_bytes = 0
        self._root = f"{files.root}{os.sep}"
        self.states: dict[str, str] = {}
        """Facts that were looked at, as they are now."""
        self._taken_away = False

    @property
    def has_news(self) -> bool:
        now, kept = self.now, self.kept
        return (now.names, now.files, now.parts) != (kept.names, kept.files, kept.parts)

    def whole(self, names: Sequence[str], jobs: int) -> Whole | None:
        """What is found in all parts together. None: they do not tell.

        Args:
            names: the files that may be specs.
            jobs: processes.

        Raises:
            FileRefused: a file cannot be read.
        """
        parts = self._parts(names)
        if parts is None:
            return None
        self.core = frozenset(parts.core)
        with ImportedCallables(self.files.root, asked=self.trace.spoil) as callables:
            files = _PartFiles(self, parts.core, self.trace)
            core = self._built(files, self.trace, callables).value.graph
            if core is None or core.project.spec.lint.plugins:
                return None  # plugins look at everything there is
            keys = [_key(parts.core, part) for part in parts.parts]
            if not self._all_usable(parts, keys, callables, jobs):
                return None
        done = [self.now.parts[key] for key in keys]
        found = joined(
            [_as_found(*each, self.core) for each in zip(done, parts.parts, strict=True)], self.core
        )
        if found is None:
            return None
        return Whole(
            found,
            core,
            files=done[0].core_files + sum(part.files for part in done),
            specs=done[0].core_specs + sum(part.specs for part in done),
        )

    # Which files there are

    def _parts(self, names: Sequence[str]) -> Parts | None:
        """How the project is divided. None: it is not.

        Raises:
            FileRefused: a file cannot be read.
        """
        fresh = set()
        for name in names:
            file = self._unchanged(name)
            if file is None:
                text = self._text(name)
                if text is None and (name == PROJECT_FILE or may_be_ant(name)):
                    if name == PROJECT_FILE:
                        return None
                    continue  # what it is depends on more than its text: it is looked at each time
                if text is not None and ant_kind(name, text) is not None:
                    return None  # written for another tool, and linked in its way
                fresh.add(name)
                plain = text is not None and not name.endswith(MARKDOWN)
                guessed = outline(text) if text is not None and plain else None
                state = self.states[_text_fact(name)]
                file = KeptFile(state, text is not None, guessed, frozenset())
            self.now.files[name] = file
        self._find_mentions(fresh)
        specs = {name: file for name, file in self.now.files.items() if file.is_spec}
        return parted(
            {name: file.outline for name, file in specs.items()},
            {name: file.mentions for name, file in specs.items()},
        )

    def _unchanged(self, name: str) -> KeptFile | None:
        """What is kept of a file, if its content is the same."""
        kept = self.kept.files.get(name)
        fact = _text_fact(name)
        if kept is None or self._state(fact) != kept.state:
            return None
        self.trace.note(fact[0], fact[1:], kept.state)
        return kept

    def _text(self, name: str) -> str | None:
        """The text of a file that is new or has changed. None: it is no spec.

        Raises:
            FileRefused: it cannot be read.
        """
        data = self.files.look(name)
        fact = _text_fact(name)
        state = self.trace.facts.get((fact[0], fact[1:]))
        if state is not None:
            self.states[fact] = state
        if data is None:
            return None
        if self._ahead_bytes + len(data) <= _AHEAD:
            self.ahead[name] = data
            self._ahead_bytes += len(data)
        return decoded(name, data)

    def _find_mentions(self, fresh: Set[str]) -> None:
        """Which leaves each file names: of all files, if there are other names than before.

        Raises:
            FileRefused: a file cannot be read.
        """
        specs = {name: file for name, file in self.now.files.items() if file.is_spec}
        guessed = [file.outline for file in specs.values() if file.outline]
        names = frozenset(chain.from_iterable(found.names for found in guessed))
        self.now.names = digest("\n".join(sorted(names)).encode())
        for name, file in specs.items():
            if name in fresh or self.now.names != self.kept.names:
                held = self.ahead.get(name)
                text = self.files.read(name) if held is None else decoded(name, held)
                own = file.outline.names if file.outline else frozenset()
                self.now.files[name] = file._replace(mentions=mentions(text, names) - own)

    # What is found in a part

    def _is_still_true(self, key: str) -> bool:
        """Whether a part is kept, and nothing that it rests on has changed."""
        kept = self.kept.parts.get(key)
        if kept is None:
            return False
        states = [self._state(fact) for fact in kept.facts]
        if digest("\n".join(states).encode()) != kept.state:
            return False
        for fact, state in zip(kept.facts, states, strict=True):
            self.trace.note(fact[0], fact[1:], state)
        return True

    def _state(self, fact: str) -> str:
        """How a fact is now; empty, as none ever is, if it has no state."""
        found = self.states.get(fact)
        if found is None:
            try:
                found = STATES[fact[0]](self._root, fact[1:])
            except (OSError, ValueError, KeyError):
                found = ""
            self.states[fact] = found
        return found

    def _built(self, files: TracedFiles, trace: Trace, callables: Callables) -> Checked[Build]:
        return build(
            files,
            target=self.options.target,
            environ=trace.environ(os.environ),
            variables=self.options.variables,
            settings=self.options.settings,
            callables=callables,
            manifest=False,
        )

    # Parts that have changed

    def _all_usable(
        self, parts: Parts, keys: Sequence[str], callables: ImportedCallables, jobs: int
    ) -> bool:
        """Check the parts that are not kept. Whether all tell what is found in them.

        Raises:
            FileRefused: a file cannot be read.
        """
        self.now.parts = {key: self.kept.parts[key] for key in keys if key in self.kept.parts}
        fresh = [number for number, key in enumerate(keys) if not self._is_still_true(key)]
        if any(not self.now.parts[keys[n]].usable for n in set(range(len(keys))).difference(fresh)):
            return False
        is_many = sum(len(parts.parts[number]) for number in fresh) >= _SPREAD
        others: Mapping[int, Found] = {}
        for place, number in enumerate(fresh):
            found = others.get(number) or self._found(parts.core, parts.parts[number], callables)
            self.now.parts[keys[number]] = self._taken(found)
            if not found.part.usable:
                return False
            if place == 0 and is_many and jobs > 1:
                # With the first all has been loaded that the others need: copies have it too.
                others = self._spread(parts, fresh[1:], callables, jobs)
        return True

    def _spread(
        self, parts: Parts, fresh: Sequence[int], callables: ImportedCallables, jobs: int
    ) -> Mapping[int, Found]:
        """Check parts in several processes. What is missing has to be checked in this one."""
        ran = frozenset(code_files())

        def work(number: int, is_copy: bool) -> Done:
            asked = NobodyToAsk() if is_copy else callables
            try:
                found = self._found(parts.core, parts.parts[fresh[number]], asked)
            except LeftUndone:
                return Done(b"")
            found = found._replace(ran=[*ran.symmetric_difference(code_files())])
            return Done(packed(found), is_enough=not found.part.usable)

        done = spread(len(fresh), work, jobs=min(jobs, len(fresh)))
        return {fresh[number]: unpacked(data) for number, data in done.items() if data}

    def _found(self, core: Sequence[str], part: Sequence[str], callables: Callables) -> Found:
        """Check a part.

        Raises:
            FileRefused: a file cannot be read.
        """
        trace = Trace()
        kept = self._judged(core, part, callables, trace)
        facts = [kind + name for kind, name in trace.facts]
        states = [*trace.facts.values()]
        kept = kept._replace(facts=facts, state=digest("\n".join(states).encode()))
        _take_away(first=not self._taken_away)
        self._taken_away = True
        return Found(kept, states, trace.spoiled)

    def _judged(
        self, core: Sequence[str], part: Sequence[str], callables: Callables, trace: Trace
    ) -> KeptPart:
        """What is found in a part, without what it rests on, which is noted."""
        files = _PartFiles(self, (*core, *part), trace)
        built, problems = self._built(files, trace, callables)
        kept = KeptPart(usable=False)
        if built.graph is not None and self._is_as_guessed(built.graph, part):
            context = Context(graph=built.graph, compiled=built.compiled, files=files)
            found = scan(context, found=problems)
            if can_be_joined(built.graph, problems, found):
                kept = _kept(built.graph, found, frozenset(part), self.core)
        return kept

    def _taken(self, found: Found) -> KeptPart:
        """Note what a part rests on."""
        for fact, state in zip(found.part.facts, found.states, strict=True):
            self.trace.note(fact[0], fact[1:], state)
        if found.is_spoiled:
            self.trace.spoil()
        self.trace.ran.update(found.ran)
        return found.part

    def _is_as_guessed(self, graph: Graph, part: Sequence[str]) -> bool:
        by_file: dict[str, list[Document]] = {name: [] for name in part}
        for document in graph.documents:
            if document.file in by_file:
                by_file[document.file].append(document)
        return all(
            (guessed := self.now.files[name].outline) is not None and is_true(guessed, documents)
            for name, documents in by_file.items()
        )


def _text_fact(name: str) -> str:
    """That the whole of a text was read."""
    return f"f{MAX_TEXT_BYTES + 1} {name}"


def _key(core: Sequence[str], part: Sequence[str]) -> str:
    return digest("\0".join((*core, "", *part)).encode("utf-8", "surrogateescape"))


def _kept(graph: Graph, found: Sequence[Diagnostic], own: Set[str], core: Set[str]) -> KeptPart:
    files = {document.file for document in graph.documents}
    specs = [d.file for d in graph.documents if isinstance(d.data, dict)]
    return KeptPart(
        usable=True,
        found=tuple(found),
        rivals=rivals(graph, own),
        files=len(files & own),
        specs=sum(file in own for file in specs),
        core_files=len(files & core),
        core_specs=sum(file in core for file in specs),
    )


def _as_found(kept: KeptPart, part: Sequence[str], core: Set[str]) -> Part:
    own = frozenset(part)
    texts = frozenset(_paths(kept.facts)) - own - core
    return Part(files=own, found=kept.found, rivals=kept.rivals, texts=texts)


def _paths(facts: Sequence[str]) -> Iterator[str]:
    """The files whose content is among the facts."""
    for fact in facts:
        if fact[0] == "f":
            yield fact.partition(" ")[2]
        elif fact[0] in "sz":
            yield fact[1:]


class _PartFiles(TracedFiles):
    """The files of a project, of which only some hold specs."""

    def __init__(self, work: _Work, specs: Sequence[str], trace: Trace) -> None:
        super().__init__(work.files.root, trace)
        self.listed = work.files.listed
        self._work = work
        self._specs = sorted(specs)

    def specs(self) -> Sequence[str]:
        return self._specs

    def _bytes(self, path: str, *, limit: int, cut: bool = False) -> bytes:
        held = self._work.ahead
        data = held.get(path)
        if data is None or limit != MAX_TEXT_BYTES:
            return super()._bytes(path, limit=limit, cut=cut)
        self._note_parents(path)
        fact = _text_fact(path)
        self._trace.note(fact[0], fact[1:], self._work.states[fact])
        if path not in self._work.core:
            del held[path]
        return data
