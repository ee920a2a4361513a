"""[io] Bring a session to rest: interrupt it until the service says that it does not run."""

from __future__ import annotations

from agentflow.errors import LostAnswer, Unavailable
from agentflow.ports import Clock, Sessions

__all__ = ["stop_session"]

INTERRUPT_AGAIN_S = 3.0
"""A session that still runs for so long after an interrupt gets another."""


async def stop_session(
    sessions: Sessions, session_id: str, clock: Clock, *, wait_s: float, tick_s: float
) -> str | None:
    """Interrupt until the service has said twice that the session does not run.

    A message may still be on its way when everything else was given up, so one look is not enough,
    and an interrupt that failed or came too early is sent again.

    Returns:
        None: it does not run. Else why that is not known, after all the time there is for it.

    Raises:
        ServiceError: the service refuses to say.
    """
    deadline = clock.monotonic() + wait_s
    again_at = clock.monotonic()
    resting = 0
    doubt = "it was interrupted and did not stop."
    while clock.monotonic() < deadline:
        try:
            if clock.monotonic() >= again_at:
                await sessions.send(session_id, [{"type": "user.interrupt"}])
                again_at = clock.monotonic() + INTERRUPT_AGAIN_S
            info = await sessions.retrieve(session_id)
        except (Unavailable, LostAnswer) as error:
            resting = 0
            doubt = f"it could not be interrupted ({error.message})"
        else:
            resting = resting + 1 if info.status in ("idle", "terminated") else 0
            if resting == 2:
                return None
        await clock.sleep(tick_s)
    return doubt
