"""Every decision of a running session, in one pure function.

`step(state, input)` takes in one event of the service, or one fact of the driver, and says what to
do next. It is total. An event seen before changes nothing, with one exception: a client event that
was seen queued means something when it is seen processed. So a stream may be cut, replayed and
merged with the history at any point without an effect being lost or repeated.

Three rules carry most of it:

- The turn is over at an idle `end_turn` that stands after our last message in the session's own
  order; never because of a status alone, and never because a stream ended.
- A call is answered once, whatever the number of times it is announced, and it is known from the
  event that announces it as well as from an idle's `event_ids`, which show only five.
- Once a run is being stopped, nothing is started any more; the next rest is its end.
"""

from __future__ import annotations

from typing import NamedTuple

from agentflow.runtime.facts import FACTS, GO_ON
from agentflow.runtime.folding import fold
from agentflow.runtime.session import Command, Input, Phase, Setup, State, Tick
from agentflow.runtime.work import Work

__all__ = ["GO_ON", "Step", "begin", "step"]


class Step(NamedTuple):
    state: State
    commands: tuple[Command, ...]


def begin(setup: Setup) -> State:
    return State(setup=setup)


def step(state: State, given: Input, *, wall_s: float | None = None) -> Step:
    """Take in one input. After the end nothing changes any more.

    `wall_s`: how long the run has taken by now, as a `Tick` before would tell. None: nobody looked.
    """
    if state.phase is Phase.ENDED:
        return Step(state, ())
    work = Work(state)
    if wall_s is not None:
        FACTS[Tick](work, Tick(wall_s))
    take = FACTS.get(type(given))
    if take is not None:
        take(work, given)
    else:
        before = work.state.usage
        fold(work, given)  # type: ignore[arg-type]  # what is not a fact is an event
        work.spent = work.state.usage is not before
    work.decide()
    return Step(work.state, tuple(work.commands))
