"""What a person can do after a run that did not end well, in one sentence or two."""

from __future__ import annotations

from agentflow.runtime.run import Verdict

__all__ = ["way_on"]

_LATER = "The service had no room. Give the task again later: agentflow run"
_AFTER_ERROR = {
    "billing_error": "Look at the credit and the spend limits of the workspace.",
    "model_overloaded_error": _LATER,
    "model_rate_limited_error": _LATER,
    "compaction_limit_reached_error": "The task is too long for one session: give the agent less at once.",
    "tool_use_limit_reached_error": "The turn had too many tool calls: give the agent less at once.",
}
_AFTER = {
    Verdict.INCOMPLETE: "Say in the task what was missing, let the agent try again with `repair: 2`, or give "
    "the same session another task: agentflow run --continue",
    Verdict.REFUSED: "Say in the task or the prompt what the work is for, or choose another model.",
    Verdict.INTERRUPTED: "What was delivered until then is kept. Give the task to a new session: agentflow run",
    Verdict.FAILED: "See what took place: agentflow sessions show {run}",
    Verdict.UNKNOWN: "The session may still work, and nothing that it does is lost. Go on with it when the "
    "service can be reached: agentflow run --resume {run}",
}


def way_on(verdict: Verdict, run_id: str, error_type: str | None = None) -> str | None:
    """What to do next. None: nothing has to be done.

    `error_type`: of the last error that the service did not recover from.
    """
    if verdict is Verdict.FAILED and error_type in _AFTER_ERROR:
        return _AFTER_ERROR[error_type]
    text = _AFTER.get(verdict)
    return None if text is None else text.format(run=run_id)
