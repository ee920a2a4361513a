"""A set that only grows and never changes in place: the event ids a session has shown so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["GrowingSet"]

_SMALL = 32
"""Strings in a block that is copied whole."""


class GrowingSet:
    """An immutable set of strings that shares structure with the sets it was grown from.

    It keeps blocks of sizes that fall by at least half, newest last, and merges them like the
    digits of a binary counter: adding costs O(log n) on average and membership O(log n), where a
    frozenset would be copied whole for every event. The newest is copied until it is worth merging.
    """

    __slots__ = ("_blocks",)

    def __init__(self, blocks: tuple[frozenset[str], ...] = ()) -> None:
        self._blocks = blocks

    @classmethod
    def of(cls, items: Iterable[str]) -> GrowingSet:
        block = frozenset(items)
        return cls((block,) if block else ())

    def add(self, item: str) -> GrowingSet:
        if item in self:
            return self
        blocks = self._blocks
        if blocks and len(blocks[-1]) < _SMALL:
            return GrowingSet((*blocks[:-1], blocks[-1] | {item}))
        merged = [*blocks]
        while len(merged) > 1 and len(merged[-2]) <= len(merged[-1]):
            last = merged.pop()
            merged[-1] = merged[-1] | last
        return GrowingSet((*merged, frozenset((item,))))

    def __contains__(self, item: object) -> bool:
        for block in self._blocks:  # noqa: SIM110 - `any` would make a generator for each look
            if item in block:
                return True
        return False

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks:
            yield from block

    def __len__(self) -> int:
        return sum(len(block) for block in self._blocks)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GrowingSet):
            return NotImplemented
        return frozenset(self) == frozenset(other)

    def __hash__(self) -> int:
        return hash(frozenset(self))
