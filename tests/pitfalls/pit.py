"""Where a pitfall is walked into on purpose: one service in this process, real HTTP, the real driver."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from agentflow.local.fault_plan import FaultPlan
from agentflow.operations.connect import Connection
from agentflow.operations.doctor import Finding, service
from agentflow.remote.resources import RemoteResources
from agentflow.remote.sessions import RemoteSessions
from agentflow.runtime.approvals import Person
from agentflow.runtime.driver import Knobs
from tests.matrix.bench import KNOBS, CaseSessions, Played, Stage
from tests.matrix.shapes import Shape, write_call

__all__ = ["REPORT", "Pit"]

T = TypeVar("T")

REPORT = write_call("report.md")
"""The call that delivers what every scene is to deliver."""


class Pit:
    """Plays one scene after the other, each in a session of an agent of its own."""

    def __init__(self, runner: asyncio.Runner, stage: Stage) -> None:
        self._runner = runner
        self.stage = stage
        self._scenes = 0
        self._played: dict[str, Played] = {}

    def play(
        self,
        *turns: Mapping[str, Any],
        faults: Mapping[str, Any] | None = None,
        make: type[CaseSessions] = CaseSessions,
        knobs: Knobs = KNOBS,
        person: Person | None = None,
        **shape: Any,
    ) -> Played:
        """What came of a run in which the model takes these turns and these faults happen.

        `make` is the client of the run; what else is given, such as `asking`, is of the `Shape`.
        """
        self._scenes += 1
        scene = Shape(f"scene{self._scenes}", tuple(turns), **shape)
        plan = FaultPlan.model_validate(faults or {})
        playing = self.stage.play(scene, plan, make=make, knobs=knobs, person=person)
        return self._runner.run(playing)

    @property
    def sessions(self) -> RemoteSessions:
        """Somebody else's view of the service."""
        return RemoteSessions(self.stage.client)

    def doctor(self) -> dict[str, Finding]:
        """What doctor says of the service, by subject."""
        connection = Connection(
            resources=RemoteResources(self.stage.client),
            sessions=self.sessions,
            base_url=self.stage.service.base_url,
            local=True,
            plays=True,
        )
        found = self.do(service(connection, self.stage.root))
        return {finding.subject: finding for finding in found}

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def again(self, shape: Shape, faults: Mapping[str, Any] | None = None) -> Played:
        """What came of a run of a shape of the matrix; without faults it is played once for all."""
        if not faults and shape.name in self._played:
            return self._played[shape.name]
        plan = FaultPlan.model_validate(faults or {})
        played = self._runner.run(self.stage.play(shape, plan))
        if not faults:
            self._played[shape.name] = played
        return played
