"""[io] Raise the limits of a run that one of them stopped, so that its session goes on.

The limits of a run are in its record in the ledger. The service has one of them, in dollars; it is told
when somebody follows the session again, because a session that gets more goes on at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

from agentflow.compiler.manifest import SAME_ERROR, BudgetPolicy
from agentflow.errors import Blocked, BudgetReached, NotFound, StateError, UsageError
from agentflow.operations.remembered import find_run
from agentflow.operations.workspace import ledger_path, run_dir
from agentflow.ports import Sessions
from agentflow.runtime.budget import amount_text
from agentflow.runtime.ledger import Ledger, RunEntry
from agentflow.runtime.record import read_policy
from agentflow.runtime.run import Verdict
from agentflow.runtime.watching import is_watched
from agentflow.spec.base import parse_count, parse_duration, parse_money

__all__ = ["LIMITS", "Raised", "at_limit", "raise_limits"]


def _money(text: str) -> str:
    try:
        return f"{parse_money(Decimal(text)):.2f}"
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount in dollars such as 2.50.") from None


def _count(text: str) -> int:
    return parse_count(int(text) if text.isascii() and text.isdigit() else text)


class _Limit(NamedTuple):
    field: str
    """Of a `BudgetPolicy`."""
    parse: Callable[[str], Any]
    used: str
    """In the usage that the ledger keeps."""


LIMITS: Mapping[str, _Limit] = {
    "usd": _Limit("usd", _money, "cost_usd"),
    "tokens": _Limit("tokens", _count, "tokens"),
    "turns": _Limit("turns", _count, "turns"),
    "tool_calls": _Limit("tool_calls", _count, "tool_calls"),
    "active": _Limit("active_s", parse_duration, "active_s"),
    "wall": _Limit("wall_s", parse_duration, "wall_s"),
}
"""By the key of the budget, which is the name of the option too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """A limit of a run, as it is now."""

    run_id: str
    name: str
    was: str
    """`none`: it had no such limit."""
    now: str
    used: str
    """`unknown`: the run never came to tell."""


def raise_limits(root: Path, given: str, wanted: Mapping[str, str]) -> tuple[Raised, ...]:
    """Give a run other limits; it goes on with `agentflow run --resume`.

    Args:
        root: of the project.
        given: the run, as `find_run` takes it.
        wanted: by key of the budget, as it is written in YAML.

    Raises:
        UsageError: there is no such run, it needs no limit any more, or a limit is not above what
            was used.
        Blocked: a process follows the run.
        StateError: what was kept of it is damaged.
    """
    with Ledger.open(ledger_path(root)) as ledger:
        entry = find_run(ledger, given)
        record = _record(ledger, entry, root)
        raised = []
        budget = record["policy"]["budget"]
        if budget is None:
            budget = {**dict.fromkeys(one.field for one in LIMITS.values()), **_USUAL}
        for name, text in wanted.items():
            raised.append(_raise(entry, budget, name, text))
        record["policy"]["budget"] = budget
        ledger.set_record(entry.id, record)
        return tuple(raised)


_USUAL = {"warn_at": "0.8", "pools": [], "same_error": SAME_ERROR}


def _record(ledger: Ledger, entry: RunEntry, root: Path) -> dict[str, Any]:
    """What can be changed of a run. Raises as `raise_limits`."""
    if is_watched(run_dir(root, entry.id)):
        raise Blocked(
            f"Run {entry.id} is being followed, with the limits that it was started with.",
            hint=f"Wait for its end, or end it: agentflow sessions interrupt {entry.id}",
        )
    if entry.verdict not in _CAN_GO_ON:
        raise UsageError(
            f"Run {entry.id} has finished: {entry.verdict}. Nothing is left to do with more.",
            hint=f"A new run: agentflow run {entry.agent.partition('/')[2]}",
        )
    record = ledger.record(entry.id)
    if record is None:
        raise UsageError(f"Run {entry.id} was begun by a version that kept too little of it.")
    try:
        read_policy(record)
    except (KeyError, ValueError) as error:
        raise StateError(f"The record of run {entry.id} is damaged: {error!r}") from error
    changed: dict[str, Any] = json.loads(json.dumps(record))
    return changed


_CAN_GO_ON = (
    None,
    Verdict.BUDGET,
    Verdict.NEEDS_PERSON,
    Verdict.UNKNOWN,
    Verdict.DETACHED,
)


def _raise(entry: RunEntry, budget: dict[str, Any], name: str, text: str) -> Raised:
    limit = LIMITS[name]
    option = f"--{name.replace('_', '-')}"
    try:
        value = limit.parse(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
    used = _used(entry).get(name)
    if used is not None and Decimal(str(value)) <= used:
        raise UsageError(
            f"{option} {text} is not above what run {entry.id} has used: {amount_text(name, used)}.",
            hint="Name more than that.",
        )
    was = budget[limit.field]
    budget[limit.field] = value
    return Raised(
        run_id=entry.id,
        name=name,
        was="none" if was is None else amount_text(name, Decimal(str(was))),
        now=amount_text(name, Decimal(str(value))),
        used="unknown" if used is None else amount_text(name, used),
    )


def _used(entry: RunEntry) -> dict[str, Decimal]:
    """By key of the budget; what is not known is not in it."""
    usage = {**(entry.usage or {}), "wall_s": entry.wall_s}
    found = {}
    for name, limit in LIMITS.items():
        value = usage.get(limit.used)
        if value is not None and value != "None":  # as older versions wrote it
            found[name] = Decimal(str(value))
    return found


async def at_limit(entry: RunEntry, budget: BudgetPolicy | None, sessions: Sessions) -> None:
    """Refuse to go on with a run that would be stopped at once.

    Raises:
        BudgetReached: a limit of it is used up.
        ServiceError: its session cannot be read.
    """
    if entry.verdict != Verdict.BUDGET or budget is None:
        return
    used = _used(entry)
    told = await _list_cost(entry, sessions)
    if told is not None:
        used["usd"] = max(told, used.get("usd", told))
    for name, limit in LIMITS.items():
        value = getattr(budget, limit.field)
        if value is None or name not in used or used[name] < Decimal(str(value)):
            continue
        option = f"--{name.replace('_', '-')} MORE"
        raise BudgetReached(
            f"Run {entry.id} has used up budget.{name}: {amount_text(name, used[name])} of "
            f"{amount_text(name, Decimal(str(value)))}.",
            hint=f"Raise it first: agentflow sessions budget {entry.id} {option}",
        )


async def _list_cost(entry: RunEntry, sessions: Sessions) -> Decimal | None:
    """What the service says that the session cost, if it was made for this run alone."""
    if entry.session_id is None:
        return None
    try:
        info = await sessions.retrieve(entry.session_id)
    except NotFound:
        return None  # the driver says it better
    cents = (info.usage.get("list_cost") or {}).get("amount")
    own = info.metadata.get("agentflow.run") == entry.id
    return Decimal(str(cents)) / 100 if cents is not None and own else None
