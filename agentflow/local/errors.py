"""The service's error answers: status, envelope and the headers that go with them.

Envelope and types: https://platform.claude.com/docs/en/api/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "ApiError",
    "conflict",
    "forbidden",
    "invalid",
    "not_emulated",
    "not_found",
    "too_large",
    "unauthorized",
]


class ApiError(Exception):
    """An answer other than 2xx. Handlers raise it; the application turns it into the envelope."""

    def __init__(
        self,
        status: int,
        type: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.type = type
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def envelope(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.details is not None:
            error["details"] = dict(self.details)
        return {"type": "error", "error": error, "request_id": request_id}


def invalid(message: str, *, code: str | None = None) -> ApiError:
    """400. `code` becomes `details.error_code`, by which the SDK picks a subclass."""
    details = {"error_code": code} if code else None
    return ApiError(400, "invalid_request_error", message, details=details)


def unauthorized(message: str) -> ApiError:
    return ApiError(401, "authentication_error", message)


def forbidden(message: str) -> ApiError:
    return ApiError(403, "permission_error", message)


def not_found(message: str) -> ApiError:
    return ApiError(404, "not_found_error", message)


def conflict(message: str) -> ApiError:
    """409. Without the header the SDK would send the same write three times."""
    return ApiError(409, "conflict_error", message, headers={"x-should-retry": "false"})


def too_large(message: str) -> ApiError:
    return ApiError(413, "request_too_large", message)


def not_emulated(what: str) -> ApiError:
    """400 rather than 501, which the SDK would retry and clients take for a passing fault."""
    return invalid(
        f"{what}: not available in the local service. Apply to a target on the hosted service "
        "to use it; `agentflow doctor` lists what the local service leaves out.",
        code="not_emulated_locally",
    )
