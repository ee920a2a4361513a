"""Sessions, their files and threads over HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from agentflow.local.blobs import Blobs
from agentflow.local.faults import Faults
from tests.support.service import (
    CUSTOM,
    TOOLSET,
    Bench,
    Running,
    message,
    only,
    running_service,
    types,
    until_stop,
)

BETAS = ["managed-agents-2026-04-01"]
HELLO = "turns: [{ say: One. }, { say: Two. }]"
DELIVERS = """
turns:
  - tools:
      - { id: a, name: bash, input: { command: deliver report.md } }
      - { id: b, name: bash, input: { command: deliver sub/report.md } }
  - say: Done.
  - tools: [{ id: c, name: bash, input: { command: deliver report.md } }]
  - say: Again.
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_service(tmp_path_factory.mktemp("service"), script=HELLO) as service:
        yield service


def said(error: pytest.ExceptionInfo[anthropic.APIStatusError]) -> str:
    assert isinstance(error.value.body, dict)
    return str(error.value.body["error"]["message"])


def test_a_session_keeps_the_agent_it_was_made_with(running: Running) -> None:
    client = running.own
    session = client.beta.sessions.retrieve(running.session(title="T", metadata={"a": "b"}))
    assert (session.status, session.title, session.metadata) == ("idle", "T", {"a": "b"})
    client.beta.agents.update(session.agent.id, version=1, system="Changed.")
    assert client.beta.sessions.retrieve(session.id).agent.system is None
    newer = client.beta.sessions.create(
        agent=session.agent.id, environment_id=session.environment_id
    )
    assert (newer.agent.version, newer.agent.system) == (2, "Changed.")
    pinned = client.beta.sessions.create(
        agent={"type": "agent", "id": session.agent.id, "version": 1},
        environment_id=session.environment_id,
    )
    assert pinned.agent.version == 1


def test_initial_events_start_it_at_once(running: Running) -> None:
    client = running.own
    first = client.beta.sessions.retrieve(running.session())
    session = client.beta.sessions.create(
        agent=first.agent.id,
        environment_id=first.environment_id,
        initial_events=[message("go")],  # type: ignore[list-item]
    )
    assert session.status == "running"
    with client.beta.sessions.events.stream(session.id) as stream:
        seen = types(running.history(session.id))
        if seen[-1] != "session.status_idle":
            until_stop(stream)
    assert types(running.history(session.id))[-1] == "session.status_idle"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"agent": "agent_no"}, 404, "Agent 'agent_no' does not exist"),
        ({"environment_id": "env_no"}, 404, "Environment 'env_no' does not exist"),
        ({"agent": {"type": "agent", "id": "X", "version": 0}}, 400, "agent.version"),
        ({"agent": {"type": "agent_with_overrides", "id": "X", "name": "n"}}, 400, "name: Extra"),
        ({"vault_ids": ["vlt_1"]}, 400, "not available in the local"),
        ({"resources": [{"type": "memory_store", "memory_store_id": "m"}]}, 400, "resources.0: memory_store: not available"),
        ({"resources": [{"type": "memory_store", "memory_store_id": "m", "access": "rw"}]}, 400, "resources.0.access"),
        ({"resources": [{"type": "memory_store", "memory_store_id": "m"}] * 9}, 400, "at most 8 memory stores"),
        ({"resources": [{"type": "github_repository", "url": "https://github.com/a/b"}]}, 400, "resources.0: github_repository: not available"),
        ({"resources": [{"type": "github_repository", "url": "git@github.com:a/b"}]}, 400, "resources.0.url"),
        ({"resources": [{"type": "github_repository", "url": "https://github.com/a/b.git"}]}, 400, "without `.git`"),
        ({"resources": [{"type": "github_repository", "url": "https://github.com/a/b", "checkout": {"type": "commit", "sha": "abc"}}]}, 400, "checkout.sha"),
        ({"resources": [{"type": "github_repository", "url": "https://github.com/a/b", "mount_path": "/b"}]}, 400, "resources.0.mount_path"),
        ({"resources": [{"type": "file", "file_id": "file_no"}]}, 404, "'file_no' does not exist"),
        ({"initial_events": [{"type": "user.interrupt"}]}, 400, "initial_events.0"),
        ({"initial_events": [{"type": "user.message", "content": [{"type": "text", "text": "x"}]}] * 51}, 400, "at most 50"),
        ({"budget": {"type": "limit", "max_list_cost": {"amount": "2.5", "currency": "USD"}}}, 400, "budget.max_list_cost.amount"),
        ({"budget": {"type": "limit", "max_list_cost": {"amount": "0", "currency": "USD"}}}, 400, "budget.max_list_cost.amount"),
        ({"budget": {"type": "limit", "max_list_cost": {"amount": "5", "currency": "EUR"}}}, 400, "budget.max_list_cost.currency"),
        ({"extra_body": {"prompt": "x"}}, 400, "prompt: Extra inputs"),
    ],
)  # fmt: skip
def test_a_session_the_service_refuses(
    running: Running, body: dict[str, Any], status: int, message: str
) -> None:
    client = running.own
    good = client.beta.sessions.retrieve(running.session())
    full = {"agent": good.agent.id, "environment_id": good.environment_id, **body}
    if isinstance(full["agent"], dict):
        full["agent"] = {**full["agent"], "id": good.agent.id}
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.beta.sessions.create(**full)
    assert caught.value.status_code == status
    assert message in said(caught)


def test_a_model_without_a_price_cannot_be_budgeted(running: Running) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        running.session(
            agent={"model": "claude-of-my-own"},
            budget={"type": "limit", "max_list_cost": {"amount": "5", "currency": "USD"}},
        )
    assert caught.value.error_code == "model_not_budgetable"


def test_a_model_without_a_price_has_no_list_cost(running: Running) -> None:
    events = running.turn(running.session(agent={"model": "claude-of-my-own"}), message("go"))
    usage = only(events, "session.usage")["usage"]
    assert usage["output_tokens"] > 0
    assert usage["list_cost"] is None


def test_lists_filter_and_page_both_ways(tmp_path: Path) -> None:
    with running_service(tmp_path, script=HELLO) as running:
        client = running.own
        ids = [running.session() for _ in range(5)]
        running.turn(ids[0], message("go"))
        client.beta.sessions.archive(ids[1])
        listed = client.beta.sessions.list
        assert [s.id for s in listed(limit=2)] == [ids[4], ids[3], ids[2], ids[0]]
        assert [s.id for s in listed(order="asc", include_archived=True)] == ids
        assert [s.id for s in listed(statuses=["terminated"], include_archived=True)] == [ids[1]]
        assert [s.id for s in listed(statuses=["idle", "running"], limit=9)] == [
            *reversed(ids[2:]),
            ids[0],
        ]
        third = client.beta.sessions.retrieve(ids[2])
        assert [s.id for s in listed(agent_id=third.agent.id)] == [ids[2]]
        assert [s.id for s in listed(agent_id=third.agent.id, agent_version=2)] == []
        assert [s.id for s in listed(created_at_gt=third.created_at)] == [ids[4], ids[3]]
        assert [s.id for s in listed(created_at_lte=third.created_at)] == [ids[2], ids[0]]
        first = listed(limit=2)
        second = first.get_next_page()
        assert first.prev_page is None
        assert [s.id for s in second.data] == [ids[2], ids[0]]
        back = listed(limit=2, page=second.prev_page or "")
        assert [s.id for s in back.data] == [ids[4], ids[3]]
        with pytest.raises(anthropic.BadRequestError, match="order=desc"):
            listed(limit=2, order="asc", page=first.next_page or "")
        for page in ("nonsense", "page_!!", first.next_page or ""):
            with pytest.raises(anthropic.BadRequestError, match="page: this"):
                client.beta.agents.list(page=page)
        with pytest.raises(anthropic.BadRequestError, match="agent_version"):
            listed(agent_version=1)
        with pytest.raises(anthropic.BadRequestError, match="between 1 and 1000"):
            listed(limit=0)


def test_events_filter_and_page(running: Running) -> None:
    client = running.own
    session = running.session()
    running.turn(session, message("go"))
    all_ids = [event["id"] for event in running.history(session)]
    listed = client.beta.sessions.events.list
    assert [e.id for e in listed(session, limit=3)] == all_ids
    assert [e.id for e in listed(session, limit=4, order="desc")] == all_ids[::-1]
    chosen = listed(session, types=["agent.message", "session.status_idle"])
    assert [e.type for e in chosen] == ["agent.message", "session.status_idle"]
    moment = [e.processed_at for e in listed(session)][3]
    assert moment is not None
    later = [e.id for e in listed(session, created_at_gte=moment)]
    assert later == all_ids[-len(later) :]
    assert all_ids[3] in later


def test_an_update_emits_only_what_changed(running: Running) -> None:
    client = running.own
    session = running.session(metadata={"a": "1"})
    patch: Any = {"a": None}
    client.beta.sessions.update(session, title="T", metadata=patch)
    client.beta.sessions.update(session, title="T")
    event = only(running.history(session), "session.updated")
    assert (event["title"], event["metadata"], event["budget"]) == ("T", None, None)
    with pytest.raises(anthropic.BadRequestError, match="vault_ids"):
        client.beta.sessions.update(session, vault_ids=["vlt_1"])


def test_archive_ends_a_session_and_delete_forgets_it(running: Running) -> None:
    client = running.own
    session = running.session()
    with client.beta.sessions.events.stream(session) as stream:
        archived = client.beta.sessions.archive(session)
        assert archived.status == "terminated"
        assert archived.archived_at is not None
        assert client.beta.sessions.archive(session).archived_at == archived.archived_at
        with pytest.raises(anthropic.BadRequestError, match="terminated"):
            client.beta.sessions.events.send(session, events=[message("x")])  # type: ignore[list-item]
        assert client.beta.sessions.delete(session).type == "session_deleted"
        assert [event.type for event in stream] == [
            "session.thread_status_terminated",
            "session.status_terminated",
            "session.deleted",
        ]
    for ask in (client.beta.sessions.retrieve, client.beta.sessions.events.list):
        with pytest.raises(anthropic.NotFoundError):
            ask(session)


def test_a_running_session_is_neither_archived_nor_deleted(tmp_path: Path) -> None:
    script = "turns: [{ tools: [{ name: bash, input: { command: hang } }] }]"
    with running_service(tmp_path, script=script, toolbox=Bench()) as running:
        client = running.own
        session = running.session(agent={"tools": [TOOLSET]})
        client.beta.sessions.events.send(session, events=[message("go")])  # type: ignore[list-item]
        for ask in (client.beta.sessions.archive, client.beta.sessions.delete):
            with pytest.raises(anthropic.BadRequestError, match="is running"):
                ask(session)
        running.turn(session, {"type": "user.interrupt"})
        client.beta.sessions.archive(session)


def test_the_status_may_lag_behind_its_event(tmp_path: Path) -> None:
    with running_service(tmp_path, script=HELLO, faults=Faults(late_status=2)) as running:
        client = running.own
        session = running.session()
        assert client.beta.sessions.retrieve(session).status == "idle"
        running.turn(session, message("go"))
        assert client.beta.sessions.retrieve(session).status == "running"
        with pytest.raises(anthropic.BadRequestError, match="is running"):
            client.beta.sessions.archive(session)
        assert client.beta.sessions.archive(session).status == "terminated"
        assert running.faults.fired == ["late_status", "late_status"]


def test_the_primary_thread_is_the_session(running: Running) -> None:
    client = running.own
    session = running.session()
    [thread] = client.beta.sessions.threads.list(session)
    assert (thread.usage, thread.parent_thread_id) == (None, None)
    running.turn(session, message("go"))
    seen = client.beta.sessions.threads.retrieve(thread.id, session_id=session)
    assert seen.usage is not None
    assert seen.usage.output_tokens
    events = client.beta.sessions.threads.events.list(thread.id, session_id=session)
    assert [e.id for e in events] == [e["id"] for e in running.history(session)]
    with pytest.raises(anthropic.NotFoundError):
        client.beta.sessions.threads.retrieve("sthr_no", session_id=session)


# Files


def upload(running: Running, name: str = "a.csv", data: bytes = b"x,y\n") -> str:
    return running.own.beta.files.upload(file=(name, data, "text/csv")).id


def test_an_upload_is_kept_and_not_downloadable(running: Running) -> None:
    client = running.own
    file = client.beta.files.retrieve_metadata(upload(running, "../../etc/a.csv"))
    assert (file.filename, file.size_bytes, file.mime_type) == ("a.csv", 4, "text/csv")
    assert file.id in [f.id for f in client.beta.files.list(limit=1)]
    assert [f.id for f in client.beta.files.list(ids=[file.id, "file_no"])] == [file.id]
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.beta.files.download(file.id)
    assert caught.value.error_code == "file_not_downloadable"
    client.beta.files.delete(file.id)
    with pytest.raises(anthropic.NotFoundError):
        client.beta.files.retrieve_metadata(file.id)


def test_a_file_is_mounted_as_a_read_only_copy(tmp_path: Path) -> None:
    with running_service(tmp_path, script=HELLO, toolbox=Bench()) as running:
        client = running.own
        file = upload(running)
        session = running.session(
            resources=[{"type": "file", "file_id": file, "mount_path": "/d/a.csv"}]
        )
        [resource] = client.beta.sessions.resources.list(session)
        assert resource.type == "file"
        assert resource.mount_path == "/mnt/session/uploads/d/a.csv"
        assert resource.file_id != file
        copy = tmp_path / "sessions" / session / "session/uploads/d/a.csv"
        assert copy.read_bytes() == b"x,y\n"
        assert copy.stat().st_mode & 0o222 == 0
        [listed] = client.beta.files.list(scope_id=session, betas=BETAS)
        assert (listed.id, listed.downloadable) == (resource.file_id, False)
        more = client.beta.sessions.resources.add(session, file_id=file, type="file")
        assert more.mount_path == f"/mnt/session/uploads/{file}"
        client.beta.sessions.resources.delete(more.id, session_id=session)
        assert len(list(client.beta.sessions.resources.list(session))) == 1
        client.beta.files.delete(file)
        assert copy.read_bytes() == b"x,y\n"


@pytest.mark.parametrize(
    "path",
    ["a.csv", "/", "/../a", "/a/../b", "/a//b", "/a/", "/./a", "/a\0b", "", "/" + "x" * 2000,
     "/mnt/session/uploads/../outputs/a"],
)  # fmt: skip
def test_a_mount_path_never_leaves_its_folder(running: Running, path: str) -> None:
    session = running.session()
    with pytest.raises(anthropic.BadRequestError, match="mount_path"):
        running.own.beta.sessions.resources.add(
            session, file_id=upload(running), type="file", mount_path=path
        )


def test_mounts_do_not_collide(running: Running) -> None:
    file = upload(running)
    mounts = [{"type": "file", "file_id": file, "mount_path": p} for p in ("/a", "/a/b")]
    with pytest.raises(anthropic.BadRequestError, match="collides"):
        running.session(resources=mounts)


def test_what_is_delivered_is_listed_and_downloaded(tmp_path: Path) -> None:
    with running_service(tmp_path, script=DELIVERS, toolbox=Bench()) as running:
        client = running.own
        session = running.session(agent={"tools": [TOOLSET]})
        running.turn(session, message("go"))
        files = list(client.beta.files.list(scope_id=session, betas=BETAS))
        assert [f.filename for f in files] == ["report.md", "report.md"]
        assert all(f.downloadable and f.mime_type == "text/markdown" for f in files)
        texts = {client.beta.files.download(f.id).read() for f in files}
        assert texts == {b"delivered report.md", b"delivered sub/report.md"}
        running.turn(session, message("again"))
        later = {f.id for f in client.beta.files.list(scope_id=session, betas=BETAS)}
        assert len(later) == 2
        assert len(later & {f.id for f in files}) == 1  # the file that was written again is new
        with pytest.raises(anthropic.BadRequestError, match="anthropic-beta"):
            client.beta.files.list(scope_id=session)
        client.beta.sessions.delete(session)
        assert not (tmp_path / "sessions" / session).exists()
        with pytest.raises(anthropic.NotFoundError):
            client.beta.files.retrieve_metadata(files[0].id)


def test_the_list_of_files_may_lag(tmp_path: Path) -> None:
    faults = Faults(late_files=1)
    with running_service(tmp_path, script=DELIVERS, toolbox=Bench(), faults=faults) as running:
        session = running.session(agent={"tools": [TOOLSET]})
        running.turn(session, message("go"))
        listed = running.own.beta.files.list
        assert list(listed(scope_id=session, betas=BETAS)) == []
        assert len(list(listed(scope_id=session, betas=BETAS))) == 2


def test_only_regular_files_are_delivered(tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    (outputs / "sub").mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (outputs / "a.txt").write_text("a")
    (outputs / "sub" / "b.txt").write_text("b")
    (outputs / "link").symlink_to(secret)
    (outputs / "folder").symlink_to(tmp_path)
    os.mkfifo(outputs / "pipe")
    blobs = Blobs(tmp_path / "blobs")
    found = blobs.deliveries(outputs, {})
    assert [(f.path, f.blob.read_text()) for f in found] == [("a.txt", "a"), ("sub/b.txt", "b")]
    assert blobs.deliveries(outputs, {f.path: f.stamp for f in found}) == []
    outputs.rename(tmp_path / "moved")
    outputs.symlink_to(tmp_path / "moved")
    assert blobs.deliveries(outputs, {}) == []


def test_custom_tools_are_what_the_agent_declares(running: Running) -> None:
    session = running.own.beta.sessions.retrieve(running.session(agent={"tools": [CUSTOM]}))
    assert [tool.type for tool in session.agent.tools] == ["custom"]
