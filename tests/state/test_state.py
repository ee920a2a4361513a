"""The state file: what survives, what is refused, and who may write."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.errors import StateError
from agentflow.state.migrate import migrate
from agentflow.state.model import Entry, Place, State
from agentflow.state.store import StateStore

names = st.text(min_size=1, max_size=12)
entries = st.builds(
    Entry,
    kind=st.sampled_from(["agent", "environment"]),
    id=names,
    version=st.none() | st.integers(1, 10**9),
    sent_digest=names,
    returned_digest=names,
    archived=st.booleans(),
)
states = st.builds(
    State,
    project=names,
    target=names,
    serial=st.integers(0, 10**9),
    place=st.none()
    | st.builds(Place, organization_id=st.none() | names, workspace_id=st.none() | names),
    resources=st.dictionaries(names, entries, max_size=4),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)

ENTRY = Entry(kind="agent", id="agent_1", version=3, sent_digest="1:a", returned_digest="1:b")


def store(tmp_path: Path, **changes: str) -> StateStore:
    return StateStore(tmp_path / "state", **{"project": "p", "target": "local", **changes})


def sample() -> State:
    return State(project="p", target="local").with_entry("agent/a", ENTRY)


@given(states)
def test_a_state_survives_its_json(state: State) -> None:
    assert State.from_json(json.loads(json.dumps(state.to_json()))) == state
    assert json.loads(state.to_text()) == state.to_json()


@given(json_values)
def test_any_other_json_is_a_state_error_or_a_state(data: Any) -> None:
    try:
        state = State.from_json(data)
    except StateError:
        return
    assert State.from_json(state.to_json()) == state


@given(states.filter(lambda s: bool(s.resources)), st.data())
def test_one_wrong_type_anywhere_in_an_entry_is_refused(state: State, data: st.DataObject) -> None:
    table = state.to_json()
    entry = table["resources"][data.draw(st.sampled_from(sorted(table["resources"])))]
    key = data.draw(st.sampled_from(sorted(entry)))
    entry[key] = ["not this"]
    with pytest.raises(StateError, match=key):
        State.from_json(table)


def test_what_is_written_is_read_and_the_serial_grows(tmp_path: Path) -> None:
    written = store(tmp_path).write(sample())
    assert written.serial == 1
    assert store(tmp_path).read() == (written, None)
    assert store(tmp_path).write(written).serial == 2


def test_no_file_is_an_empty_state_and_reading_makes_nothing(tmp_path: Path) -> None:
    assert store(tmp_path).read() == (State(project="p", target="local"), None)
    assert list(tmp_path.iterdir()) == []


def test_the_backup_is_what_was_there_before_the_command(tmp_path: Path) -> None:
    first = store(tmp_path).write(sample())
    command = store(tmp_path)
    command.write(command.write(first.without("agent/a")))
    backup = tmp_path / "state" / "local.json.backup"
    assert State.from_json(json.loads(backup.read_text())) == first
    assert sorted(p.name for p in (tmp_path / "state").iterdir()) == [
        "local.json",
        "local.json.backup",
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "format number"),
        (b'{"format": true}', "format number"),
        (b'{"format": 0}', "never in use"),
        (b'{"format": 1}', "`project`"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_damaged_file_is_an_empty_state_with_the_reason(
    tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "local.json").write_bytes(content)
    state, damage = store(tmp_path).read()
    assert state == State(project="p", target="local")
    assert damage is not None
    assert why in damage


def test_the_file_of_another_project_is_not_believed(tmp_path: Path) -> None:
    store(tmp_path).write(sample())
    state, damage = store(tmp_path, project="other").read()
    assert not state.resources
    assert damage == "it belongs to 'p', target 'local'."


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    path = tmp_path / "state" / "local.json"
    path.write_text('{"format": 99}')
    with pytest.raises(StateError, match="format 99") as caught:
        store(tmp_path).read()
    assert caught.value.hint == "Use the newer agentflow that wrote it."
    assert path.read_text() == '{"format": 99}'


def test_a_directory_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state" / "local.json").mkdir(parents=True)
    with pytest.raises(StateError, match="cannot be read"):
        store(tmp_path).read()
    with pytest.raises(StateError, match="cannot be written"):
        store(tmp_path).write(sample())
    leftovers = [p.name for p in (tmp_path / "state").iterdir() if p.name.startswith(".")]
    assert leftovers == []


def test_steps_lead_from_an_old_format_to_the_current_one() -> None:
    steps = {1: lambda data: {**data, "b": 1}, 2: lambda data: {**data, "c": data["b"] + 1}}
    assert migrate({"format": 1}, current=3, migrations=steps) == {"format": 3, "b": 1, "c": 2}


def test_a_lock_excludes_others_names_the_holder_and_is_given_back(tmp_path: Path) -> None:
    with store(tmp_path).lock():
        with pytest.raises(StateError, match=f"process {os.getpid()}"), store(tmp_path).lock():
            pass
        with store(tmp_path, target="other").lock():
            pass
    with store(tmp_path).lock():
        pass


_HOLD = """
import pathlib, sys
from agentflow.state.store import StateStore
with StateStore(pathlib.Path(sys.argv[1]), project="p", target="local").lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_of_a_killed_process_stops_nobody(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "state")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(StateError, match=f"process {process.pid}"), store(tmp_path).lock():
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with store(tmp_path).lock():
            pass
