"""[io] What a run of an agent will probably use, from the ledger."""

from __future__ import annotations

from agentflow.compiler.manifest import BudgetPolicy
from agentflow.operations.orders import RunOptions, pick_agent
from agentflow.operations.remembered import past_runs
from agentflow.operations.workspace import ledger_path
from agentflow.runtime.forecast import Forecast, forecast
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Observer

__all__ = ["forecast_from", "forecast_run"]


def forecast_from(
    ledger: Ledger, agent: str, target: str, budget: BudgetPolicy | None
) -> Forecast | None:
    """From the runs of an agent on one target. None: there was none yet."""
    past = past_runs(ledger, agent, target)
    return forecast(agent, past, budget) if past else None


def forecast_run(options: RunOptions, observer: Observer) -> Forecast:
    """What `agentflow run` with the same options would probably use. Nobody is connected to.

    Raises:
        ProblemsFound: the project has errors.
        UsageError: there is no such agent.
        StateError: the ledger cannot be used.
    """
    from agentflow.operations.run import read_project

    built, _ = read_project(options, observer)
    manifest = built.manifest
    address = pick_agent(manifest, options.agent)
    budget = manifest.agents[address].budget
    with Ledger.open(ledger_path(options.project.root)) as ledger:
        found = forecast_from(ledger, address, manifest.target.name, budget)
    return found or forecast(address, (), budget)
