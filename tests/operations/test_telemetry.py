"""Whether runs are told to anybody: one rule, and what happens where it cannot be followed."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import TracerProvider

from agentflow.compiler.manifest import Target
from agentflow.errors import Rejected, UsageError
from agentflow.operations import telemetry
from agentflow.operations.connect import Connection
from agentflow.operations.telemetry import Place, open_telemetry, place_of
from agentflow.ports import Resources, Sessions
from agentflow.runtime.notices import Note, Notice
from agentflow.runtime.run import RunRequest
from agentflow.secret import protect
from tests.runtime.support import agent_policy
from tests.support.cli import ROOT, clean_environment
from tests.support.collector import collector

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
BOTH = frozenset({"traces", "metrics"})
NOWHERE = "http://127.0.0.1:9"


def target(endpoint: str | None = None, *, content: bool = False) -> Target:
    return Target(
        name="local",
        service="local",
        script=None,
        workspace=None,
        telemetry=endpoint,
        telemetry_content=content,
    )


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("endpoint", "variables", "place"),
    [
        (None, {}, None),
        (None, {ENDPOINT: "http://a"}, Place(endpoint=None, signals=BOTH)),
        ("http://b", {ENDPOINT: "http://a"}, Place(endpoint="http://b", signals=BOTH)),
        ("http://b", {"OTEL_SDK_DISABLED": "true"}, None),
        ("http://b", {"OTEL_SDK_DISABLED": "false"}, Place(endpoint="http://b", signals=BOTH)),
        (
            "http://b",
            {"OTEL_METRICS_EXPORTER": "none"},
            Place(endpoint="http://b", signals=frozenset({"traces"})),
        ),
        (
            None,
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://a"},
            Place(endpoint=None, signals=frozenset({"traces"})),
        ),
        (None, {ENDPOINT: ""}, None),
        (None, {"OTEL_TRACES_EXPORTER": "otlp"}, None),
        (
            "http://b",
            {"OTEL_METRICS_EXPORTER": "none", "OTEL_TRACES_EXPORTER": "none"},
            None,
        ),
    ],
)
def test_the_rule(
    endpoint: str | None,
    variables: dict[str, str],
    place: Place | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert place_of(target(endpoint)) == place


def opened(of: Target) -> bool:
    async def work() -> bool:
        async with open_telemetry(of) as recording:
            return recording is not None

    return asyncio.run(work())


def test_nowhere_is_nothing() -> None:
    assert not opened(target())


@pytest.mark.parametrize("endpoint", [None, NOWHERE])
def test_what_sends_it_may_be_absent(
    endpoint: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error where the project asks for it; a word where a variable does, which may mean others."""
    monkeypatch.setenv(ENDPOINT, NOWHERE)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    if endpoint is None:
        assert not opened(target())
        assert "pip install 'agentflow[otel]'" in caplog.text
    else:
        with pytest.raises(UsageError) as caught:
            opened(target(endpoint))
        assert "agentflow[otel]" in (caught.value.hint or "")


def test_a_collector_that_does_not_answer_is_one_warning(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "FLUSH_S", 0.2)

    async def work() -> None:
        async with open_telemetry(target(NOWHERE)) as recording:
            assert recording is not None
            tracer = recording.sink.tracers.get_tracer("test")
            tracer.start_span("one").end()

    with caplog.at_level(logging.DEBUG):
        asyncio.run(work())
    [record] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage().startswith(f"Telemetry could not be sent to {NOWHERE}: ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "Pool(host='x'): (Caused by E('[Errno 111] Connection refused')) again",
            "Connection refused",
        ),
        (
            "Failed to export spans batch code: 401, reason: No.",
            "Failed to export spans batch code: 401, reason: No",
        ),
    ],
)
def test_of_what_libraries_log_the_reason_is_told(text: str, reason: str) -> None:
    assert telemetry._reason([text, "Gave up."]) == reason


def test_spans_of_other_libraries_are_masked_on_their_way() -> None:
    protect("desk", "canary-s3cr3t")

    async def work(url: str) -> None:
        async with open_telemetry(target(url)) as recording:
            assert recording is not None
            tracer = recording.sink.tracers.get_tracer("other")
            facts: dict[str, str | int] = {"url": "https://x.example/?key=canary-s3cr3t", "n": 3}
            tracer.start_span("GET canary-s3cr3t", attributes={**facts}).end()
            tracer.start_span("plain", attributes={"n": 4}).end()

    with collector() as kept:
        asyncio.run(work(kept.url))
    assert b"canary" not in kept.raw
    assert {span.name: dict(span.facts) for span in kept.spans} == {
        "GET [desk]": {"url": "https://x.example/?key=[desk]", "n": 3},
        "plain": {"n": 4},
    }
    assert all(span.began_ns for span in kept.spans)


def test_an_application_that_has_set_up_its_own_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = TracerProvider(shutdown_on_exit=False)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: own)

    async def work() -> None:
        async with open_telemetry(target(NOWHERE, content=True)) as recording:
            assert recording is not None
            assert recording.sink.tracers is own
            assert recording.sink.meters is metrics.get_meter_provider()
            assert recording.sink.content

    asyncio.run(work())


OFF = """
import asyncio, sys
import agentflow.operations.run
from agentflow.compiler.manifest import Target
from agentflow.operations.telemetry import open_telemetry

async def work():
    target = Target(name="local", service="local", script=None, workspace=None)
    async with open_telemetry(target) as recording:
        assert recording is None

asyncio.run(work())
print("\\n".join(sys.modules))
"""


def test_where_it_is_off_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", OFF],
        cwd=tmp_path,
        env=clean_environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    loaded = result.stdout.split()
    assert "agentflow.operations.connect" in loaded
    assert not [name for name in loaded if name.split(".")[0] in ("opentelemetry", "requests")]
    assert "agentflow.runtime.telemetry" not in loaded


def test_whoever_calls_is_told_an_error_without_secrets() -> None:
    """Also where nobody listens: an exception of a run quotes what the service said."""
    protect("desk", "canary-s3cr3t")
    request = RunRequest(
        run_id="run1",
        agent="agent/a",
        agent_id="agent_1",
        agent_version=1,
        environment_id="env_1",
        policy=agent_policy(),
        inputs={},
        out_dir=Path("out"),
        project_root=Path(),
    )
    connection = Connection(
        resources=cast(Resources, None),
        sessions=cast(Sessions, None),
        base_url="http://x",
        local=False,
        plays=True,
    )
    told: list[Notice] = []

    def fail() -> None:
        with connection.recorded(request, told.append) as observer:
            observer(Note(level="info", text="It began."))
            raise Rejected("The key canary-s3cr3t is wrong.", hint="Not canary-s3cr3t.", status=400)

    with pytest.raises(Rejected) as caught:
        fail()
    assert str(caught.value) == caught.value.message == "The key [desk] is wrong."
    assert caught.value.hint == "Not [desk]."
    assert told == [Note(level="info", text="It began.")]
