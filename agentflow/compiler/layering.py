"""Which layers a spec is put together from, last wins.

Project `defaults` → the chain of `extends` → the toolsets of `use` → the document → overlays of the
target → `--set`. How two layers merge is in `compose`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from agentflow import codes
from agentflow.compiler.compose import Layer, compose, disagreements
from agentflow.compiler.load import RawSpec
from agentflow.diagnostics import Diagnostic, has_errors
from agentflow.nearest import did_you_mean
from agentflow.source.tree import Document, Origin, Path, value_at
from agentflow.source.yaml import parse
from agentflow.spec.kinds import COMPOSED_KINDS, IDENTITY, KINDS

__all__ = ["Layering", "Setting"]

_EXTENDING = ("Agent", "Environment", "Deployment")
_MAX_CHAIN = 32
_SET = re.compile(
    r"(?P<address>[a-z]+/[a-z0-9-]+)\.(?P<path>[^=]+?)(?P<sign>[+-]?)=(?P<value>.*)", re.S
)
_TOOLSET_KEYS = ("tools", "mcp", "custom", "skills", "vaults", "approvals")


class Setting(NamedTuple):
    """A `--set` of the command line."""

    address: str
    layer: Layer


class _Patch(NamedTuple):
    overlay: Document
    pattern: str
    layer: Layer


class Layering:
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
        """Read what is composed of what.

        Args:
            specs: all of the project.
            project: its document.
            target: whose overlays count.
            settings: `--set` of the command line, as given.
            report: takes the problems.
            complete: False: some spec could not be read, so what is missing proves nothing.
        """
        self._by_address = {spec.address: spec for spec in specs}
        self._project = project
        self._report = report
        self._complete = complete
        self._patches = list(self._overlays(target))
        self._settings = [made for text in settings if (made := self._setting(text))]

    def composed(self, spec: RawSpec) -> Document:
        """The document of a spec with all its layers; as it is where it has no others."""
        return self._composed(spec, overlaid=True)

    def reviewed(self, spec: RawSpec) -> Document | None:
        """The same without overlays and `--set`. None: there are none, so nothing differs."""
        if not self._above(spec):
            return None
        return self._composed(spec, overlaid=False)

    def bases(self) -> set[str]:
        """Addresses of the specs that others extend."""
        names = ((spec.kind, spec.document.data.get("extends")) for spec in self._extending())
        return {f"{kind.lower()}/{name}" for kind, name in names if isinstance(name, str)}

    def _extending(self) -> Iterator[RawSpec]:
        return (spec for spec in self._by_address.values() if spec.kind in _EXTENDING)

    def _composed(self, spec: RawSpec, *, overlaid: bool) -> Document:
        if spec.kind not in COMPOSED_KINDS:
            return spec.document
        below = [*self._defaults(spec), *self._chain(spec)]
        own = Layer(Origin(spec.document, ()), spec.document.data)
        above = self._above(spec) if overlaid else []
        tools = self._toolsets(spec, [*below, own, *above])
        if not (below or above or tools) and not _composes(spec.document.data):
            return spec.document
        model = KINDS[spec.kind]
        return compose(model, spec.document, [*below, *tools, own, *above], self._report)

    def _defaults(self, spec: RawSpec) -> Iterator[Layer]:
        if self._project is None:
            return
        path: Path = ("defaults", spec.kind.lower())
        values = value_at(self._project.data, path)
        if isinstance(values, dict) and values:
            yield Layer(Origin(self._project, path), _without(values, IDENTITY))

    def _chain(self, spec: RawSpec) -> list[Layer]:
        """What the spec extends, the furthest first."""
        layers: list[Layer] = []
        seen = [spec.address]
        current = spec
        while current.kind in _EXTENDING:
            name = current.document.data.get("extends")
            prefix = f"{current.kind.lower()}/"
            if not isinstance(name, str):
                break
            base = self._by_address.get(prefix + name.removeprefix(prefix))
            if base is None:
                break  # reported with all other references
            if base.address in seen or len(seen) > _MAX_CHAIN:
                self._report_circle(spec, [*seen, base.address])
                break
            seen.append(base.address)
            values = _without(base.document.data, IDENTITY)
            layers.insert(0, Layer(Origin(base.document, ()), values))
            current = base
        return layers

    def _report_circle(self, spec: RawSpec, seen: Sequence[str]) -> None:
        if seen[-1] != spec.address and seen[-1] in seen[:-1]:
            return  # reported for a member of the circle
        message = f"{spec.kind} {spec.name!r} extends itself: {' → '.join(seen)}."
        if seen[-1] != spec.address:
            message = f"{spec.kind} {spec.name!r} extends more than {_MAX_CHAIN} others in a row."
        span = spec.document.span(("extends",))
        self._report(codes.EXTENDS_CYCLE.at(span, message, hint="Take one `extends` out."))

    def _toolsets(self, spec: RawSpec, layers: Sequence[Layer]) -> list[Layer]:
        if spec.kind != "Agent" or not any(
            key in layer.data for layer in layers for key in ("use", "use+", "use-")
        ):
            return []
        chosen = compose(
            KINDS[spec.kind],
            spec.document,
            [
                Layer(layer.origin, {k: v for k, v in layer.data.items() if k.strip("+-") == "use"})
                for layer in layers
            ],
            lambda _: None,  # reported when the whole is composed
        )
        found: list[tuple[str, Layer]] = []
        names = chosen.data.get("use")
        for name in dict.fromkeys(names if isinstance(names, list) else ()):
            raw = self._by_address.get(f"toolset/{name}")
            if raw is not None:
                values = {k: raw.document.data[k] for k in _TOOLSET_KEYS if k in raw.document.data}
                found.append((str(name), Layer(Origin(raw.document, ()), values, joins=True)))
        self._report_disagreeing_toolsets(spec, found)
        return [layer for _, layer in found]

    def _report_disagreeing_toolsets(
        self, spec: RawSpec, found: Sequence[tuple[str, Layer]]
    ) -> None:
        model = KINDS[spec.kind]
        for number, (name, layer) in enumerate(found):
            for other, earlier in found[:number]:
                for path in disagreements(model, earlier.data, layer.data):
                    if value_at(spec.document.data, path) is not None:
                        continue  # the agent says it itself
                    place = earlier.origin.document.span(path, key=True)
                    where = ".".join(map(str, path))
                    message = (
                        f"The toolsets {other!r} and {name!r} say different things about `{where}`, "
                        f"and agent {spec.name!r} uses both."
                    )
                    hint = "Say it in the agent, which wins, or in one of the two."
                    span = layer.origin.document.span(path, key=True)
                    related = (
                        (place, f"toolset {other!r}"),
                        (spec.document.span(("use",)), "used here"),
                    )
                    self._report(
                        codes.TOOLSETS_DISAGREE.at(span, message, hint=hint, related=related)
                    )

    # Overlays and --set

    def _above(self, spec: RawSpec) -> list[Layer]:
        patches = [p for p in self._patches if fnmatchcase(spec.address, p.pattern)]
        layers = []
        for exact in (False, True):
            group = [p for p in patches if ("*" not in p.pattern) is exact]
            self._report_disagreeing_overlays(spec, group)
            layers += [patch.layer for patch in group]
        layers += [s.layer for s in self._settings if s.address == spec.address]
        return layers

    def _overlays(self, target: str) -> Iterator[_Patch]:
        for spec in self._by_address.values():
            data = spec.document.data
            if spec.kind != "Overlay" or target not in _names(data.get("target")):
                continue
            patch = data.get("patch")
            for pattern, values in patch.items() if isinstance(patch, dict) else ():
                if not isinstance(pattern, str) or not isinstance(values, dict):
                    continue  # a matter of its shape
                path: Path = ("patch", pattern)
                self._report_unmatched(spec.document, path, pattern)
                fixed = [key for key in values if key.rstrip("+-") in IDENTITY]
                for key in fixed:
                    span = spec.document.span((*path, key), key=True)
                    self._report(_fixed(span, key, "An overlay"))
                layer = Layer(Origin(spec.document, path), _without(values, fixed))
                yield _Patch(spec.document, pattern, layer)

    def _report_unmatched(self, document: Document, path: Path, pattern: str) -> None:
        addresses = [a for a, s in self._by_address.items() if s.kind in COMPOSED_KINDS]
        if self._complete and not any(fnmatchcase(a, pattern) for a in addresses):
            message = f"No spec has the address {pattern!r}, so this patch changes nothing."
            hint = did_you_mean(pattern, addresses) or "Remove it, or declare the spec."
            span = document.span(path, key=True)
            self._report(codes.PATCHES_NOTHING.at(span, message, hint=hint))

    def _report_disagreeing_overlays(self, spec: RawSpec, group: Sequence[_Patch]) -> None:
        model = KINDS[spec.kind]
        for number, patch in enumerate(group):
            for earlier in group[:number]:
                for path in _overlapping(model, earlier.layer.data, patch.layer.data):
                    where = ".".join(map(str, path))
                    place = earlier.layer.origin
                    span = patch.overlay.span((*patch.layer.origin.path, *path), key=True)
                    message = f"Two overlays change `{where}` of {spec.address} in different ways."
                    related = ((place.document.span((*place.path, *path), key=True), "the other"),)
                    hint = "Overlays have no order: keep one of the two."
                    self._report(
                        codes.OVERLAYS_DISAGREE.at(span, message, hint=hint, related=related)
                    )

    def _setting(self, text: str) -> Setting | None:
        match = _SET.fullmatch(text)
        example = "Write `--set agent/NAME.budget.usd=3`."
        if match is None:
            message = f"--set {text}: this is not an address, a path and a value."
            self._report(codes.BAD_SET.at(None, message, hint=example))
            return None
        steps = match["path"].split(".")
        documents, problems = parse("--set", match["value"] or '""')
        if has_errors(problems) or len(documents) != 1 or not all(steps):
            message = f"--set {text}: the value is not YAML."
            if not all(steps):
                message = f"--set {text}: the path has an empty step."
            self._report(codes.BAD_SET.at(None, message, hint=example))
            return None
        address = match["address"]
        spec = self._by_address.get(address)
        if spec is None or spec.kind not in COMPOSED_KINDS:
            addresses = [a for a, s in self._by_address.items() if s.kind in COMPOSED_KINDS]
            message = f"--set {text}: no spec has the address {address!r}."
            hint = did_you_mean(address, addresses)
            if self._complete:
                self._report(codes.PATCHES_NOTHING.at(None, message, hint=hint))
            return None
        if steps[0] in IDENTITY:
            self._report(_fixed(None, steps[0], "--set"))
            return None
        value: Any = documents[0].data
        for step in reversed([*steps[:-1], steps[-1] + match["sign"]]):
            value = {step: value}
        return Setting(address, Layer(Origin(documents[0], ()), value))


def _fixed(span: Any, key: str, who: str) -> Diagnostic:
    message = f"{who} cannot change {key!r}."
    hint = "It stands in the spec itself, because it says which spec that is."
    return codes.FIXED_KEY.at(span, message, hint=hint)


def _overlapping(model: Any, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Path]:
    """Where two patches differ; lists replace there, so they differ too."""
    yield from disagreements(model, one, other)
    yield from _lists(one, other, ())


def _lists(one: Any, other: Any, path: Path) -> Iterator[Path]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one:
            if key in other and key[-1:] not in ("+", "-"):
                yield from _lists(one[key], other[key], (*path, key))
    elif isinstance(one, list) and isinstance(other, list) and one != other:
        yield path


def _names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value if isinstance(value, list) else []


def _without(data: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    unwanted = set(keys)
    return {key: value for key, value in data.items() if key not in unwanted}


def _composes(data: Any) -> bool:
    """Whether there are `key+` or `key-` in it."""
    if isinstance(data, dict):
        return any(
            (isinstance(key, str) and key[-1:] in ("+", "-")) or _composes(value)
            for key, value in data.items()
        )
    return isinstance(data, list) and any(map(_composes, data))
