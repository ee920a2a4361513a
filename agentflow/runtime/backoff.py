"""How long to wait before trying again."""

from __future__ import annotations

__all__ = ["BASE_S", "CAP_S", "delay_s"]

BASE_S = 0.5
CAP_S = 10.0


def delay_s(attempt: int, draw: float, *, base_s: float = BASE_S, cap_s: float = CAP_S) -> float:
    """Seconds to wait before try number `attempt`.

    Exponential with full jitter: uniform from 0 to `min(cap_s, base_s * 2**attempt)`.

    Args:
        attempt: 0 for the first repetition.
        draw: a number in [0, 1). The caller draws it, so that this function stays pure.

    Raises:
        ValueError: `attempt` is negative.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    if attempt < 0:
        raise ValueError(f"attempt {attempt} is negative")
    # 2**60 seconds is beyond every cap, and a larger power would only overflow a float.
    return draw * min(cap_s, base_s * 2.0 ** min(attempt, 60))
