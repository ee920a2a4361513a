"""Globs as `fnmatch` has them, compared with each other: can one text match both?"""

from __future__ import annotations

from fnmatch import fnmatchcase

__all__ = ["globs_meet"]

_SPECIAL = frozenset("*?[")


def globs_meet(one: str, other: str) -> bool:
    """Whether some text matches both globs. A set such as `[ab]` counts as any one character."""
    if not _SPECIAL & set(one):
        return fnmatchcase(one, other)
    if not _SPECIAL & set(other):
        return fnmatchcase(other, one)
    left, right = _items(one), _items(other)
    # row[j]: whether the first i items of one and the first j items of the other can meet.
    row = [all(item == "*" for item in right[:j]) for j in range(len(right) + 1)]
    for item in left:
        above, row = row, [row[0] and item == "*"]
        for j, other_item in enumerate(right):
            if "*" in (item, other_item):
                row.append(above[j + 1] or row[j])
            else:
                same = item == other_item or "?" in (item, other_item)
                row.append(above[j] and same)
    return row[-1]


def _items(glob: str) -> list[str]:
    """Characters, `?` for any one, and `*`."""
    items: list[str] = []
    position = 0
    while position < len(glob):
        closing = glob.find("]", position + 2) if glob[position] == "[" else -1
        items.append("?" if closing > 0 else glob[position])
        position = closing + 1 if closing > 0 else position + 1
    return items
