"""A model that says what a test has it say, turn by turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from agentflow.local.drivers.base import ModelDriver, Turn, TurnContext
from agentflow.local.drivers.script import ScriptDriver
from agentflow.local.drivers.script_file import Script

__all__ = ["ScriptedModel", "Turns", "call", "turn"]

Turns = Iterable[Mapping[str, Any]]
"""Items of a script, as `turn` makes them and YAML has them."""


def call(name: str, /, *, id: str | None = None, **input: Any) -> dict[str, Any]:
    """A call of a tool in a turn. `id` names its result in later turns; left out, the tool's name does."""
    made: dict[str, Any] = {"name": name, "input": input}
    if id is not None:
        made["id"] = id
    return made


def turn(say: str | None = None, *calls: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """One turn: what is said, what is called, and `think`, `usage`, `expect`, `stop`, `error` of a script."""
    made: dict[str, Any] = dict(more)
    if say is not None:
        made["say"] = say
    if calls:
        made["tools"] = [dict(one) for one in calls]
    return made


class ScriptedModel:
    """Plays the model, for every agent or for each its own turns, and remembers what it was shown."""

    def __init__(
        self, *turns: Mapping[str, Any], agents: Mapping[str, Turns] | None = None
    ) -> None:
        """Play turns in order.

        Args:
            turns: of any agent.
            agents: turns by the name of an agent, instead of `turns`.

        Raises:
            ValueError: they are no script.
        """
        data: dict[str, Any] = {}
        if turns:
            data["turns"] = [dict(one) for one in turns]
        if agents:
            data["agents"] = {
                name: {"turns": [dict(one) for one in own]} for name, own in agents.items()
            }
        self._driver: ModelDriver = ScriptDriver(Script.model_validate(data))
        self.contexts: list[TurnContext] = []
        """What the model saw at each request: its agent, and all events so far."""

    @classmethod
    def load(cls, path: Path) -> ScriptedModel:
        """The turns of a script file.

        Raises:
            ProblemsFound: it is no script; every problem is placed.
        """
        return cls._of(ScriptDriver.load(path))

    @classmethod
    def answering(cls, answer: Callable[[TurnContext], Turn]) -> ScriptedModel:
        """A model in Python: `answer` takes each turn, of what the session holds so far."""

        class Answering:
            async def next_turn(self, context: TurnContext) -> Turn:
                return answer(context)

        return cls._of(Answering())

    @classmethod
    def _of(cls, driver: ModelDriver) -> ScriptedModel:
        made = cls.__new__(cls)
        made._driver = driver
        made.contexts = []
        return made

    async def next_turn(self, context: TurnContext) -> Turn:
        self.contexts.append(context)
        return await self._driver.next_turn(context)

    def plays_team(self, agent: str) -> bool:
        plays = getattr(self._driver, "plays_team", None)
        return bool(plays is not None and plays(agent))

    def plays_server(self, agent: str, server: str) -> bool:
        plays = getattr(self._driver, "plays_server", None)
        return bool(plays is not None and plays(agent, server))
