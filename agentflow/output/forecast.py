"""A forecast as a page of its own, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal

from agentflow.output.text import count, dollars, seconds
from agentflow.runtime.budget import amount_text
from agentflow.runtime.forecast import Forecast, Spread

__all__ = ["ForecastReport", "forecast_schema", "render_forecast", "render_forecast_json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadReport:
    p50: str
    """Decimal text, in the unit of the measure: half of the runs used no more."""
    p90: str
    runs: int
    """That it is known of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachReport:
    name: str
    """The key of the budget."""
    limit: str
    """Decimal text: dollars, a number, or seconds."""
    reached: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastReport:
    """The shape of `agentflow run --forecast --format json`; its JSON Schema is `schemas/forecast.json`."""

    agent: str
    runs: int
    """Earlier runs that it rests on. 0: there was none."""
    cost_usd: SpreadReport | None
    """None: it is known of no run. Runs of models without a price are left out, not counted as zero."""
    tokens: SpreadReport | None
    wall_s: SpreadReport | None
    limits: tuple[ReachReport, ...]


def _report(found: Forecast) -> ForecastReport:
    def spread(one: Spread | None) -> SpreadReport | None:
        if one is None:
            return None
        return SpreadReport(p50=str(one.p50), p90=str(one.p90), runs=one.runs)

    return ForecastReport(
        agent=found.agent,
        runs=found.runs,
        cost_usd=spread(found.cost_usd),
        tokens=spread(found.tokens),
        wall_s=spread(found.wall_s),
        limits=tuple(
            ReachReport(name=one.name, limit=str(one.limit), reached=one.reached, of=one.of)
            for one in found.limits
        ),
    )


def render_forecast_json(found: Forecast) -> str:
    """JSON of a `ForecastReport`, indented."""
    return json.dumps(asdict(_report(found)), indent=2, ensure_ascii=False)


def forecast_schema() -> str:
    """JSON Schema of a `ForecastReport`."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(ForecastReport).json_schema()
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def render_forecast(found: Forecast) -> str:
    """All of it, for people."""
    if not found.runs:
        return f"No run of {found.agent} has ended on this target yet: there is nothing to go by."
    lines = [f"{found.agent}, by {count(found.runs, 'earlier run')}"]
    if found.cost_usd is None:
        lines.append("  cost    unknown: the model has no list price here")
    rows: tuple[tuple[str, Spread | None, Callable[[Decimal], str]], ...] = (
        ("cost", found.cost_usd, dollars),
        ("tokens", found.tokens, lambda value: f"{int(value):,}"),
        ("time", found.wall_s, lambda value: seconds(float(value))),
    )
    for name, spread, show in rows:
        if spread is not None:
            of = "" if spread.runs == found.runs else f" (known of {count(spread.runs, 'run')})"
            half, most = show(spread.p50), show(spread.p90)
            lines.append(f"  {name:<7} {half} in half of them, {most} in nine of ten{of}")
    for one in found.limits:
        share = f"reached by {one.reached} of {one.of} ({one.reached / one.of:.0%})"
        limit = amount_text(one.name, one.limit)
        lines.append(f"  limit   budget.{one.name}: {limit}, {share}")
    return "\n".join(lines)
