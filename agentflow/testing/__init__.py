"""Tests of agents: `kind: Test` documents, a pytest plugin, and a kit for tests in Python."""

# The plugin is loaded by every pytest of an environment: nothing is imported before it is used.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentflow.local.fault_plan import FaultPlan
    from agentflow.testing.kit import (
        CallFailed,
        HandClock,
        Kit,
        Run,
        ScriptedModel,
        ScriptedPerson,
        Served,
        call,
        run_jumping,
        turn,
    )

__all__ = [
    "CallFailed",
    "FaultPlan",
    "HandClock",
    "Kit",
    "Run",
    "ScriptedModel",
    "ScriptedPerson",
    "Served",
    "call",
    "run_jumping",
    "turn",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = "agentflow.local.fault_plan" if name == "FaultPlan" else "agentflow.testing.kit"
    found: object = getattr(import_module(home), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
