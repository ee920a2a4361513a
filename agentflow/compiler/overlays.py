"""What is laid over specs: overlays of the target, and `--set` of the command line.

Of overlays, patches with a glob come first, then those for one address; two of the same rank that
disagree are an error, because overlays have no order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from agentflow import codes
from agentflow.compiler.compose import Layer, name_and_sign
from agentflow.compiler.disagree import patches_disagree
from agentflow.compiler.load import RawSpec
from agentflow.diagnostics import SETTINGS_FILE, Diagnostic, Span, has_errors
from agentflow.nearest import did_you_mean, one_of
from agentflow.patterns import regex
from agentflow.records import NamedTuple
from agentflow.source.tree import Document, Origin, Path
from agentflow.source.yaml import parse
from agentflow.spec.kinds import COMPOSED_KINDS, FIXED_KEYS, KINDS

__all__ = ["Overlays", "fixed_key"]

_KIND_OF = {kind.lower(): kind for kind in KINDS}
_PATTERN = regex(r"(?P<kind>[a-z]+)/[a-z0-9*-]+")
_SET = regex(r"(?P<address>[a-z]+/[a-z0-9-]+)\.(?P<path>[^=]+?)(?P<sign>[+-]?)=(?P<value>.*)", re.S)
_EXAMPLE = "Write `--set agent/NAME.budget.usd=3`."


class _Patch(NamedTuple):
    overlay: str
    pattern: str
    layer: Layer


class Overlays:
    """The layers above the documents of a project, for one target."""

    def __init__(
        self,
        specs: Mapping[str, RawSpec],
        project: Document | None,
        target: str,
        settings: Sequence[str],
        report: Callable[[Diagnostic], None],
        *,
        complete: bool,
    ) -> None:
        """Read them; see `layering.Layering` for the arguments.

        Args:
            specs: by address.
        """
        self._specs = specs
        self._project = project
        self._report = report
        self._complete = complete
        self._globs: list[_Patch] = []
        self._exact: dict[str, list[_Patch]] = {}
        self._settings: dict[str, list[Layer]] = {}
        self._made: dict[str, list[Layer]] = {}
        self._reported: set[tuple[int, int]] = set()
        for patch in sorted(self._patches(target)):
            if "*" in patch.pattern:
                self._globs.append(patch)
            else:
                self._exact.setdefault(patch.pattern, []).append(patch)
        for number, text in enumerate(settings):
            self._read_setting(text, number)

    def of(self, spec: RawSpec) -> Sequence[Layer]:
        """What lies over a spec, the last wins."""
        address = spec.address
        if spec.kind not in COMPOSED_KINDS or spec.name is None:
            return ()
        if address not in self._made:
            globs = [p for p in self._globs if fnmatchcase(address, p.pattern)]
            exact = self._exact.get(address, [])
            for group in (globs, exact):
                self._report_disagreeing(spec, group)
            layers = [patch.layer for patch in (*globs, *exact)]
            self._made[address] = [*layers, *self._settings.get(address, ())]
        return self._made[address]

    def _addresses(self) -> list[str]:
        return [a for a, spec in self._specs.items() if spec.kind in COMPOSED_KINDS]

    # Overlays

    def _patches(self, target: str) -> Iterator[_Patch]:
        for spec in self._specs.values():
            data = spec.document.data
            if spec.kind != "Overlay":
                continue
            self._report_unknown_targets(spec.document)
            if target not in _names(data.get("target")):
                continue
            patch = data.get("patch")
            for pattern, values in patch.items() if isinstance(patch, dict) else ():
                if isinstance(values, dict) and _is_pattern(pattern):  # else reported as its shape
                    yield self._patch(spec, pattern, values)

    def _report_unknown_targets(self, document: Document) -> None:
        declared = self._project.data.get("targets") if self._project is not None else None
        known = {"local", *(declared if isinstance(declared, dict) else ())}
        value = document.data.get("target")
        for number, name in enumerate(_names(value)):
            if isinstance(name, str) and name not in known and self._project is not None:
                path: Path = ("target", number) if isinstance(value, list) else ("target",)
                message = f"The project has no target {name!r}, so this overlay changes nothing."
                declare = f"Declare it below `targets` of the project: `{name}: {{ service: … }}`."
                hint = did_you_mean(name, known) or declare
                self._report(codes.UNKNOWN_TARGET.at(document.span(path), message, hint=hint))

    def _patch(self, spec: RawSpec, pattern: str, values: Mapping[str, Any]) -> _Patch:
        document = spec.document
        path: Path = ("patch", pattern)
        self._report_unmatched(document, path, pattern)
        for key in values:
            if _is_fixed(key):
                span = document.span((*path, key), key=True)
                self._report(fixed_key(span, key, "An overlay cannot change"))
        kept = {key: value for key, value in values.items() if not _is_fixed(key)}
        return _Patch(spec.address, pattern, Layer(Origin(document, path), kept))

    def _report_unmatched(self, document: Document, path: Path, pattern: str) -> None:
        if not self._complete or pattern in self._specs:
            return
        addresses = self._addresses()
        if "*" in pattern and any(fnmatchcase(address, pattern) for address in addresses):
            return
        message = f"No spec has the address {pattern!r}, so this patch changes nothing."
        hint = did_you_mean(pattern, addresses) or "Remove it, or declare the spec."
        self._report(codes.PATCHES_NOTHING.at(document.span(path, key=True), message, hint=hint))

    def _report_disagreeing(self, spec: RawSpec, group: Sequence[_Patch]) -> None:
        for number, patch in enumerate(group):
            for earlier in group[:number]:
                pair = (id(earlier.layer), id(patch.layer))
                if pair in self._reported:
                    continue  # for another spec that both apply to
                self._reported.add(pair)
                for found in patches_disagree(
                    KINDS[spec.kind], earlier.layer.data, patch.layer.data
                ):
                    where = ".".join(name_and_sign(str(step))[0] for step in found.other)
                    message = f"Two overlays change `{where}` of {spec.address} in different ways."
                    related = ((_place(earlier.layer, found.one), "the other"),)
                    hint = "Overlays have no order: keep one of the two."
                    span = _place(patch.layer, found.other)
                    self._report(
                        codes.OVERLAYS_DISAGREE.at(span, message, hint=hint, related=related)
                    )

    # --set

    def _read_setting(self, text: str, number: int) -> None:
        match = _SET.fullmatch(text)
        if match is None:
            message = f"--set {text}: this is not an address, a path and a value."
            self._report(codes.BAD_SET.at(None, message, hint=_EXAMPLE))
            return
        steps = [step.strip() for step in match["path"].split(".")]
        # Where the value stands in the line, so that what is wrong in it can be pointed at.
        prefix = "\n" * number + " " * match.start("value")
        documents, problems = parse(SETTINGS_FILE, prefix + (match["value"] or '""'))
        wrong = None
        if not all(steps):
            wrong = "the path has an empty step"
        elif has_errors(problems) or len(documents) != 1:
            wrong = "the value is not YAML"
        if wrong is not None:
            self._report(codes.BAD_SET.at(None, f"--set {text}: {wrong}.", hint=_EXAMPLE))
        elif self._may_set(text, match["address"], steps[0]):
            value: Any = documents[0].data
            for step in reversed([*steps[:-1], steps[-1] + match["sign"]]):
                value = {step: value}
            layer = Layer(Origin(documents[0], ()), value)
            self._settings.setdefault(match["address"], []).append(layer)

    def _may_set(self, text: str, address: str, key: str) -> bool:
        kind = _KIND_OF.get(address.partition("/")[0])
        if kind is not None and kind not in COMPOSED_KINDS:
            message = f"--set {text}: a {kind} cannot be changed from outside."
            hint = f"It can be done to {one_of(COMPOSED_KINDS, joined='and')}."
            self._report(codes.BAD_SET.at(None, message, hint=hint))
            return False
        if address not in self._specs:
            if self._complete:
                message = f"--set {text}: no spec has the address {address!r}."
                hint = did_you_mean(address, self._addresses()) or _EXAMPLE
                self._report(codes.PATCHES_NOTHING.at(None, message, hint=hint))
            return False
        if key in FIXED_KEYS:
            self._report(fixed_key(None, key, "--set cannot change"))
            return False
        return True


def fixed_key(span: Span | None, key: str, who: str) -> Diagnostic:
    """A key that belongs to the spec itself stands elsewhere.

    Args:
        who: the beginning of the sentence, as "An overlay cannot change".
    """
    hint = "It belongs in the spec itself, because it says which spec that is."
    return codes.FIXED_KEY.at(span, f"{who} {key!r}.", hint=hint)


def _is_fixed(key: str) -> bool:
    return name_and_sign(key)[0] in FIXED_KEYS


def _is_pattern(pattern: str) -> bool:
    match = _PATTERN.fullmatch(pattern)
    return match is not None and _KIND_OF.get(match["kind"]) in COMPOSED_KINDS


def _place(layer: Layer, path: Path) -> Span:
    document, base = layer.origin
    return document.span((*base, *path), key=True)


def _names(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
