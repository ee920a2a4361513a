"""Which run of the ledger is meant by what somebody typed, and what earlier ones used."""

from __future__ import annotations

import json
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from agentflow.errors import UsageError
from agentflow.runtime.forecast import MOST, Past
from agentflow.runtime.ledger import Ledger, RunEntry
from agentflow.runtime.run import Verdict

__all__ = ["find_run", "look_up", "past_runs"]


def look_up(ledger: Ledger, given: str) -> RunEntry | None:
    """A run by its id, by the end of it if that says which, or by its session. None: unknown here.

    Raises:
        UsageError: several runs end like this.
    """
    runs = ledger.runs()
    if given == "last" and runs:
        return runs[0]
    for run in runs:
        if given in (run.id, run.session_id):
            return run
    matches = [run for run in runs if len(given) >= 4 and run.id.endswith(given)]
    if len(matches) > 1:
        names = ", ".join(run.id for run in matches)
        raise UsageError(f"Several runs end with {given!r}: {names}.", hint="Say more of it.")
    return matches[0] if matches else None


def find_run(ledger: Ledger, given: str) -> RunEntry:
    """The same, where it has to be known.

    Raises:
        UsageError: it is not, or several are.
    """
    found = look_up(ledger, given)
    if found is not None:
        return found
    known = [run.id for run in ledger.runs()]
    near = get_close_matches(given, known, n=1)
    hint = "agentflow sessions list shows the runs of this project."
    if near:
        hint = f"Did you mean {near[0]!r}?"
    elif not known:
        hint = "No run of this project was recorded on this machine."
    raise UsageError(f"There is no run {given!r} in the ledger of this project.", hint=hint)


_AT_WORK = (Verdict.COMPLETED, Verdict.INCOMPLETE, Verdict.BUDGET)
"""How runs end that show what the work takes; others were cut short by something else."""


def past_runs(ledger: Ledger, agent: str, target: str) -> list[Past]:
    """What runs of an agent on a target used, the newest first."""
    rows = ledger.rows(
        "SELECT usage, wall_s FROM runs WHERE agent=? AND usage IS NOT NULL "
        f"AND verdict IN ({','.join('?' * len(_AT_WORK))}) "
        "AND json_extract(record, '$.origin.target.name')=? ORDER BY started_at DESC, id DESC LIMIT ?",
        agent,
        *_AT_WORK,
        target,
        MOST,
    )
    return [_past(json.loads(usage), wall_s) for usage, wall_s in rows]


def _past(usage: dict[str, Any], wall_s: float) -> Past:
    cost = usage.get("cost_usd")
    return Past(
        cost_usd=None if cost in (None, "None") else Decimal(cost),  # as older versions wrote it
        tokens=usage.get("tokens"),
        turns=usage.get("turns"),
        tool_calls=usage.get("tool_calls"),
        active_s=usage.get("active_s"),
        wall_s=wall_s or None,
    )
