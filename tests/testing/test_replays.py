"""Cassettes: recorded and replayed, free of secrets, and hard to please where something else happens."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import agentflow
from agentflow import secret
from agentflow.errors import FileRefused, UsageError
from agentflow.operations.check import open_project
from agentflow.operations.evidence import gather
from agentflow.operations.importing import import_session
from agentflow.operations.recording import check_cassette, record_session
from agentflow.ports import SessionInfo
from agentflow.runtime.cassette import (
    CassetteWriter,
    Tape,
    hide,
    protect_environment,
    read_tape,
)
from agentflow.runtime.file_bodies import file_body, tape_bytes
from agentflow.runtime.recording import RecordingSessions
from agentflow.testing.bench import Bench
from agentflow.testing.clock import HandClock, run_jumping
from agentflow.testing.player import CassetteSessions
from agentflow.testing.results import Result
from agentflow.testing.suite import run_cases
from tests.testing.desk import AGENT, SCRIPT, TOOLS, make_desk

CANARY = "canary-3f9Kq2-value"
"""The secret of the project, which the run meets everywhere."""
MINTED = "sk-ant-api03-Zr8mQv2LxT6yWn4BcD0fGh1JkPs"
"""A key of nobody's, of which nothing is known but how it looks."""

TEST = """\
apiVersion: agentflow/v1
kind: Test
name: again
layer: replay
agent: analyst
cassette: ./run.jsonl
"""


def leaky(root: Path) -> Path:
    """A desk whose agent, tools and files all repeat secrets."""
    text = AGENT.replace(
        "targets: { local: { service: local } }",
        "secrets: { desk_key: 'env:DESK_KEY' }\n"
        "targets: { local: { service: local, driver: { script: ./script.yaml } } }",
    ).replace(
        '    run: "shop.tools:rate"\n',
        '    run: "shop.tools:rate"\n    env: { DESK_KEY: "${secret.desk_key}" }\n',
    )
    text = text.replace(", bash: ask", "").replace(
        'approvals:\n  - { tool: bash, match: { command: "python3 *" }, answer: allow }\n', ""
    )
    encoded = base64.b64encode(CANARY.encode()).decode()
    script = SCRIPT.replace("say: I look first.", f"say: I look first, with {CANARY} and {MINTED}.")
    script = script.replace("currency: EUR", f'currency: "EUR {CANARY}"')
    script = script.replace("The total is 42.", f"The total is 42, {quote(CANARY)} {encoded}.")
    begin, end = script.index("  - expect:"), script.index("  - tools:\n      - name: write")
    script = script[:begin] + script[end:]
    tools = TOOLS.replace(
        'return {"value": 1.1}',
        'import os\n    return {"value": 1.1, "key": os.environ["DESK_KEY"]}',
    )
    make_desk(root)
    for name, content in {
        "agentflow.yaml": text,
        "script.yaml": script,
        "shop/tools.py": tools,
        "orders.csv": f"city,total,key\nRome,42,{CANARY}\n",
    }.items():
        (root / name).write_text(content, encoding="utf-8")
    return root


class Recorded:
    def __init__(self, root: Path, result: agentflow.RunResult) -> None:
        self.root = root
        self.result = result
        self.text = (root / "run.jsonl").read_text(encoding="utf-8")

    def replay(self, more: str = "", **changes: str) -> Result:
        """The result of a replay, with some files of the project changed."""
        kept = {name: (self.root / name).read_text(encoding="utf-8") for name in changes}
        try:
            for name, text in changes.items():
                (self.root / name).write_text(text, encoding="utf-8")
            (self.root / "tests.yaml").write_text(TEST + more, encoding="utf-8")
            bench = Bench.of(open_project(self.root))
            [result] = run_cases(bench, bench.cases(), jobs=1)
            return result
        finally:
            (self.root / "tests.yaml").unlink()
            for name, text in kept.items():
                (self.root / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    root = leaky(tmp_path_factory.mktemp("desk"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESK_KEY", CANARY)
        result = agentflow.run(project=root, record=root / "run.jsonl")
        assert result.verdict == "completed", result.reason
        how: dict[str, Any] = {"target": "local", "overwrite": False}
        project = open_project(root)
        asyncio.run(record_session(project, "last", root / "copy.jsonl", **how))
        told = asyncio.run(gather(project, "last", target="local", ask_service=True))
        (root / "export.json").write_text(json.dumps(told.events), encoding="utf-8")
        # Somebody else's process, which has not met the secrets yet.
        patch.setattr(secret, "_shown", {})
        import_session(project, root / "export.json", root / "imported.jsonl", **how)
    return Recorded(root, result)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No service, no secret, and no way out: of this process nothing can connect."""
    monkeypatch.delenv("DESK_KEY", raising=False)
    monkeypatch.setattr(secret, "_shown", {})

    def refuse(*_: object) -> None:
        raise AssertionError("something went live")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("cassette", ["run.jsonl", "copy.jsonl"])
def test_a_cassette_replays_to_the_same_end(cassette: str, recorded: Recorded) -> None:
    result = recorded.result
    changed = TEST.replace("run.jsonl", cassette)
    (recorded.root / "tests.yaml").write_text(
        changed + f"expect:\n  limits: {{ usd: {result.cost_usd}, turns: {result.turns}, "
        f"tokens: {result.tokens.total} }}\n  tools: {{ counts: {{ rate: 1, read: 1, write: 2 }} }}\n"
        "  outputs:\n    report: { sections: [Findings, Appendix], contains: [The total is 42] }\n"
        "    totals: { contains: ['{\"total\": 42}'] }\n",
        encoding="utf-8",
    )
    bench = Bench.of(open_project(recorded.root))
    [replayed] = run_cases(bench, bench.cases(), jobs=1)
    (recorded.root / "tests.yaml").unlink()
    assert replayed.outcome == "passed", replayed.failures
    assert f"${result.cost_usd:.4f}" in (replayed.note or "")
    assert "changed" not in (replayed.note or "")


@pytest.mark.parametrize("cassette", ["run.jsonl", "copy.jsonl", "imported.jsonl"])
def test_no_secret_gets_into_a_cassette(cassette: str, recorded: Recorded) -> None:
    assert CANARY in (recorded.root / "export.json").read_text(encoding="utf-8")
    text = (recorded.root / cassette).read_text(encoding="utf-8")
    encoded = base64.b64encode(CANARY.encode()).decode().rstrip("=")
    for form in (CANARY, MINTED, quote(CANARY), encoded):
        assert form not in text
    # They were met: in messages, arguments, results and files.
    assert text.count("[desk_key]") >= 5
    assert "[hidden]" in text
    tape = read_tape(recorded.root / cassette)
    assert "[desk_key]" in tape.masked


@pytest.mark.usefixtures("offline")
def test_changed_specs_are_told_apart_from_changed_behaviour(recorded: Recorded) -> None:
    text = (recorded.root / "agentflow.yaml").read_text(encoding="utf-8")
    changed = recorded.replay(**{"agentflow.yaml": text.replace("You analyse", "You count")})
    assert changed.outcome == "passed"
    assert "changed since it was recorded: payload.system" in (changed.note or "")

    told = recorded.replay(**{"agentflow.yaml": text.replace("for {{", "in {{")})
    assert told.outcome == "failed"
    assert "specs have changed" in told.failures[0].message
    assert "policy.task" in (told.failures[0].got or "")
    assert "something else is sent" in told.failures[1].message
    assert "in emea" in (told.failures[1].got or "")

    misses = recorded.replay("expect: { messages: [Gone] }\n")
    assert misses.outcome == "failed"
    assert "specs are those of the recording" in misses.failures[0].message


@pytest.mark.usefixtures("offline")
def test_what_is_not_on_the_tape_fails_and_nothing_goes_live(recorded: Recorded) -> None:
    lines = [json.loads(line) for line in recorded.text.splitlines()]

    def without(op: str, *, last: bool) -> str:
        numbers = [n for n, line in enumerate(lines) if line.get("op") == op]
        left = [line for n, line in enumerate(lines) if n != numbers[-1 if last else 0]]
        return "\n".join(map(json.dumps, left)) + "\n"

    no_answer = recorded.replay(**{"run.jsonl": without("send", last=True)})
    assert no_answer.outcome == "failed"
    assert any("not on the tape" in f.message.lower() for f in no_answer.failures)
    no_file = recorded.replay(**{"run.jsonl": without("download", last=False)})
    assert any("a file is downloaded" in f.message for f in no_file.failures)
    other_input = recorded.replay("inputs: { orders: ./golden-report.md }\n")
    assert any("a file is uploaded" in f.message for f in other_input.failures)


@pytest.mark.usefixtures("offline")
def test_a_repair_that_was_not_made_then_is_a_miss(recorded: Recorded) -> None:
    text = (recorded.root / "agentflow.yaml").read_text(encoding="utf-8")
    stricter = text.replace("[Findings, Appendix]", "[Findings, Appendix, Sources]")
    result = recorded.replay(**{"agentflow.yaml": stricter})
    assert any("something else is sent" in f.message for f in result.failures)


DAMAGED = {
    "": "line 1",
    "{}\n": "line 1",
    '{"cassette": 9}\n': "format is 9",
    '{"cassette": 1}\nno\n': "line 2",
    '{"cassette": 1}\n[]\n': "no JSON object",
    '{"cassette": 1}\n{"out": 1}\n': "no `op`",
    '{"cassette": 1}\n{"op": "download", "out": {"base64": "*"}}\n': "line 2",
}


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_cassette_is_told_with_its_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileRefused, match="cannot be read") as caught:
        read_tape(path)
    assert DAMAGED[text] in caught.value.message


def test_a_cassette_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as caught:
        read_tape(tmp_path / "run.jsonl")
    assert "agentflow run --record" in (caught.value.hint or "")


def test_nothing_is_replaced_unless_somebody_says_so(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    check_cassette(path, overwrite=False)
    path.write_text("kept", encoding="utf-8")
    check_cassette(path, overwrite=True)
    with pytest.raises(UsageError, match="exists"):
        check_cassette(path, overwrite=False)
    with pytest.raises(UsageError, match="directory"):
        check_cassette(tmp_path, overwrite=True)


def test_what_the_environment_keeps_secret_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret, "_shown", {})
    protect_environment(
        {"SHOP_API_KEY": "sesame-open-77", "HOME": "/home/desk", "A_TOKEN": "short"}
    )
    told = hide({"sesame-open-77": ["x sesame-open-77", "/home/desk", "short"]})
    assert told == {"[SHOP_API_KEY]": ["x [SHOP_API_KEY]", "/home/desk", "short"]}


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
)


@given(_JSON)
def test_hiding_leaves_data_without_secrets_as_it_is(value: Any) -> None:
    assert hide(value) == value


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_file_of_any_kind_keeps_its_bytes_but_not_its_secrets(head: bytes, tail: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secret, "_shown", {})
        assert tape_bytes(file_body(head + tail, compressed=True)) == head + tail
        secret.protect("key", CANARY)
        kept = tape_bytes(file_body(head + CANARY.encode() + tail, compressed=True))
    assert CANARY.encode() not in kept
    assert kept == head + b"[key]" + tail


def test_a_recording_stays_a_recording_when_the_service_fails(tmp_path: Path) -> None:
    """Answers that got lost are on the tape too, and are lost again."""
    root = leaky(tmp_path)
    text = (root / "script.yaml").read_text(encoding="utf-8")
    faults: Mapping[str, Any] = {
        "answers": [{"to": "events.send", "number": 2, "broken": True, "after_effect": True}],
        "cut_stream_after": 5,
    }
    (root / "script.yaml").write_text(f"faults: {json.dumps(faults)}\n{text}", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESK_KEY", CANARY)
        result = agentflow.run(project=root, record=root / "run.jsonl")
    assert result.verdict == "completed", result.reason
    lines = [json.loads(line) for line in (root / "run.jsonl").read_text().splitlines()]
    assert any("error" in line and line["op"] == "send" for line in lines)
    assert any("error" in line and line["op"] == "stream_end" for line in lines)
    replayed = Recorded(root, result).replay()
    assert replayed.outcome == "passed", replayed.failures


def test_what_a_session_is_made_with_is_masked_too(tmp_path: Path) -> None:
    """Tokens of repositories and headers of requests go out with the body of a session, if anywhere."""
    secret.SecretText("repo_token", "tok-9aKq-77-plain")
    made = SessionInfo(
        id="sesn_1",
        status="idle",
        agent_id="agent_1",
        agent_version=1,
        environment_id="env_1",
        usage={},
        stats={},
        metadata={"note": "Authorization: Bearer tok-9aKq-77-plain"},
    )

    class Service(CassetteSessions):
        async def create(self, body: Mapping[str, Any]) -> SessionInfo:
            return made

    async def record() -> None:
        with CassetteWriter(tmp_path / "run.jsonl", HandClock(), {"agent": "agent/a"}) as writer:
            sessions = RecordingSessions(Service(Tape(path=tmp_path, head={}, lines=())), writer)
            token = {"type": "github_repository", "authorization_token": "tok-9aKq-77-plain"}
            await sessions.create({"resources": [token], "headers": {"x-key": "tok-9aKq-77-plain"}})

    run_jumping(record())
    text = (tmp_path / "run.jsonl").read_text(encoding="utf-8")
    assert "tok-9aKq-77-plain" not in text
    assert text.count("[repo_token]") == 4  # the last is the list of what stands for secrets
