"""The starlette application: who may call, what every answer carries, and errors as envelopes."""

from __future__ import annotations

import hmac
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as HttpRoute

from agentflow.local.betas import check_betas
from agentflow.local.call import Call, Service
from agentflow.local.errors import (
    ApiError,
    forbidden,
    invalid,
    not_emulated,
    not_found,
    unauthorized,
)
from agentflow.local.fault_plan import HEADER, AnswerFault, plan_from_header
from agentflow.local.faults import Faults
from agentflow.local.routes import ROUTES, Route, left_out
from agentflow.local.sse import Broken, ConnectionCut

__all__ = ["Access", "make_app"]

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_ERROR_TYPES = {
    **dict.fromkeys(range(400, 500), "invalid_request_error"),
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
"""By status; all others are `api_error`."""
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class Access:
    """Who may call: holders of the token, by a name of this machine."""

    def __init__(self, token: str, headers: Mapping[str, str]) -> None:
        self._token = token.encode()
        self.headers = dict(headers)
        """On every answer: organisation and workspace."""

    def check(self, request: Request) -> None:
        """Refuse strangers.

        Raises:
            ApiError: 403 for another host name, 401 for no token or another one.
        """
        # A page on the web can make its own name point to this machine; its requests carry that
        # name. https://en.wikipedia.org/wiki/DNS_rebinding
        host = request.headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name.lower() not in _LOOPBACK:
            raise forbidden(f"This service answers on this machine only, not as {host!r}.")
        given = request.headers.get("x-api-key")
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and bearer:
            given = bearer.strip()
        if given is None:
            raise unauthorized("x-api-key header is required.")
        if not hmac.compare_digest(given.encode(), self._token):
            raise unauthorized("The token is not that of this service.")


def make_app(service: Service, access: Access) -> Starlette:
    """The application. Endpoints come from `ROUTES`; all else is 404 or named as left out."""
    routes = [
        HttpRoute(route.path, _endpoint(service, access, route), methods=[route.method])
        for route in ROUTES
    ]
    rest = _endpoint(service, access, None)
    return Starlette(routes=[*routes, HttpRoute("/{rest:path}", rest, methods=_METHODS)])


def _endpoint(
    service: Service, access: Access, route: Route | None
) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        request_id = service.parts.ids.new("req")
        try:
            access.check(request)
            answer = await _answer(service, request, route)
        except ApiError as error:
            answer = JSONResponse(
                error.envelope(request_id), status_code=error.status, headers=error.headers
            )
        except ConnectionCut:
            raise
        except Exception as error:
            answer = _bug(error, request_id)
        for name, value in access.headers.items():
            answer.headers[name] = value
        answer.headers["request-id"] = request_id
        answer.headers.setdefault("cache-control", "no-store")
        return answer

    return serve


async def _answer(service: Service, request: Request, route: Route | None) -> Response:
    if route is None:
        what = left_out(request.method, request.url.path)
        if what is not None:
            raise not_emulated(f"{request.method} {request.url.path}: {what}")
        raise not_found(f"{request.method} {request.url.path}: not found.")
    check_betas(request.headers, needed=route.beta, path=request.url.path)
    call = _call(service, request)
    fault = call.faults.answer(route.operation)
    if fault is not None and not fault.after_effect and fault.slow_s is None:
        return _failed(fault)
    body: Any = await route.handler(service, call)
    if fault is not None:
        if fault.slow_s is None:
            return _failed(fault)
        await service.parts.clock.sleep(fault.slow_s)
    if isinstance(body, Response):
        return body
    return JSONResponse({k: v for k, v in body.items() if not k.startswith("_")})


def _call(service: Service, request: Request) -> Call:
    """The request with its faults: its own, else those of the session that it is about."""
    header = request.headers.get(HEADER)
    if header is not None:
        try:
            return Call(request, Faults(plan_from_header(header)), has_own_faults=True)
        except ValueError as error:
            raise invalid(str(error)) from None
    session_id = request.path_params.get("session_id") or request.query_params.get("scope_id")
    if session_id is None and "file_id" in request.path_params:
        file = service.parts.store.get("file", request.path_params["file_id"]) or {}
        session_id = (file.get("scope") or {}).get("id")
    return Call(request, service.parts.faults.of(session_id))


def _failed(fault: AnswerFault) -> Response:
    """The answer that was asked for instead of the right one.

    Raises:
        ApiError: it has a status.
    """
    if fault.status is None:
        return Broken()
    headers = {}
    if fault.retry_after_s is not None:
        headers["retry-after"] = f"{fault.retry_after_s:g}"
    type_ = _ERROR_TYPES.get(fault.status, "api_error")
    raise ApiError(fault.status, type_, "A fault that was asked for.", headers=headers)


def _bug(error: Exception, request_id: str) -> Response:
    """500 with where it happened: whoever reads it is on this machine and holds the token."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    message = (
        f"This is a bug in agentflow's local service: {type(error).__name__}: {error} "
        f"({place.name}, line {place.lineno})"
    )
    envelope = ApiError(500, "api_error", message).envelope(request_id)
    return JSONResponse(envelope, status_code=500, headers={"x-should-retry": "false"})
