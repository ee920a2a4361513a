"""A run as spans and metrics: their names, their places in each other, and what they do not tell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from agentflow.compiler.manifest import AgentPolicy
from agentflow.errors import ServiceError
from agentflow.operations.run import tell_result
from agentflow.runtime.run import RunRequest, RunResult, Verdict
from agentflow.runtime.spans import instant_ns
from agentflow.runtime.telemetry import Sink, Telemetry
from agentflow.secret import protect
from tests.runtime.desk import Desk, Raw, custom_use, idle
from tests.runtime.support import HandClock, agent_policy, custom_policy, rule
from tests.runtime.test_driver import Trial, works
from tests.runtime.test_spans import ASKED, TURN, at, event, use

CANARY = "canary-s3cr3t"


class Ear:
    """What is exported, in memory."""

    def __init__(self, *, content: bool = False) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.sink = Sink(tracers=tracers, meters=meters, content=content)
        self.telemetry = Telemetry(self.sink, clock=HandClock())

    def spans(self) -> dict[str, ReadableSpan]:
        """By name: names are unique in these tests."""
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def facts(self, name: str) -> Mapping[str, Any]:
        return self.spans()[name].attributes or {}

    def points(self) -> Iterator[tuple[str, HistogramDataPoint]]:
        data = self.reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        assert isinstance(point, HistogramDataPoint)
                        yield metric.name, point

    def heard(self) -> str:
        """Everything, as text."""
        told = [span.to_json() for span in self.exporter.get_finished_spans()]
        return "\n".join([*told, *(f"{name} {point.attributes}" for name, point in self.points())])


class Recorded(Trial):
    """A run that is recorded, as `operations.run` has it."""

    def __init__(self, root: Path, desk: Desk, ear: Ear, policy: AgentPolicy | None = None) -> None:
        super().__init__(root, desk, policy)
        self.ear = ear

    async def go(self, **more: Any) -> RunResult:
        request = RunRequest(
            run_id="run1",
            agent="agent/clerk",
            agent_id="agent_1",
            agent_version=3,
            environment_id="env_1",
            policy=self.policy,
            inputs={},
            out_dir=self.root / "out",
            project_root=self.root,
        )
        with self.ear.telemetry.run(request, self.notices.append) as observer:
            result = await super().go(observer=observer, **more)
            tell_result(result, observer)
        return result


ALL = [*TURN, *ASKED, idle()]


def fresh(*events: Raw) -> list[Raw]:
    return [dict(one) for one in events]


def test_a_run_with_a_turn_and_a_tool_that_asked(tmp_path: Path) -> None:
    ear = Ear()
    policy = agent_policy(approvals=(rule("bash", "allow"),))
    result = Recorded(tmp_path, Desk(works(*fresh(*ALL))), ear, policy).run()
    assert result.verdict is Verdict.COMPLETED
    spans = ear.spans()
    assert set(spans) == {
        "invoke_agent clerk",
        "chat claude-opus-5-5",
        "execute_tool bash",
        "approve bash",
    }
    run, chat = spans["invoke_agent clerk"], spans["chat claude-opus-5-5"]
    tool, approval = spans["execute_tool bash"], spans["approve bash"]
    assert run.parent is None
    assert {_parent(chat), _parent(tool)} == {_id(run)}
    assert _parent(approval) == _id(tool)
    assert (chat.kind, run.kind, tool.kind) == (
        SpanKind.CLIENT,
        SpanKind.CLIENT,
        SpanKind.INTERNAL,
    )
    assert (chat.start_time, chat.end_time) == (instant_ns(at(1)), instant_ns(at(3)))
    assert (tool.start_time, tool.end_time) == (instant_ns(at(4)), instant_ns(at(9)))
    assert (approval.start_time, approval.end_time) == (instant_ns(at(4)), instant_ns(at(6)))
    assert (run.end_time or 0) >= (tool.end_time or 0)


def _id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def _parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def test_the_facts_have_the_names_of_the_conventions(tmp_path: Path) -> None:
    ear = Ear()
    policy = agent_policy(approvals=(rule("bash", "allow"),))
    Recorded(tmp_path, Desk(works(*fresh(*ALL))), ear, policy).run()
    run = ear.facts("invoke_agent clerk")
    expected = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.agent.id": "agent_1",
        "gen_ai.agent.name": "clerk",
        "gen_ai.agent.version": "3",
        "gen_ai.conversation.id": "sesn_1",
        "gen_ai.request.model": "claude-opus-5-5",
        "gen_ai.usage.input_tokens": 134,
        "gen_ai.usage.output_tokens": 20,
        "agentflow.run.id": "run1",
        "agentflow.verdict": "completed",
        "agentflow.turns": 1,
    }
    assert {name: run.get(name) for name in expected} == expected
    chat = ear.facts("chat claude-opus-5-5")
    assert chat["gen_ai.operation.name"] == "chat"
    assert chat["gen_ai.usage.input_tokens"] == 134
    assert chat["gen_ai.usage.cache_read.input_tokens"] == 100
    assert chat["gen_ai.usage.cache_write.input_tokens"] == 30
    tool = ear.facts("execute_tool bash")
    assert tool["gen_ai.tool.call.id"] == "t1"
    assert tool["gen_ai.tool.type"] == "extension"


def test_an_approval_says_by_whom(tmp_path: Path) -> None:
    ear = Ear()
    policy = agent_policy(approvals=(rule("bash", "allow"),))
    ended = event("agent.tool_result", "x1", 9, tool_use_id="t1")

    def react(sent: Mapping[str, Any]) -> list[Raw]:
        if sent["type"] == "user.message":
            asks = use("t1", 4, evaluated_permission="ask")
            return [asks, idle("requires_action", event_ids=["t1"])]
        return [dict(ended), idle()] if sent["type"] == "user.tool_confirmation" else []

    Recorded(tmp_path, Desk(react), ear, policy).run()
    approval = ear.facts("approve bash")
    assert approval["agentflow.approval.allowed"] is True
    assert approval["agentflow.approval.by"] == "rule"


def test_the_metrics(tmp_path: Path) -> None:
    ear = Ear()
    policy = agent_policy(approvals=(rule("bash", "allow"),))
    Recorded(tmp_path, Desk(works(*fresh(*ALL))), ear, policy).run()
    sums = {
        (name, str((point.attributes or {}).get("gen_ai.token.type", ""))): point.sum
        for name, point in ear.points()
    }
    assert sums[("gen_ai.client.token.usage", "input")] == 134
    assert sums[("gen_ai.client.token.usage", "output")] == 20
    assert sums[("gen_ai.client.operation.duration", "")] == pytest.approx(2)
    assert sums[("gen_ai.execute_tool.duration", "")] == pytest.approx(5)
    assert sums[("agentflow.approval.duration", "")] == pytest.approx(2)
    assert sums[("gen_ai.invoke_agent.inference_calls", "")] == 1
    assert sums[("gen_ai.invoke_agent.tool_calls", "")] == 1
    assert sums[("agentflow.run.cost", "")] > 0
    assert ("gen_ai.invoke_agent.duration", "") in sums


def told(*, answer: str = "x") -> list[Raw]:
    said = [{"type": "text", "text": f"It is {CANARY}."}]
    return [
        event("span.model_request_start", "r1", 1),
        event("agent.message", "m1", 2, content=said),
        event("span.model_request_end", "e1", 3, model_request_start_id="r1"),
        {**use("t1", 4), "input": {"command": f"echo {CANARY}"}},
        event("agent.tool_result", "x1", 9, tool_use_id="t1", content=said),
        idle(),
    ]


def test_without_content_nothing_that_was_said_is_told(tmp_path: Path) -> None:
    ear = Ear()
    Recorded(tmp_path, Desk(works(*told())), ear).run()
    assert CANARY not in ear.heard()
    assert "Do it." not in ear.heard()


def test_with_content_all_is_told_but_known_secrets(tmp_path: Path) -> None:
    ear = Ear(content=True)
    protect("desk", CANARY)
    Recorded(tmp_path, Desk(works(*told())), ear).run()
    assert CANARY not in ear.heard()
    tool = ear.facts("execute_tool bash")
    assert json.loads(str(tool["gen_ai.tool.call.arguments"])) == {"command": "echo [desk]"}
    assert tool["gen_ai.tool.call.result"] == "It is [desk]."
    said = json.loads(str(ear.facts("chat claude-opus-5-5")["gen_ai.output.messages"]))
    assert said == [{"role": "assistant", "parts": [{"type": "text", "content": "It is [desk]."}]}]
    run = ear.facts("invoke_agent clerk")
    assert "Do it." in str(run["gen_ai.input.messages"])
    assert "It is [desk]." in str(run["gen_ai.output.messages"])


def test_a_custom_tool_that_was_denied(tmp_path: Path) -> None:
    ear = Ear()
    policy = agent_policy(
        custom={"rate": custom_policy(policy="ask")}, approvals=(rule("rate", "deny"),)
    )

    def react(sent: Mapping[str, Any]) -> list[Raw]:
        if sent["type"] == "user.message":
            waits = idle("requires_action", event_ids=["c1"])
            return [custom_use("c1"), waits]
        return [idle()] if sent["type"] == "user.custom_tool_result" else []

    Recorded(tmp_path, Desk(react), ear, policy).run()
    tool, approval = ear.facts("execute_tool rate"), ear.facts("approve rate")
    assert tool["gen_ai.tool.type"] == "function"
    assert tool["error.type"] == "denied"
    assert not ear.spans()["execute_tool rate"].status.is_ok
    assert approval["agentflow.approval.allowed"] is False


def test_a_run_that_ends_with_an_error_says_of_what_sort(tmp_path: Path) -> None:
    ear = Ear()
    trial = Recorded(tmp_path, Desk(), ear)
    trial.desk.create_faults = [ServiceError(f"No, {CANARY}.")]
    with pytest.raises(ServiceError):
        trial.run()
    [span] = ear.spans().values()
    assert (span.attributes or {})["error.type"] == "ServiceError"
    assert not span.status.is_ok
    assert CANARY not in ear.heard()


def test_what_is_under_way_when_the_run_is_left_is_told_as_unfinished(tmp_path: Path) -> None:
    ear = Ear()
    failed = idle("retries_exhausted")
    Recorded(tmp_path, Desk(works(dict(TURN[0]), failed)), ear).run()
    assert ear.facts("chat claude-opus-5-5")["agentflow.unfinished"] is True
    assert ear.facts("invoke_agent clerk")["error.type"] == "failed"
    assert "gen_ai.client.operation.duration" not in {name for name, _ in ear.points()}


def test_other_spans_of_the_run_stand_below_it_and_its_own_below_the_callers(
    tmp_path: Path,
) -> None:
    """The SDK makes a span for each request: in the tasks of the run, its span is the current one."""
    ear = Ear()
    tracer = ear.sink.tracers.get_tracer("com.anthropic.sdk.python")

    class Requests(Desk):
        async def send(self, session_id: str, events: Any) -> Any:
            with tracer.start_as_current_span("anthropic.sessions.events.send"):
                return await super().send(session_id, events)

    with tracer.start_as_current_span("caller") as caller:
        Recorded(tmp_path, Requests(works(idle())), ear).run()
    spans = ear.spans()
    run = spans["invoke_agent clerk"]
    assert _parent(spans["anthropic.sessions.events.send"]) == _id(run)
    assert _parent(run) == caller.get_span_context().span_id
    assert not trace.get_current_span().get_span_context().is_valid


def test_whoever_goes_on_with_a_run_is_linked_to_who_began_it(tmp_path: Path) -> None:
    """And tells whole what began before: the transcript has its beginning."""
    first, second = Ear(), Ear()
    cut = [*fresh(*TURN[:1]), idle("retries_exhausted")]
    Recorded(tmp_path, Desk(works(*cut)), first).run()
    (tmp_path / "ledger.db").unlink()
    Recorded(tmp_path, Desk(works(*fresh(*TURN[1:]), idle())), second).run()
    began = first.spans()["invoke_agent clerk"]
    went_on = second.spans()["invoke_agent clerk"]
    assert [link.context.span_id for link in went_on.links] == [_id(began)]
    assert (went_on.attributes or {})["agentflow.run.resumed"] is True
    chat = second.spans()["chat claude-opus-5-5"]
    assert (chat.start_time, chat.end_time) == (instant_ns(at(1)), instant_ns(at(3)))
