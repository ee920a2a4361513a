"""Small pieces of text that several views need."""

from __future__ import annotations

import re
from decimal import Decimal

__all__ = ["clean", "count", "dollars", "one_line", "seconds"]

_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def clean(text: str) -> str:
    """Text of an agent or a tool, made harmless for a terminal: no escapes, no hidden direction."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def one_line(text: str, width: int) -> str:
    """The text on one line of at most `width` characters, cut with an ellipsis."""
    flat = " ".join(clean(text).split())
    return flat if len(flat) <= width else flat[: max(0, width - 1)] + "…"


def count(number: int, noun: str) -> str:
    """`1 turn`, `1,200 turns`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def dollars(amount: Decimal | None) -> str:
    """Cents, or four digits below a dollar, where a cent hides too much."""
    if amount is None:
        return "unpriced"
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.4f}"


def seconds(value: float) -> str:
    """`0.42 s`, `12 s`, `3 m 05 s`, `1 h 02 m`."""
    if value < 10:
        return f"{value:.2f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} m"
