"""The ledger and the transcript: what is written down, and what is read after a crash."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from agentflow.errors import StateError
from agentflow.runtime.ledger import FORMAT, Claim, Ledger
from agentflow.runtime.ledger_schema import _STEPS
from agentflow.runtime.session import Outcome
from agentflow.runtime.transcript import Transcript, read_transcript
from tests.runtime.support import HandClock


def begin(ledger: Ledger, run_id: str, at: str = "2026-01-01") -> None:
    ledger.begin_run(run_id, agent="agent/a", agent_id="agent_1", agent_version=1, at=at)


def claim(ledger: Ledger, call_id: str = "c1", *, idempotent: bool = False) -> Claim:
    return ledger.claim_call(
        run_id="r1",
        session_id="s1",
        call_id=call_id,
        tool="rate",
        input={"a": 1},
        idempotent=idempotent,
        at="2026",
    ).claim


def test_a_run_from_beginning_to_end(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "deep/ledger.db") as ledger:
        begin(ledger, "r1", "2026-01-01")
        begin(ledger, "r2", "2026-01-02")
        ledger.set_session("r1", "sesn_1")
        ledger.end_run(
            "r1", verdict="completed", reason="Done.", usage={"tokens": 1}, at="2026-01-03"
        )
    with Ledger.open(tmp_path / "deep/ledger.db") as ledger:
        newest, oldest = ledger.runs()
    assert (newest.id, newest.ended_at, newest.session_id) == ("r2", None, None)
    assert (oldest.verdict, oldest.reason, oldest.session_id) == ("completed", "Done.", "sesn_1")


def test_a_call_is_claimed_once_over_two_connections(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(path) as one, Ledger.open(path) as two:
        begin(one, "r1")
        assert claim(one) is Claim.FRESH
        assert claim(two) is Claim.UNFINISHED
        assert claim(two, idempotent=True) is Claim.FRESH
        one.finish_call("s1", "c1", Outcome(text="1", seconds=0.5), at="2026")
        two.finish_call("s1", "c1", Outcome(text="2"), at="2026")
        assert claim(two) is Claim.FINISHED
        assert two.outcome("s1", "c1") == Outcome(text="1", seconds=0.5)
        assert claim(two, "c2") is Claim.FRESH


def test_the_first_answer_to_a_call_stays(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        begin(ledger, "r1")
        for allowed in (True, False):
            ledger.record_approval(
                run_id="r1",
                session_id="s1",
                call_id="c1",
                tool="bash",
                allowed=allowed,
                by="rule 1",
                message=None,
                at="2026",
            )
        assert ledger.approvals("r1") == [("c1", "bash", True, "rule 1")]


def test_a_ledger_of_the_first_format_is_read_and_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    db = sqlite3.connect(path)
    db.executescript(_STEPS[0])
    db.execute(
        "INSERT INTO runs(id, agent, agent_id, agent_version, started_at) VALUES ('r1','a','i',1,'2026')"
    )
    db.execute("INSERT INTO approvals VALUES ('s1','c1','r1','bash',1,'rule 1',NULL,'2026')")
    db.execute("PRAGMA user_version=1")
    db.commit()
    db.close()
    for _ in range(2):
        with Ledger.open(path) as ledger:
            [run] = ledger.runs()
            assert (run.id, run.wall_s, run.resumes, run.stop_asked) == ("r1", 0.0, 0, None)
            assert ledger.record("r1") is None
            assert ledger.approval("s1", "c1") == (True, None)


def test_somebody_elsewhere_can_ask_for_the_end(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        begin(ledger, "r1")
        assert ledger.alive("r1", wall_s=2.5, at="2026-01-02") is None
        ledger.ask_to_stop("r1", who="bo@desk")
        assert ledger.alive("r1", wall_s=5.0, at="2026-01-03") == "bo@desk"
        ledger.resume_run("r1", at="2026-01-04")
        assert ledger.alive("r1", wall_s=6.0, at="2026-01-05") is None
        found = ledger.run("r1")
    assert found is not None
    assert (found.wall_s, found.seen_at, found.resumes) == (6.0, "2026-01-05", 1)


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger.open(path).close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version={FORMAT + 1}")
    db.close()
    with pytest.raises(StateError, match=f"has format {FORMAT + 1}"):
        Ledger.open(path)


def test_a_damaged_ledger_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StateError, match="cannot be opened"):
        Ledger.open(path)


def test_a_transcript_keeps_order_and_survives_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "runs/r1/transcript.jsonl"
    for text in ("one", "zwei\nü"):
        transcript = Transcript(path, HandClock())
        transcript.received({"type": "agent.message", "text": text})
        transcript.sent({"type": "user.interrupt"})
        transcript.close()
    with path.open("ab") as file:
        file.write(b'[1]\n{"at": 1, "in": 3}\n\xff{"at": "2026", "in": {"type')
    lines = list(read_transcript(path))
    assert [line.sent for line in lines] == [False, True, False, True]
    assert [line.event.get("text") for line in lines] == ["one", None, "zwei\nü", None]
    assert lines[0].at == "2026-11-22T10:00:00+00:00"


def test_what_stands_before_an_effect_waits_for_the_disk_and_the_rest_does_not(
    tmp_path: Path,
) -> None:
    statements: list[str] = []
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger._db.set_trace_callback(statements.append)
        begin(ledger, "r1")
        ledger.set_session("r1", "s1")
        ledger.claim_message("r1", 0, "Do it.", at="2026")
        ledger.confirm_message("r1", 0, "sevt_1")
        ledger.alive("r1", wall_s=1.0, at="2026")
        claim(ledger)
        ledger.finish_call("s1", "c1", Outcome(text="1"), at="2026")
        ledger.end_run("r1", verdict="completed", reason="Done.", usage={}, at="2026")
    waits, full = dict[str, bool](), True
    for statement in statements:
        if statement.startswith("PRAGMA synchronous="):
            full = statement.endswith("FULL")
        elif not statement.startswith(("SELECT", "PRAGMA")):
            words = statement.split("(")[0].split()
            waits[" ".join(words[:4] if words[0] == "UPDATE" else words[:3])] = full
    assert waits == {
        "INSERT INTO runs": False,
        "UPDATE runs SET session_id='s1'": False,
        "INSERT INTO messages": True,
        "UPDATE messages SET event_id='sevt_1'": False,
        "UPDATE runs SET wall_s=1.0,": False,
        "INSERT INTO tool_calls": True,
        "UPDATE tool_calls SET text='1',": False,
        "UPDATE runs SET verdict='completed',": False,
    }
