"""What a path of the tools means on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.local.paths import PathRefused, Places


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Places with links of every kind, good and bad."""
    places = Places(tmp_path_factory.mktemp("session"))
    places.create()
    outputs, uploads, work = places.outputs.host, places.uploads.host, places.workspace.host
    (uploads / "a.csv").write_text("x")
    (work / "d").mkdir()
    for name, target in {
        "up": "/mnt/session/uploads",
        "csv": "/mnt/session/uploads/a.csv",
        "out": "/etc",
        "dots": "../../../../../..",
        "host": "/var/lib",
        "loop": "loop",
        "ping": "pong",
        "pong": "/workspace/ping",
        "near": "d",
    }.items():
        (work / name).symlink_to(target)
    (outputs / "back").symlink_to("/workspace/up")
    return places


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("", "workspace"),
        ("a", "workspace/a"),
        ("./d/../b", "workspace/b"),
        ("/workspace", "workspace"),
        ("/mnt/session/outputs/x/y", "session/outputs/x/y"),
        ("//tmp/x", "tmp/x"),
        ("/tmp/", "tmp"),
        ("up/a.csv", "session/uploads/a.csv"),
        ("csv", "session/uploads/a.csv"),
        ("near/new/file", "workspace/d/new/file"),
        ("/mnt/session/outputs/back/a.csv", "session/uploads/a.csv"),
    ],
)
def test_a_path_leads_to_its_file(places: Places, path: str, host: str) -> None:
    assert places.resolve(path) == places.root / host


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "/",
        "/etc/passwd",
        "/mnt/session",
        "/workspace2/x",
        "/workspace/../etc/passwd",
        "out/passwd",
        "dots/etc/passwd",
        "host",
        "loop",
        "ping",
        "a\0b",
    ],
)
def test_what_leads_out_is_refused(places: Places, path: str) -> None:
    with pytest.raises(PathRefused) as caught:
        places.resolve(path)
    assert str(places.root) not in str(caught.value).replace(repr(path), "")


WORDS = (
    r".. . a d up csv out dots host loop near back ping workspace tmp mnt session outputs uploads"
    r" etc passwd ä ~ $HOME *"
)
parts = st.sampled_from([*WORDS.split(), "", "\n"])


@given(st.booleans(), st.lists(parts | st.text(max_size=5), max_size=8))
def test_no_path_leaves_the_places(places: Places, absolute: bool, words: list[str]) -> None:
    path = ("/" if absolute else "") + "/".join(words)
    try:
        found = places.resolve(path)
    except PathRefused:
        return
    real = Path(os.path.realpath(found))
    assert any(real.is_relative_to(place.host) for place in places.all)
    seen = places.seen(found)
    assert seen is not None
    assert places.resolve(seen) == found


def test_texts_lose_the_directories_of_this_machine(places: Places) -> None:
    text = f"{places.outputs.host}/a and {places.temporary.host} and {places.root}/x"
    assert places.hide(text) == "/mnt/session/outputs/a and /tmp and /x"
    assert places.seen(places.root) is None
    assert places.seen("/etc/passwd") is None


def test_the_session_is_closed_to_other_users(places: Places) -> None:
    assert places.root.stat().st_mode & 0o077 == 0
