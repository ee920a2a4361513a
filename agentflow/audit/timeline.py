"""A session as rows in the order of time: what a terminal or a page draws of it."""

from __future__ import annotations

from dataclasses import dataclass

from agentflow.audit.story import Story

__all__ = ["Row", "timeline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    kind: str
    """`turn`, `tool`, `wait`, `message`, `error` or `end`."""
    id: str
    """Of the event that began it."""
    began_s: float
    """Since the first event."""
    seconds: float | None
    """None: it has no end, or takes no time."""
    label: str
    detail: str
    is_error: bool
    turn: int


def timeline(story: Story) -> tuple[Row, ...]:
    """Turns, calls, waits, messages, errors and ends, by when they began."""
    rows = [
        *_turns(story),
        *_calls(story),
        *_rest(story),
    ]
    order = {id: place for place, id in enumerate(_places(story))}
    return tuple(sorted(rows, key=lambda row: (row.began_s, order.get(row.id, len(order)))))


def _places(story: Story) -> list[str]:
    placed = [(call.seq, call.id) for call in story.calls]
    placed += [(message.seq, message.id) for message in story.messages]
    placed += [(stop.seq, stop.id) for stop in story.stops]
    return [turn.start_id for turn in story.turns] + [id for _, id in sorted(placed)]


def _turns(story: Story) -> list[Row]:
    return [
        Row(
            kind="turn",
            id=turn.start_id,
            began_s=turn.began_s,
            seconds=None if turn.ended_s is None else turn.ended_s - turn.began_s,
            label=f"turn {turn.number}",
            detail=f"{turn.prompt_tokens:,} in, {turn.tokens.output:,} out",
            is_error=turn.is_error,
            turn=turn.number,
        )
        for turn in story.turns
    ]


def _calls(story: Story) -> list[Row]:
    return [
        Row(
            kind="tool",
            id=call.id,
            began_s=call.at_s,
            seconds=call.seconds,
            label=call.name,
            detail=", ".join(f"{key}={_flat(value)}" for key, value in call.input.items()),
            is_error=call.is_error,
            turn=call.turn,
        )
        for call in story.calls
    ]


def _rest(story: Story) -> list[Row]:
    def row(
        kind: str,
        id: str,
        at_s: float,
        label: str,
        detail: str,
        turn: int,
        *,
        seconds: float | None = None,
        is_error: bool = False,
    ) -> Row:
        return Row(
            kind=kind, id=id, began_s=at_s, seconds=seconds, label=label, detail=detail,
            is_error=is_error, turn=turn,
        )  # fmt: skip

    rows = [
        row("message", one.id, one.at_s, one.who, _flat(one.text), one.turn)
        for one in story.messages
    ]
    for wait in story.waits:
        names = [call.name for call in story.calls if call.id in wait.event_ids]
        lasted = None if wait.ended_s is None else wait.ended_s - wait.began_s
        rows.append(
            row("wait", wait.id, wait.began_s, "waits", ", ".join(names), 0, seconds=lasted)
        )
    rows += [
        row("error", one.id, one.at_s, one.type, _flat(one.message), one.turn, is_error=True)
        for one in story.faults
    ]
    rows += [
        row("end", one.id, one.at_s, one.reason, "", one.turn, is_error=one.reason != "end_turn")
        for one in story.stops
    ]
    return rows


def _flat(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 160 else text[:159] + "…"
