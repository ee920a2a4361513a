"""Words for lists of names, and the name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Meant", "did_you_mean", "nearest", "one_of"]


class Meant(str):
    """A hint that names what was probably meant, so that a fix can write it."""

    __slots__ = ("near", "safe", "word")

    word: str
    """What was written."""
    near: str
    """What was probably meant."""
    safe: bool
    """There is no doubt that it was, and nothing else changes."""

    def __new__(cls, text: str, *, word: str, near: str, safe: bool = False) -> Meant:
        hint = super().__new__(cls, text)
        hint.safe = safe
        hint.word = word
        hint.near = near
        return hint

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, str | bool]]:
        return (str(self),), {"word": self.word, "near": self.near, "safe": self.safe}


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name most like `word`; None if none is close."""
    from difflib import get_close_matches

    by_fold: dict[str, str] = {}
    for name in sorted(names):
        by_fold.setdefault(_fold(name), name)
    close = get_close_matches(_fold(word), by_fold, n=1, cutoff=0.65)
    return by_fold[close[0]] if close else None


def did_you_mean(word: str, names: Iterable[str]) -> str | None:
    """A hint, which is a `Meant`, or None if no name is close."""
    near = nearest(word, names)
    return None if near is None else Meant(f"Did you mean {near!r}?", word=word, near=near)


def one_of(names: Iterable[str], *, joined: str = "or", limit: int = 12) -> str:
    """`a`, `b` or `c`, in the order given; long lists are cut."""
    shown = list(names)
    if len(shown) > limit:
        return ", ".join(shown[:limit]) + ", …"
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {joined} {shown[-1]}"


def _fold(name: str) -> str:
    """Case, `-` for `_` and the letter O for a zero are no difference."""
    return name.lower().replace("_", "-").replace("o", "0")
