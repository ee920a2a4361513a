"""What the embedded service leaves on the disk."""

from __future__ import annotations

import os
from pathlib import Path

import anthropic
import pytest

from agentflow.errors import FileRefused, ProblemsFound
from agentflow.operations.embedded import Embedded, embedded_service


def test_other_users_cannot_look_into_what_the_service_keeps(tmp_path: Path) -> None:
    (tmp_path / ".agentflow").mkdir()
    (tmp_path / ".agentflow").chmod(0o755)  # as a checkout makes it
    mask = os.umask(0o022)
    try:
        with embedded_service(Embedded(root=tmp_path, script=None, open_to_others=True)):
            kept = tmp_path / ".agentflow" / "local"
            assert kept.stat().st_mode & 0o077 == 0
            assert (kept / "service.json").stat().st_mode & 0o077 == 0
    finally:
        os.umask(mask)


@pytest.mark.parametrize("where", ["script", "file", "both"])
def test_what_goes_wrong_on_purpose(tmp_path: Path, where: str) -> None:
    script, file = tmp_path / "script.yaml", tmp_path / "faults.yaml"
    rule = "{ answers: [{ to: agents.list, status: %d }] }"
    text = "turns: [{ say: Hi. }]\n"
    script.write_text(text + (f"faults: {rule % 503}\n" if where != "file" else ""))
    file.write_text(rule % 529)
    faults = None if where == "script" else file
    how = Embedded(root=tmp_path, script=script, faults=faults, unsafe_no_sandbox=True)
    with embedded_service(how) as endpoint:
        client = anthropic.Anthropic(
            base_url=endpoint.base_url, api_key=endpoint.token, max_retries=0
        )
        with client, pytest.raises(anthropic.APIStatusError) as raised:
            client.beta.agents.list()
        assert raised.value.status_code == (503 if where == "script" else 529)


def test_faults_that_are_none_start_nothing(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text("cut_stream: 3\n")
    how = Embedded(root=tmp_path, script=None, faults=file)
    with pytest.raises(ProblemsFound) as raised, embedded_service(how):
        raise AssertionError("it was started")
    assert "'cut_stream'" in raised.value.problems[0].message
    with (
        pytest.raises(FileRefused, match="cannot be read"),
        embedded_service(Embedded(root=tmp_path, script=None, faults=tmp_path / "none.yaml")),
    ):
        raise AssertionError("it was started")
