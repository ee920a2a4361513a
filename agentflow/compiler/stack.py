"""Specs with layers: which each is put together from, last wins.

Project `defaults` → the chain of `extends` → the toolsets of `use` → the document → overlays of the
target → `--set`. How two layers merge is in `compose`, what lies above the document in `overlays`.

A toolset comes right below the spec that names it: what a base says about a tool it also takes from a
toolset is not undone in the specs that extend it. Specs without layers do not come here; see `layering`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from agentflow import codes
from agentflow.compiler.compose import Layer, compose, composes, name_and_sign
from agentflow.compiler.disagree import toolsets_disagree
from agentflow.compiler.layering import EXTENDING_KINDS
from agentflow.compiler.load import RawSpec
from agentflow.compiler.overlays import Overlays, fixed_key
from agentflow.diagnostics import Diagnostic
from agentflow.records import NamedTuple
from agentflow.source.layers import Composed
from agentflow.source.tree import Document, Origin, Path, value_at
from agentflow.spec.kinds import COMPOSED_KINDS, KINDS, OWN_KEYS

__all__ = ["Stack"]

_MAX_CHAIN = 32
_TOOLSET_KEYS = ("tools", "mcp", "custom", "skills", "vaults", "approvals")


class _Used(NamedTuple):
    """A toolset, and the item of `use` that names it."""

    name: str
    document: Document
    layer: Layer
    item: Origin


class Stack:
    """The layers of every spec of a project, for one target."""

    def __init__(
        self,
        specs: Iterable[RawSpec],
        project: Document | None,
        target: str,
        settings: Sequence[str],
        report: Callable[[Diagnostic], None],
        *,
        complete: bool,
    ) -> None:
        """Read what is composed of what; see `layering.Layering` for the arguments."""
        self._by_address = {spec.address: spec for spec in specs}
        self._report = report
        self._above = Overlays(
            self._by_address, project, target, settings, report, complete=complete
        )
        self._defaults = dict(self._read_defaults(project)) if project is not None else {}
        self._made: dict[str, Document] = {}
        self._differences: dict[tuple[str, str], tuple[Path, ...]] = {}

    def composed(self, spec: RawSpec) -> Document:
        """The document of a spec with all its layers; as it is where it has no others."""
        if spec.name is None:
            return self._composed(spec, self._above.of(spec), self._report)
        if spec.address not in self._made:
            made = self._composed(spec, self._above.of(spec), self._report)
            self._made[spec.address] = made
        return self._made[spec.address]

    def reviewed(self, spec: RawSpec) -> Document | None:
        """The same without overlays and `--set`. None: there are none, so nothing differs."""
        if not self._above.of(spec):
            return None
        # Its problems are those of the whole, which are reported there.
        return self._composed(spec, [], lambda _: None)

    def _read_defaults(self, project: Document) -> Iterator[tuple[str, Layer]]:
        for kind in EXTENDING_KINDS:
            path: Path = ("defaults", kind.lower())
            values = value_at(project.data, path)
            if not isinstance(values, dict) or not values:
                continue
            for key in values:
                if name_and_sign(key)[0] in OWN_KEYS:
                    span = project.span((*path, key), key=True)
                    self._report(fixed_key(span, key, "Defaults cannot set"))
            yield kind, Layer(Origin(project, path), _passed_on(values))

    def _composed(
        self, spec: RawSpec, above: Sequence[Layer], report: Callable[[Diagnostic], None]
    ) -> Document:
        if spec.kind not in COMPOSED_KINDS:
            return spec.document
        model = KINDS[spec.kind]
        own = Layer(Origin(spec.document, ()), spec.document.data, is_own=True)
        links = [*self._below(spec, report), own]
        used = self._used(spec, [*links, *above])
        if len(links) == 1 and not above and not used and not composes(model, own.data):
            return spec.document
        layers: list[Layer] = []
        for link in links:
            here = link.origin.document
            layers += [
                toolset.layer
                for toolset in used
                if toolset.item.document is here
                # What an overlay adds to `use` is below the document too.
                or (
                    link is own
                    and all(toolset.item.document is not x.origin.document for x in links)
                )
            ]
            layers.append(link)
        made = compose(model, spec.document, [*layers, *above], report)
        self._report_disagreeing_toolsets(spec, used, made, report)
        return made

    def _below(self, spec: RawSpec, report: Callable[[Diagnostic], None]) -> Iterator[Layer]:
        """Defaults, then what the spec extends, the furthest first."""
        if spec.kind in self._defaults:
            yield self._defaults[spec.kind]
        for base in reversed(self._chain(spec, report)):
            yield Layer(Origin(base.document, ()), _passed_on(base.document.data))

    def _chain(self, spec: RawSpec, report: Callable[[Diagnostic], None]) -> list[RawSpec]:
        """What the spec extends, the nearest first."""
        seen = [spec]
        while seen[-1].kind in EXTENDING_KINDS:
            name = seen[-1].document.data.get("extends")
            base = self._by_address.get(f"{spec.kind.lower()}/{name}")
            if not isinstance(name, str) or base is None:
                break  # none, or one that does not exist: reported with all other references
            if any(base is link for link in seen):
                _report_circle([*seen[seen.index(base) :], base], report)
                break
            if len(seen) > _MAX_CHAIN:
                _report_length(spec, report)
                break
            seen.append(base)
        return seen[1:]

    def _used(self, spec: RawSpec, layers: Sequence[Layer]) -> list[_Used]:
        """The toolsets of an agent, in the order of `use`."""
        parts = [
            layer._replace(data={k: v for k, v in layer.data.items() if k.rstrip("+-") == "use"})
            for layer in layers
        ]
        if spec.kind != "Agent" or not any(part.data for part in parts):
            return []
        # Problems are reported when the whole is composed.
        chosen = compose(KINDS[spec.kind], spec.document, parts, lambda _: None)
        names = chosen.data.get("use")
        found: dict[str, _Used] = {}
        for number, name in enumerate(names if isinstance(names, list) else ()):
            raw = self._by_address.get(f"toolset/{name}")
            if raw is not None and raw.address not in found:
                data = raw.document.data
                values = {key: data[key] for key in _TOOLSET_KEYS if key in data}
                layer = Layer(Origin(raw.document, ()), values, joins=True)
                item = chosen.origin(("use", number))
                found[raw.address] = _Used(str(name), raw.document, layer, item)
        return list(found.values())

    def _report_disagreeing_toolsets(
        self,
        spec: RawSpec,
        used: Sequence[_Used],
        made: Composed,
        report: Callable[[Diagnostic], None],
    ) -> None:
        for number, one in enumerate(used):
            for other in used[:number]:
                for path in self._disagreeing(other, one):
                    if _comes_from(made, path, (one.document, other.document)):
                        report(_disagreement(spec, other, one, path))

    def _disagreeing(self, one: _Used, other: _Used) -> tuple[Path, ...]:
        """Where two toolsets say different things; worked out once for all agents."""
        key = (one.name, other.name)
        if key not in self._differences:
            model = KINDS["Toolset"]
            found = toolsets_disagree(model, one.layer.data, other.layer.data)
            self._differences[key] = tuple(found)
        return self._differences[key]


def _passed_on(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if name_and_sign(key)[0] not in OWN_KEYS}


def _comes_from(made: Composed, path: Path, documents: Sequence[Document]) -> bool:
    """Whether something at `path` was written in one of these documents: nobody above settled it."""
    return any(
        origin.document is document for at, origin in made.origins(path) for document in documents
    )


def _disagreement(spec: RawSpec, one: _Used, other: _Used, path: Path) -> Diagnostic:
    where = ".".join(map(str, path))
    # Whoever names it in `use`: the agent itself, what it extends, or the defaults.
    name = other.item.document.data.get("name")
    user = f"{name!r}" if other.item.document.data.get("kind") == "Agent" else f"{spec.name!r}"
    message = (
        f"The toolsets {one.name!r} and {other.name!r}, both used by agent {user}, say different "
        f"things about `{where}`."
    )
    hint = f"Say it in the agent, which wins, or in only one of the two: `{where}`."
    related = tuple(
        (used.document.span(path, key=True), f"toolset {used.name!r}") for used in (one, other)
    )
    span = other.item.document.span(other.item.path)
    return codes.TOOLSETS_DISAGREE.at(span, message, hint=hint, related=related)


def _report_circle(circle: Sequence[RawSpec], report: Callable[[Diagnostic], None]) -> None:
    """Once for all that are in it: placed at the first of them by name."""
    members = circle[:-1]
    first = min(range(len(members)), key=lambda index: members[index].address)
    ordered = [*members[first:], *members[:first]]
    start = ordered[0]
    names = " → ".join(spec.address for spec in (*ordered, start))
    message = f"{start.kind} {start.name!r} extends itself: {names}."
    related = tuple((spec.document.span(("extends",)), "then here") for spec in ordered[1:])
    span = start.document.span(("extends",))
    hint = "Take one `extends` out."
    report(codes.EXTENDS_CYCLE.at(span, message, hint=hint, related=related))


def _report_length(spec: RawSpec, report: Callable[[Diagnostic], None]) -> None:
    message = f"{spec.kind} {spec.name!r} extends more than {_MAX_CHAIN} others in a row."
    hint = "Put what they share into one base, or into toolsets and fragments."
    report(codes.EXTENDS_CYCLE.at(spec.document.span(("extends",)), message, hint=hint))
