"""[io] Agents and environments of a service, over the SDK.

Answers are kept as the JSON that came, so that fields this version does not know survive, and null
is told apart from absent. Reads are repeated by the SDK; requests with effects never are: the caller
looks what took place first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from agentflow.errors import ServiceError
from agentflow.ports import Record, WorkQueue, Workspace
from agentflow.remote.errors import translate

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

__all__ = ["RemoteResources"]

_PAGE = 100
"""The largest page that agents allow."""

_TIMEOUT_S = 60.0
"""The SDK waits ten minutes, which suits model requests; these touch one record."""


class RemoteResources:
    """`ports.Resources` of one service. The client stays the caller's, who closes it."""

    def __init__(self, client: AsyncAnthropic) -> None:
        self._reads = client.with_options(timeout=_TIMEOUT_S)
        self._writes = client.with_options(timeout=_TIMEOUT_S, max_retries=0)
        self._base_url = str(client.base_url).rstrip("/")
        self._workspace: Workspace | None = None

    async def workspace(self) -> Workspace:
        """Who answers, by the headers of the first answer; asks for one if there was none."""
        if self._workspace is None:
            raw = self._api("environment").with_raw_response
            await self._answer(partial(raw.list, limit=1))
        assert self._workspace is not None
        return self._workspace

    async def list(self, kind: str) -> Sequence[Record]:
        raw = self._api(kind).with_raw_response
        records: list[Record] = []
        cursor: dict[str, str] = {}
        seen: set[str] = set()
        while True:
            page = await self._answer(partial(raw.list, limit=_PAGE, **cursor))
            records += [_record(kind, item) for item in page.get("data") or []]
            following = page.get("next_page")
            if not following:
                return records
            if following in seen:
                raise ServiceError(f"The service's list of {kind}s does not end.")
            seen.add(following)
            cursor = {"page": following}

    async def get(self, kind: str, id: str) -> Record:
        raw = self._api(kind).with_raw_response
        return _record(kind, await self._answer(partial(raw.retrieve, id)))

    async def work_queue(self, environment_id: str) -> WorkQueue:
        raw = self._api("environment").work.with_raw_response
        stats = await self._answer(partial(raw.stats, environment_id))
        return WorkQueue(
            waiting=int(stats.get("depth") or 0) + int(stats.get("pending") or 0),
            oldest_queued_at=stats.get("oldest_queued_at"),
            workers=stats.get("workers_polling"),
        )

    async def create(self, kind: str, payload: Mapping[str, Any]) -> Record:
        # The SDK insists on these arguments; the whole body goes as it stands, with whatever `raw:`
        # put into it.
        required = {key: payload[key] for key in _REQUIRED[kind] if key in payload}
        raw = self._api(kind, write=True).with_raw_response
        request = partial(raw.create, **required, extra_body=dict(payload))
        return _record(kind, await self._answer(request))

    async def update(
        self, kind: str, id: str, payload: Mapping[str, Any], *, expected_version: int | None
    ) -> Record:
        body = dict(payload)
        if expected_version is not None:
            body["version"] = expected_version
        raw = self._api(kind, write=True).with_raw_response
        return _record(kind, await self._answer(partial(raw.update, id, extra_body=body)))

    def _api(self, kind: str, *, write: bool = False) -> Any:
        """The SDK's resource. `Any`: two of them have the same methods but no common type."""
        beta = (self._writes if write else self._reads).beta
        return getattr(beta, _SDK_NAME[kind])

    async def _answer(self, request: Callable[[], Awaitable[Any]]) -> Mapping[str, Any]:
        """The JSON object of one answer.

        Raises:
            ServiceError: as `translate` says.
        """
        try:
            response = await request()
            body = await response.json()
        except ValueError as error:  # a body that is not JSON
            raise ServiceError(
                "The service sent an answer that is not JSON.",
                hint="Check that the base URL is that of a Managed Agents service.",
            ) from error
        except Exception as error:
            raise translate(error) from error
        if not isinstance(body, dict):
            raise ServiceError("The service sent an answer that is not a JSON object.")
        self._workspace = Workspace(
            base_url=self._base_url,
            organization_id=response.headers.get("anthropic-organization-id"),
            workspace_id=response.headers.get("anthropic-workspace-id"),
        )
        return body


_SDK_NAME = {"agent": "agents", "environment": "environments"}
_REQUIRED = {"agent": ("name", "model"), "environment": ("name",)}


def _record(kind: str, body: Mapping[str, Any]) -> Record:
    id = body.get("id")
    if not isinstance(id, str):
        raise ServiceError(f"The service sent an {kind} without an id.")
    version = body.get("version")
    return Record(
        kind=kind,
        id=id,
        name=str(body.get("name") or ""),
        version=version if isinstance(version, int) else None,
        archived=body.get("archived_at") is not None,
        metadata=dict(body.get("metadata") or {}),
        body=body,
    )
