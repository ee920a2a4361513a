"""[io] Tell OpenTelemetry of a session that is over, from its events."""

from __future__ import annotations

from dataclasses import replace

from agentflow.compiler.manifest import Target
from agentflow.errors import UsageError
from agentflow.operations.check import Project, compiled
from agentflow.operations.evidence import Evidence
from agentflow.operations.telemetry import open_telemetry, place_of

__all__ = ["tell_collector"]


async def tell_collector(
    project: Project | None, evidence: Evidence, *, target: str, endpoint: str | None
) -> None:
    """Send the spans of a session to a collector, with the times of its events. Metrics are not sent.

    Args:
        project: whose target says where telemetry goes, if `endpoint` does not.
        evidence: the session.
        target: of the project.
        endpoint: base URL of the collector. None: as for runs.

    Raises:
        UsageError: nobody says where it goes, or what sends it is not installed.
    """
    place = _target(project, target)
    if endpoint is not None:
        place = replace(place, telemetry=endpoint)
    if place_of(place) is None:
        raise UsageError(
            "Nobody says where telemetry goes.",
            hint="Name a collector: --otlp http://127.0.0.1:4318, or `telemetry:` in the project.",
        )
    async with open_telemetry(place) as telemetry:
        if telemetry is None:
            raise UsageError(
                "What sends telemetry is not installed.", hint="pip install 'agentflow[otel]'"
            )
        from agentflow.runtime.telemetry import About

        facts = evidence.facts
        about = About(
            run_id=evidence.run_id,
            agent=(facts.agent or "unknown").removeprefix("agent/"),
            agent_id=facts.agent or "unknown",
            agent_version=facts.agent_version,
            model=facts.model or "unknown",
        )
        telemetry.retell(
            about,
            evidence.events,
            session_id=evidence.session_id,
            decided=facts.persons,
            verdict=evidence.verdict,
        )


def _target(project: Project | None, name: str) -> Target:
    if project is None:
        return Target(name=name, service="local", script=None, workspace=None)
    return compiled(project, target=name)[0].manifest.target
