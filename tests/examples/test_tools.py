"""Custom tools of examples: every `handler` test, called as a run calls them, and the request."""

from __future__ import annotations

import asyncio
import json
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentflow.cli.main import main
from agentflow.compiler.manifest import canonical_json
from agentflow.operations.clock import SystemClock
from agentflow.runtime.approvals import Allow, AskPerson, Deny, decide
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.people import People
from agentflow.runtime.pool import WorkerPool
from agentflow.runtime.results import Results
from agentflow.runtime.session import Outcome
from agentflow.runtime.tools import ToolHost
from agentflow.spec.test import TestSpec as Spec
from tests.examples.support import NAMES, Case, manifest, sound_graph
from tests.runtime.bench import begin, call
from tests.support.cli import clean_environment, copy_example

HANDLERS = [
    (name, test)
    for name in NAMES
    for test, bound in sorted(sound_graph(Case(name, "local")).tests.items())
    if bound.spec.layer == "handler"
]


async def outcomes(example: str, spec: Spec, project: Path) -> list[Outcome]:
    """What each call of a test comes to, by the code that serves a run."""
    pool = WorkerPool(project)
    ledger = Ledger.open(project / "ledger.db")
    begin(ledger)
    host = ToolHost(
        manifest(Case(example, "local")).agents[f"agent/{spec.agent}"].custom,
        run_id="run1",
        session_id="sesn_1",
        pool=pool,
        ledger=ledger,
        clock=SystemClock(),
        people=People(
            run_id="run1",
            session_id="sesn_1",
            ledger=ledger,
            clock=SystemClock(),
            person=None,
            tell=lambda notice: None,
        ),
        secrets={},
        results=Results(project / ".agentflow/runs/run1/results"),
    )
    try:
        return [
            await host.run(replace(call(one.tool, f"sevt_{number}"), input=plain(one.arguments)))
            for number, one in enumerate(spec.calls or ())
        ]
    finally:
        await pool.close()
        ledger.close()


def plain(value: Any) -> Any:
    """A value of a spec as JSON has it: its numbers are decimal."""
    return json.loads(canonical_json(value))


def value(text: str) -> Any:
    """A result as data, where it is JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_there_are_handler_tests() -> None:
    assert "custom-tools" in {name for name, _ in HANDLERS}


@pytest.mark.parametrize(("example", "test"), HANDLERS)
def test_the_handlers_answer_as_their_tests_expect(example: str, test: str, tmp_path: Path) -> None:
    spec = sound_graph(Case(example, "local")).tests[test].spec
    found = asyncio.run(outcomes(example, spec, copy_example(example, tmp_path)))
    for expected, outcome in zip(spec.calls or (), found, strict=True):
        assert outcome.is_error is (expected.error is not None), outcome.text
        if expected.error is not None:
            assert expected.error in outcome.text
        elif expected.result is not None:
            assert value(outcome.text) == plain(expected.result)
        assert all(text in outcome.text for text in expected.contains or ())


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("python3 -m pytest -q tests/test_itsdangerous", Allow),
        ("python3 -m pytest; git push", AskPerson),
        ("git diff > /mnt/session/outputs/change.patch", Allow),
        ("git diff > CHANGES.rst", AskPerson),
        ("git push origin main", Deny),
        ("rm -rf tests", AskPerson),
    ],
)
def test_the_coding_agent_runs_what_its_approvals_let_through(command: str, answer: type) -> None:
    policy = manifest(Case("coding-agent", "prod")).agents["agent/maintainer"]
    assert isinstance(decide(policy.approvals, "bash", {"command": command}), answer)


@contextmanager
def register(project: Path) -> Iterator[int]:
    """The other side of the example's request, on a port of its own."""
    with subprocess.Popen(
        [sys.executable, "tools/register.py", "0"],
        cwd=project,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 30)[0], "it does not start"
            url = process.stdout.readline()
            yield int(url.rpartition(":")[2].partition("/")[0])
        finally:
            process.kill()


def test_the_request_reaches_the_register(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = copy_example("custom-tools", tmp_path)
    with register(project) as port:
        code = main(["run", "-C", str(project), "--var", f"port={port}"])
    shown = capsys.readouterr()
    assert code == 0, shown.out + shown.err
    assert 'The register says: {"entry": 1}' in shown.err
