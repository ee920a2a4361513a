"""Results that are too long for an agent: kept whole, told in part, and the same after a crash."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.errors import StateError
from agentflow.runtime.results import RESULT_LIMIT, Results
from tests.runtime.bench import Bench, call
from tests.runtime.support import custom_policy


def test_a_short_result_is_the_result(tmp_path: Path) -> None:
    assert Results(tmp_path / "results").fitted("sevt_1", "x" * RESULT_LIMIT) == "x" * RESULT_LIMIT
    assert not (tmp_path / "results").exists()


def test_of_a_long_one_the_agent_gets_both_ends_and_people_the_whole(tmp_path: Path) -> None:
    text = "".join(f"{n:09}\n" for n in range(20_000))
    told = Results(tmp_path / "runs/r1/results").fitted("sevt_1", text, limit=5_000)
    kept = tmp_path / "runs/r1/results/sevt_1.txt"
    assert kept.read_text() == text
    assert len(told) <= 5_000
    assert "200,000 characters" in told
    assert hashlib.sha256(kept.read_bytes()).hexdigest() in told
    assert "r1/results/sevt_1.txt" in told
    assert "000000000\n000000001\n" in told
    assert told.endswith("000019999\n")
    assert "JSON" not in told


def test_json_that_is_cut_is_said_to_be(tmp_path: Path) -> None:
    data = json.dumps([{"n": n} for n in range(50_000)])
    told = Results(tmp_path).fitted("sevt_1", data)
    assert "It is JSON, and what you see of it does not parse." in told


@given(st.text(min_size=1_200), st.integers(1_000, 1_100))
def test_what_is_told_fits_and_is_of_the_text(text: str, limit: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        told = Results(Path(folder)).fitted("sevt_1", text, limit=limit)
        assert len(told) <= limit
        told.encode()
        kept = (Path(folder) / "sevt_1.txt").read_bytes().decode()
        assert kept == text.encode("utf-8", "replace").decode()
        head, tail = told.split("]\n", 1)[1].rsplit(" characters left out …]\n", 1)
        assert kept.endswith(tail)
        assert kept.startswith(head.rsplit("\n[… ", 1)[0])


@pytest.mark.parametrize("id", ["../../etc/passwd", "a/b", "x" * 500, "\x00"])
def test_a_call_names_a_file_and_no_path(id: str, tmp_path: Path) -> None:
    Results(tmp_path / "results").fitted(id, "x" * 2_000, limit=1_000)
    [kept] = (tmp_path / "results").iterdir()
    assert kept.suffix == ".txt"


def test_where_nothing_can_be_kept_nothing_is_cut(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file is in the way")
    with pytest.raises(StateError, match="cannot be kept"):
        Results(tmp_path / "results").fitted("sevt_1", "x" * 2_000, limit=1_000)


def test_after_a_crash_the_same_bytes_are_sent(bench: Bench) -> None:
    tool = custom_policy("shop.tools:big", max_result=2_000)
    [first] = bench.run(call(), rate=tool)
    [again] = bench.run(call(), rate=tool)
    assert again.text == first.text
    assert len(first.text) <= 2_000
    kept = bench.root / "runs/run1/results/sevt_1.txt"
    assert len(kept.read_text()) == 200_000
