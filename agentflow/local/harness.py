"""Every session of the service: what arrives for it, and the task that works while it runs.

A killed service leaves sessions in `running`. When it starts again they are reported honestly and go
on: a `session.error` with `retrying`, a model request that was under way is made again, and a tool that
was running is not run again; the agent reads that its outcome is unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.local import usage
from agentflow.local.drivers.base import ModelDriver, PlaysServers, PlaysTeams
from agentflow.local.errors import not_found
from agentflow.local.inbox import ANSWERS, admit, is_ignored, take
from agentflow.local.live import Live, Parts
from agentflow.local.prices import Tokens, request_usd
from agentflow.local.state import SessionState
from agentflow.local.worker import Worker
from agentflow.local.workshop import Workshop

__all__ = ["Harness"]

_OUTCOME_UNKNOWN = (
    "The service stopped while this call was running. Whether it took effect is unknown: "
    "look before you repeat it."
)


def _report_missing(live: Live, driver: ModelDriver) -> None:
    """Say what the agent has on the hosted service and not here; the session goes on, as there."""
    agent = live.record()["agent"]
    for server in agent["mcp_servers"]:
        if isinstance(driver, PlaysServers) and driver.plays_server(agent["name"], server["name"]):
            continue
        message = f"MCP server {server['name']!r} is not available in the local service."
        more = {"mcp_server_name": server["name"]}
        live.fail("mcp_connection_failed_error", message, "retrying", **more)
    if agent["skills"]:
        names = ", ".join(skill["skill_id"] for skill in agent["skills"])
        message = f"Skills are not available in the local service: {names}."
        live.fail("unknown_error", message, "retrying")


class Harness:
    def __init__(self, parts: Parts, driver: ModelDriver, workshop: Workshop) -> None:
        self._parts = parts
        self._driver = driver
        self._workshop = workshop
        self._live: dict[str, Live] = {}
        self._closing = False

    def live(self, session_id: str) -> Live:
        """A session that exists.

        Raises:
            ApiError: 404, there is none with this id.
        """
        known = self._live.get(session_id)
        if known is not None:
            return known
        record = self._parts.store.get("session", session_id)
        state = self._parts.store.state(session_id)
        if record is None or state is None:
            raise not_found(f"Session {session_id!r} does not exist.")
        live = Live(session_id, record["agent"]["name"], SessionState.from_json(state), self._parts)
        self._live[session_id] = live
        return live

    def begin(self, record: Mapping[str, Any]) -> Live:
        """Keep a new session."""
        state = SessionState(thread_id=self._parts.ids.new("sthr"))
        if request_usd(record["agent"]["model"]["id"], Tokens()) is None:
            state.token_usd = None
        with self._parts.store.transaction():
            self._parts.store.add("session", dict(record))
            self._parts.store.put_state(record["id"], state.to_json())
        return self.live(record["id"])

    def send(self, session_id: str, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Take a client's events, all or none; returns them as they were kept.

        Raises:
            ApiError: 400 or 404.
        """
        live = self.live(session_id)
        admit(live, events)
        answers = any(event["type"] in ANSWERS and not is_ignored(live, event) for event in events)
        if answers and live.state.waiting() and live.faults.take("reannounce_pending"):
            live.reannounce()
        with live.change():
            kept = [take(live, event) for event in events]
        if live.status == "idle":
            self._wake(live, answered=answers)
        return kept

    def _wake(self, live: Live, *, answered: bool) -> None:
        """Start an idle session if it has work; name what is still missing if it does not."""
        if live.state.waiting():
            if answered:
                with live.change():
                    for confirmation in live.queued("user.tool_confirmation"):
                        live.process(confirmation)
                    live.go_idle("requires_action")
            return
        if answered or live.queued("user.message"):
            with live.change():
                live.go_running()
                if live.state.requests == 0:
                    _report_missing(live, self._driver)
            self._work(live)

    def budget_changed(self, session_id: str) -> None:
        """Go on if the budget was what stopped the session, and no longer is."""
        live = self.live(session_id)
        if live.status == "idle" and live.state.stop == "budget_reached" and not live.over_budget():
            live.go_running()
            self._work(live)

    def _work(self, live: Live) -> None:
        if self._closing:
            return
        live.task = asyncio.get_running_loop().create_task(self._guard(live), name=live.id)

    async def _guard(self, live: Live) -> None:
        """Work; a bug of ours ends the session's turn instead of leaving it running for ever."""
        try:
            await Worker(live, self._parts, self._driver, self._workshop).work()
        except Exception as error:
            message = f"This is a bug in agentflow's local service: {type(error).__name__}: {error}"
            with live.change():
                live.state.open_span = None
                live.fail("unknown_error", message, "exhausted")
                live.close_calls(message)
                live.go_idle("retries_exhausted")

    def resume_all(self) -> None:
        """Go on with what ran when the service was last stopped."""
        for id in self._parts.store.sessions_with_status(("running", "rescheduling")):
            live = self.live(id)
            with live.change():
                self._report_restart(live)
                live.go_running()
            if live.queued("user.interrupt"):
                live.interrupted.set()
            self._work(live)

    def _report_restart(self, live: Live) -> None:
        message = "The local service was restarted while this session was running."
        live.fail("unknown_error", message, "retrying")
        if live.state.open_span is not None:
            live.emit(
                "span.model_request_end",
                model_request_start_id=live.state.open_span,
                is_error=True,
                model_usage=usage.request_usage(Tokens()),
            )
            live.state.open_span = None
        for call in live.state.calls:
            if call.started and not call.done:
                live.finish_call(call, _OUTCOME_UNKNOWN, is_error=True)
        live.go_rescheduling()

    async def archive(self, session_id: str) -> None:
        live = self.live(session_id)
        live.go_terminated(archived_at=self._parts.now())
        await self._workshop.close(session_id)

    def plays_team(self, agent: str) -> bool:
        """Whether the model's driver can play this agent together with its team."""
        return isinstance(self._driver, PlaysTeams) and self._driver.plays_team(agent)

    async def delete(self, session_id: str) -> None:
        """Forget a session first, so that nothing can start in it while its files are removed."""
        files = [file["id"] for file in self._parts.store.scoped("file", session_id)]
        threads = [thread.id for thread in self.live(session_id).state.threads]
        self._live.pop(session_id, None)
        self._parts.faults.drop(session_id)
        self._parts.store.drop_session(session_id, threads)
        deleted = {
            "id": self._parts.ids.new("sevt"),
            "type": "session.deleted",
            "processed_at": self._parts.now(),
        }
        self._parts.hub.publish(session_id, deleted)
        for place in (session_id, *threads):
            self._parts.hub.close(place)
        await self._workshop.remove(session_id, files)

    async def close(self) -> None:
        """Stop working. Running sessions stay `running` in the records, as after a crash."""
        self._closing = True
        tasks = [live.task for live in self._live.values() if live.task and not live.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._workshop.close_all()
