"""Where two layers that have no order say different things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentflow.compiler.compose import name_and_sign
from agentflow.compiler.forms import Form, form_of
from agentflow.records import NamedTuple
from agentflow.source.tree import Path
from agentflow.spec.base import SpecModel

__all__ = ["Difference", "patches_disagree", "toolsets_disagree"]


class Difference(NamedTuple):
    """The same place, as each of the two writes it: `done` and `done+` are one place."""

    one: Path
    other: Path


def patches_disagree(
    model: type[SpecModel], one: Mapping[str, Any], other: Mapping[str, Any]
) -> Iterator[Difference]:
    """Where the order of two patches would matter.

    Both may append to a list; a list that one replaces and the other changes is a disagreement.
    """
    return _patches(form_of(model), one, other, Difference((), ()))


def _patches(form: Form, one: Any, other: Any, at: Difference) -> Iterator[Difference]:
    if not (isinstance(one, dict) and isinstance(other, dict)) or form.is_whole:
        one, other = _expanded(form, one, other), _expanded(form, other, one)
    if not (isinstance(one, dict) and isinstance(other, dict)) or form.is_whole:
        if one != other:
            yield at
        return
    signed: dict[str, list[str]] = {}
    for key in other:
        signed.setdefault(name_and_sign(key)[0], []).append(key)
    for key, value in one.items():
        name, sign = name_and_sign(key)
        for rival in signed.get(name, ()):
            here = Difference((*at.one, key), (*at.other, rival))
            theirs = name_and_sign(rival)[1]
            if not sign and not theirs:
                yield from _patches(form.at(name), value, other[rival], here)
            elif not sign or not theirs or (sign != theirs and _share(value, other[rival])):
                yield here


def _share(one: Any, other: Any) -> bool:
    """Whether one takes out what the other puts in."""
    items, others = (value if isinstance(value, list) else [value] for value in (one, other))
    return any(item in others for item in items)


def toolsets_disagree(
    model: type[SpecModel], one: Mapping[str, Any], other: Mapping[str, Any]
) -> Iterator[Path]:
    """Where two toolsets of one agent differ.

    Their lists are joined, so these do not; but two approvals for the same calls with different
    answers do, because only the first of them would ever be asked.
    """
    form = form_of(model)
    for key in one:
        if key not in other:
            continue
        mine, theirs = one[key], other[key]
        if not (isinstance(mine, list) and isinstance(theirs, list)):
            yield from (found.one for found in _patches(form.at(key), mine, theirs, _at(key)))
        elif key == "approvals" and any(_contradict(a, b) for a in mine for b in theirs):
            yield (key,)


def _at(key: str) -> Difference:
    return Difference((key,), (key,))


def _contradict(one: Any, other: Any) -> bool:
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return False
    same = all(one.get(key) == other.get(key) for key in ("tool", "match"))
    return same and one != other


def _expanded(form: Form, value: Any, like: Any) -> Any:
    """A short form as a mapping, if it is compared with one."""
    if not isinstance(like, dict):
        return value
    if isinstance(value, list) and form.items:
        return {form.items: value}
    return {form.word: value} if isinstance(value, str) and form.word else value
