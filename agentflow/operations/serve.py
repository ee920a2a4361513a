"""[io] `agentflow serve`: the embedded service in the foreground, for other commands and clients."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from agentflow.operations.embedded import Embedded, Endpoint, embedded_service

__all__ = ["TOKEN_VARIABLE", "serve"]

TOKEN_VARIABLE = "AGENTFLOW_TOKEN"
"""Environment variable with the token clients must send. Unset: a new one each time."""


def serve(how: Embedded, ready: Callable[[Endpoint], None]) -> None:
    """Serve until interrupted (`KeyboardInterrupt` passes through after the service has stopped).

    Raises:
        Blocked: a service of this project runs already.
    """
    with embedded_service(how) as endpoint:
        ready(endpoint)
        threading.Event().wait()


def token_from_environment() -> str | None:
    return os.environ.get(TOKEN_VARIABLE) or None
