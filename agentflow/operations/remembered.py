"""Which run of the ledger is meant by what somebody typed."""

from __future__ import annotations

from difflib import get_close_matches

from agentflow.errors import UsageError
from agentflow.runtime.ledger import Ledger, RunEntry

__all__ = ["find_run", "look_up"]


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
