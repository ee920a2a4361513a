"""What the SDK and its HTTP library raise, as our exceptions: one table.

The distinction that matters to callers is whether a request may have taken place. `Rejected`,
`NotFound` and `Conflict` say that it did not; `LostAnswer`, and `Unavailable` with a status of 500
or above, leave it open; other kinds of `Unavailable` (no connection, 408, 429) say that it did not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agentflow.errors import (
    AgentflowError,
    Conflict,
    LostAnswer,
    NotFound,
    Rejected,
    ServiceError,
    Unavailable,
    UsageError,
)

if TYPE_CHECKING:
    from anthropic import APIStatusError

__all__ = ["cleaned", "translate"]

_BY_STATUS: dict[int, type[ServiceError]] = {
    404: NotFound,
    409: Conflict,
    408: Unavailable,
    429: Unavailable,
}

_HINTS = {
    401: "Check the API key, and that it belongs to this service.",
    402: "Check the organisation's billing.",
    403: "Check what the key, and its workspace, may do.",
    404: "Check the workspace of the key: an object of another workspace looks as if it were not there.",
    409: "Somebody else changed it in between: run `agentflow plan` to see the difference.",
    413: "The request is larger than the service takes.",
    429: "The service limits the rate of requests: wait a minute, then run it again.",
}

# Keys as the service mints them, and any bearer token an intermediary may echo.
_SECRET = re.compile(r"\bsk-ant-[\w-]+|(?i:\bbearer )\S+")


def translate(error: Exception) -> AgentflowError:
    """Our exception for one of the SDK's. One of our own is returned as it is.

    Anything unknown is a bug in agentflow, and raised again as it stands.
    """
    import anthropic
    import httpx2

    if isinstance(error, AgentflowError):
        return error
    if isinstance(error, anthropic.APIStatusError):
        return _from_status(error)
    if isinstance(error, anthropic.APIResponseValidationError):
        return ServiceError(
            "The service sent an answer that is not JSON of the expected shape.",
            status=error.status_code,
            hint="Check that the base URL is that of a Managed Agents service.",
        )
    if isinstance(error, anthropic.APIConnectionError):
        return _from_transport(error.__cause__ or error, _host_of(error))
    if isinstance(error, httpx2.HTTPError):
        return _from_transport(error, _host_of(error))
    if isinstance(error, anthropic.CredentialsError):
        return UsageError(cleaned(str(error)), hint="Sign in again, or set ANTHROPIC_API_KEY.")
    if isinstance(error, anthropic.AnthropicError):
        return ServiceError(cleaned(str(error)) or "The service's client failed.")
    raise error


def _from_status(error: APIStatusError) -> ServiceError:
    status = error.status_code
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else Rejected)
    message = cleaned(error.api_message or "") or f"The service answered with status {status}."
    hint = _HINTS.get(status)
    if status >= 500:
        hint = "The service has a problem of its own: run it again later."
    if kind is Unavailable:
        return Unavailable(
            message,
            hint=hint,
            status=status,
            type=error.type,
            request_id=error.request_id,
            retry_after_s=_retry_after_s(error),
        )
    return kind(message, hint=hint, status=status, type=error.type, request_id=error.request_id)


def _retry_after_s(error: APIStatusError) -> float | None:
    """Seconds, from `retry-after-ms` or `retry-after`. None: the service does not say, or as a date."""
    for header, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = error.response.headers.get(header, "")
        if re.fullmatch(r"\d+(\.\d+)?", value):
            return float(value) / unit
    return None


def _from_transport(error: BaseException, host: str) -> ServiceError:
    import httpx2

    # These happen before a byte of the request is sent.
    if isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)):
        return Unavailable(
            f"There is no connection to {host}.",
            hint="Check the network, the base URL, and that the service runs.",
        )
    if isinstance(error, (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)):
        return Rejected(
            cleaned(str(error)), hint="Check the base URL and the key for odd characters."
        )
    return LostAnswer(
        f"The connection to {host} broke before the answer: {cleaned(str(error)) or type(error).__name__}.",
        hint="Run it again: what took place is looked up first.",
    )


def _host_of(error: Exception) -> str:
    """With its port, where the base URL has one."""
    try:
        return error.request.url.netloc.decode()  # type: ignore[attr-defined, no-any-return]
    except (AttributeError, RuntimeError):  # httpx2 raises RuntimeError where no request was set
        return "the service"


def cleaned(text: str) -> str:
    """Without credentials, and without a final full stop doubled by ours."""
    return _SECRET.sub("[hidden]", text).strip()
