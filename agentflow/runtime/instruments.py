"""The metrics of runs: their names, units and buckets, in the words of the GenAI conventions.

Needs only OpenTelemetry's API, as `telemetry.py`, which records them.
"""

from __future__ import annotations

from opentelemetry.metrics import Histogram, MeterProvider

from agentflow import __version__

__all__ = ["SCOPE", "Instruments"]

SCOPE = "agentflow"
"""Who says it, as OpenTelemetry calls it."""

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)
_TOKENS = tuple(float(4**power) for power in range(14))
_CALLS = tuple(float(2**power) for power in range(11))
_USD = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 100.0)


class Instruments:
    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter(SCOPE, __version__)

        def histogram(name: str, unit: str, text: str, bounds: tuple[float, ...]) -> Histogram:
            return meter.create_histogram(
                name, unit, text, explicit_bucket_boundaries_advisory=bounds
            )

        self.tokens = histogram(
            "gen_ai.client.token.usage", "{token}", "Tokens of a request", _TOKENS
        )
        self.request = histogram(
            "gen_ai.client.operation.duration", "s", "Time of a request to the model", _SECONDS
        )
        self.tool = histogram("gen_ai.execute_tool.duration", "s", "Time of a tool call", _SECONDS)
        self.run = histogram("gen_ai.invoke_agent.duration", "s", "Time of a run", _SECONDS)
        self.turns = histogram(
            "gen_ai.invoke_agent.inference_calls", "{inference_call}", "Requests of a run", _CALLS
        )
        self.calls = histogram(
            "gen_ai.invoke_agent.tool_calls", "{tool_call}", "Tool calls of a run", _CALLS
        )
        self.approval = histogram(
            "agentflow.approval.duration", "s", "Time until a call was answered", _SECONDS
        )
        self.cost = histogram("agentflow.run.cost", "{USD}", "Cost of a run", _USD)
