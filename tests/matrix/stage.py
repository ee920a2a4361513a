"""What both matrices are played on: one stage for all of a process, and the runs without faults."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from agentflow.local.fault_plan import FaultPlan
from tests.matrix.bench import Played, Stage
from tests.matrix.shapes import Shape

__all__ = ["Theatre"]


@dataclass
class Theatre:
    """A stage, the loop that it is on, and the run of each shape without faults."""

    runner: asyncio.Runner
    stage: Stage
    bases: dict[str, Played] = field(default_factory=dict)

    def base(self, shape: Shape) -> Played:
        if shape.name not in self.bases:
            self.bases[shape.name] = self.runner.run(self.stage.play(shape, FaultPlan()))
        return self.bases[shape.name]
