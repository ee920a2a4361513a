"""`kill -9` at any point of an apply leaves what the next one completes, without a duplicate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentflow.compiler.manifest import Manifest
from tests.operations.crash import apply_and_die
from tests.operations.service import Bench
from tests.plan.support import agent, environment, manifest, resource

WANTED = manifest(agent("a"), agent("b"), environment("e"))

# Three creates, the state written before them and after each, and a point before and after each
# write. Actions that end in the same moment share a write: at least two writes, at most four.
FEWEST, MOST = 3 + 2 * 2, 3 + 2 * 4


def _changed(wanted: Manifest) -> Manifest:
    return replace(
        wanted,
        resources=tuple(
            resource(r.address, {**r.payload, "description": "New."}) for r in wanted.resources
        ),
    )


def _recovers(bench: Bench, wanted: Manifest) -> None:
    bench.apply_all(wanted)
    assert bench.names("agent") == ["a", "b"]
    assert bench.names("environment") == ["e"]
    assert bench.plan(wanted).is_empty
    assert len(bench.store.read().state.resources) == 3


@pytest.mark.parametrize("point", range(1, MOST + 1))
def test_a_first_apply_killed_anywhere(bench: Bench, point: int) -> None:
    assert apply_and_die(bench, WANTED, point) or point > FEWEST
    _recovers(bench, WANTED)


def test_there_are_no_more_points_than_that(bench: Bench) -> None:
    assert not apply_and_die(bench, WANTED, MOST + 1)
    _recovers(bench, WANTED)


@pytest.mark.parametrize("point", [1, 4, 7])
def test_an_update_killed_anywhere(bench: Bench, point: int) -> None:
    bench.apply_all(WANTED)
    assert apply_and_die(bench, _changed(WANTED), point)
    _recovers(bench, _changed(WANTED))
    assert {record.version for record in bench.list("agent")} == {2}
