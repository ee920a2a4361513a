"""H: what goes into a session, and what comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.runtime.outputs import OUTPUTS_DIR
from agentflow.runtime.run import Verdict
from tests.matrix.shapes import turn, write_call
from tests.pitfalls.pit import REPORT, Pit
from tests.pitfalls.specs import agent, linted

DONE = turn("Done.")


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    path.write_text("id,price\n1,2\n", encoding="utf-8")
    return path


def test_69_what_was_put_in_is_not_taken_for_what_came_out(pit: Pit, orders: Path) -> None:
    played = pit.play(turn("The report.", REPORT), DONE, inputs={"orders": orders})
    assert played.result.verdict is Verdict.COMPLETED
    files = pit.do(pit.sessions.files(str(played.result.session_id)))
    assert sorted((file.filename, file.downloadable) for file in files) == [
        ("orders.csv", False),
        ("report.md", True),
    ]
    assert played.result.extra_files == ()
    assert [path.name for path in played.result.out_dir.iterdir()] == ["report.md"]


def test_70_files_of_one_name_are_kept_apart(pit: Pit) -> None:
    calls = [write_call(f"{region}/sales.md", f"# {region}\n") for region in ("emea", "apac")]
    calls = [{**call, "id": f"sales{n}"} for n, call in enumerate(calls)]
    played = pit.play(turn("The reports.", REPORT, *calls), DONE)
    assert played.result.verdict is Verdict.COMPLETED
    texts = sorted(path.read_text() for path in played.result.extra_files)
    assert texts == ["# apac\n", "# emea\n"]
    assert len({path.name for path in played.result.extra_files}) == 2


def test_70_a_prompt_that_wants_directories_is_told() -> None:
    prompt = f"Save one chart for each region as {OUTPUTS_DIR}emea/sales.svg and so on."
    assert "AF523" in linted(agent("tools: { write: allow }", prompt))


def test_71_a_file_that_is_listed_late_is_waited_for(pit: Pit) -> None:
    played = pit.play(turn("The report.", REPORT), DONE, faults={"late_files": 2})
    assert played.fired.count("late_files") == 2
    assert played.result.verdict is Verdict.COMPLETED
    assert [output.problems for output in played.result.outputs] == [()]
    assert played.result.repairs == 0


def test_72_what_a_session_produced_is_here_before_anybody_can_delete_it(pit: Pit) -> None:
    played = pit.play(turn("The report.", REPORT), DONE)
    id = str(played.result.session_id)
    pit.do(pit.stage.client.beta.sessions.delete(id))
    assert pit.do(pit.sessions.files(id)) == []
    [output] = played.result.outputs
    assert output.path is not None
    assert output.path.read_text() == "# Rates\n"


def test_73_a_file_is_where_the_prompt_says_or_lint_says_where_it_is() -> None:
    mounted = 'tools: { read: allow }\nfiles: { orders: { path: "id:file_1", mount: /data/o.csv } }'
    found = linted(agent(mounted, "Read the orders in /data/o.csv first."))
    assert "/mnt/session/uploads/data/o.csv" in f"{found['AF524'].message} {found['AF524'].hint}"
    assert "AF522" in linted(agent(mounted, "Read /mnt/session/uploads/o.csv first."))
    away = agent(
        "tools: { write: allow }\noutputs: { r: { path: r.md } }", "Save it to /home/r.md."
    )
    assert "AF504" in linted(away)


def test_74_what_a_session_was_created_without_is_told(pit: Pit, orders: Path) -> None:
    played = pit.play(
        turn("The report.", REPORT),
        DONE,
        inputs={"orders": orders},
        faults={"lost_resources": 1},
    )
    [warning] = played.result.warnings
    assert "without the file /orders.csv" in warning
    played = pit.play(turn("The report.", REPORT), DONE, inputs={"orders": orders})
    assert played.result.warnings == ()
