"""Somebody who is asked by a webhook: a real server on this machine, as it answers and as it fails."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2  # noqa: F401 - it takes a while, which is no part of any wait here
import pytest

from agentflow.compiler.late import secret
from agentflow.compiler.manifest import UncertaintyPolicy, WebhookPolicy
from agentflow.runtime.approvals import Answer, AskPerson
from agentflow.runtime.ledger import Ledger
from agentflow.runtime.notices import Note, Notice
from agentflow.runtime.people import LOOK_EVERY_S, People, Reply
from agentflow.runtime.questions import answer_question, question
from agentflow.runtime.session import Call, Stage
from agentflow.runtime.webhook import ARGUMENT_LIMIT, BODY_LIMIT, Inquiry, Webhook
from agentflow.secret import SecretText
from tests.runtime.bench import begin
from tests.runtime.support import HandClock

KEY = "correct horse battery"


class Server(ThreadingHTTPServer):
    """Answers each request with the next of what it was given; the last one stays."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, Any, Mapping[str, str]]] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.cut: set[int] = set()
        """Requests, counted from 1, whose answer is lost."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/ask"

    def says(self, body: Any, status: int = 200, **headers: str) -> None:
        self.answers.append((status, body, headers))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some of these tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {key.lower(): value for key, value in self.headers.items()}
        server.seen.append((self.command, self.path, headers, body))
        status, said, more = server.answers[min(len(server.seen), len(server.answers)) - 1]
        if len(server.seen) in server.cut:
            self.close_connection = True
            return
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class SleepClock(HandClock):
    """It remembers how long somebody slept on it."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(seconds)


class Desk:
    def __init__(self, root: Path, server: Server) -> None:
        self.server = server
        self.ledger = Ledger.open(root / "ledger.db")
        begin(self.ledger)
        self.notices: list[Notice] = []
        self.clock = SleepClock()
        self.person: Any = None
        # Made here, because what is masked is forgotten between tests.
        self.secrets = {
            "hook": SecretText("hook", KEY),
            "api": SecretText("api", "key-of-the-warehouse"),
        }

    @property
    def hook(self) -> WebhookPolicy:
        return WebhookPolicy(url=self.server.url, secret=secret("hook"))

    @property
    def people(self) -> People:
        unsure = UncertaintyPolicy(mode="ask", record=None, webhook=self.hook, wait_s=60.0)
        return People(
            run_id="run1",
            session_id="sesn_1",
            ledger=self.ledger,
            clock=self.clock,
            person=self.person,
            tell=self.notices.append,
            agent="agent/a",
            unsure=unsure,
            secrets=self.secrets,
            draw=lambda: 0.5,
        )

    def approval(self, wait_s: float = 60.0, **input: Any) -> Reply | None:
        rule = AskPerson("rule 1", wait_s, "deny", None, self.hook)
        call = Call(
            id="sevt_1",
            name="bash",
            input=input or {"command": "ls"},
            custom=False,
            server=None,
            stage=Stage.DECIDING,
            began_s=0.0,
            change="--- a\n+++ b",
        )
        return asyncio.run(self.people.approval(call, "bash", rule))

    def question(self, text: str) -> Reply | None:
        call = Call(
            id="sevt_2",
            name="ask_user",
            input={"question": text},
            custom=True,
            server=None,
            stage=Stage.RUNNING,
            began_s=0.0,
        )
        return asyncio.run(self.people.answer(call, text))

    def gives_up(self) -> bool:
        """Whether nothing is to be expected of the webhook any more."""
        hook = Webhook(
            self.hook,
            secrets=self.secrets,
            clock=self.clock,
            draw=lambda: 0.5,
            tell=self.notices.append,
        )
        inquiry = Inquiry(
            kind="approval",
            id="sevt_1",
            run_id="run1",
            session_id="sesn_1",
            agent="agent/a",
            tool="bash",
            arguments={},
            change=None,
            rule="rule 1",
            until=None,
        )
        return asyncio.run(hook.ask(inquiry)) is None

    @property
    def warnings(self) -> list[str]:
        return [n.text for n in self.notices if isinstance(n, Note) and n.level == "warning"]


@pytest.fixture
def desk(tmp_path: Path, server: Server) -> Iterator[Desk]:
    desk = Desk(tmp_path, server)
    yield desk
    desk.ledger.close()


def signed(headers: Mapping[str, str], body: bytes) -> bool:
    """What a receiver checks."""
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(KEY.encode(), text, hashlib.sha256).digest()
    return headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_an_answer_at_once(desk: Desk) -> None:
    desk.server.says({"answer": "allow", "who": "Ann\nof the desk"})
    reply = desk.approval()
    host = desk.server.url.split("/")[2]
    assert reply == Reply(True, None, f"Ann of the desk through {host}", "webhook")
    [(method, path, headers, body)] = desk.server.seen
    assert (method, path) == ("POST", "/ask")
    assert signed(headers, body)
    assert headers["webhook-id"] == "approval_sevt_1"
    sent = json.loads(body)
    assert sent["type"] == "agentflow.approval"
    assert sent["data"]["run"] == "run1"
    assert sent["data"]["session"] == "sesn_1"
    assert sent["data"]["why"] == "rule 1"
    assert sent["data"]["arguments"] == {"command": "ls"}
    assert sent["data"]["change"] == "--- a\n+++ b"
    assert sent["data"]["terminal"] == "agentflow sessions show run1"
    written = question(desk.ledger, "sesn_1", "sevt_1")
    assert written is not None
    assert reply is not None
    assert (written.allowed, written.who) == (True, reply.who)


def test_an_answer_that_is_looked_for(desk: Desk) -> None:
    desk.server.says({"status_url": "/ask/7", "token": "t0ken"}, 202, retry_after="3")
    desk.server.says({"status": "pending"})
    desk.server.says({"answer": "deny", "message": "Not on a Friday."})
    reply = desk.approval()
    assert reply is not None
    assert (reply.allow, reply.text) == (False, "Not on a Friday.")
    methods = [(method, path) for method, path, _, _ in desk.server.seen]
    assert methods == [("POST", "/ask"), ("GET", "/ask/7"), ("GET", "/ask/7")]
    for _, _, headers, body in desk.server.seen:
        assert signed(headers, body)
    assert "authorization" not in desk.server.seen[0][2]
    assert [seen[2]["authorization"] for seen in desk.server.seen[1:]] == ["Bearer t0ken"] * 2
    # Three seconds as it was told, then as long as usual.
    assert [s for s in desk.clock.slept if s != LOOK_EVERY_S] == [3.0, 5.0]


def test_a_question_is_answered_with_text(desk: Desk) -> None:
    desk.server.says({"answer": "The second one.", "who": "Ann"})
    reply = desk.question("Which?")
    assert reply is not None
    assert reply.text == "The second one."
    assert json.loads(desk.server.seen[0][3])["data"]["arguments"] == {"question": "Which?"}


NEVER_ALLOW = [
    {"answer": "yes"},
    {"answer": True},
    {"answer": "Allow"},
    {"answer": None},
    {"answer": ["allow"]},
    {"answer": ""},
    [],
    "allow",
    b"<html>allow</html>",
    b'{"answer": "allow"',
    b"\xff\xfe",
    b"[" * 20_000,
]


@pytest.mark.parametrize("said", NEVER_ALLOW, ids=str)
def test_nothing_but_the_word_allows(desk: Desk, said: Any) -> None:
    desk.server.says(said)
    assert desk.gives_up()
    assert any("cannot be asked about bash" in text for text in desk.warnings)


REFUSED: list[tuple[int, dict[str, str], str]] = [
    (302, {"location": "http://127.0.0.1:1/elsewhere"}, "Redirects are not followed"),
    (401, {}, "it says 401"),
    (404, {}, "it says 404"),
    (200, {"content_encoding": "gzip"}, "compressed"),
]


@pytest.mark.parametrize(("status", "headers", "why"), REFUSED)
def test_what_will_not_work_later_is_not_tried_again(
    desk: Desk, status: int, headers: dict[str, str], why: str
) -> None:
    desk.server.says({"answer": "allow"}, status, **headers)
    assert desk.gives_up()
    assert len(desk.server.seen) == 1
    assert why in desk.warnings[0]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_pass_is_tried_again_under_the_same_id(desk: Desk, status: int) -> None:
    desk.server.says({}, status, retry_after="7")
    desk.server.says({"answer": "allow"})
    assert desk.approval() is not None
    ids = {headers["webhook-id"] for _, _, headers, _ in desk.server.seen}
    assert len(desk.server.seen) == 2
    assert ids == {"approval_sevt_1"}
    assert desk.clock.seconds >= 7.0
    assert desk.server.seen[0][2]["webhook-timestamp"] < desk.server.seen[1][2]["webhook-timestamp"]


def test_a_lost_answer_is_asked_for_again(desk: Desk) -> None:
    """The receiver has it already, and sees by the id that it is the same question."""
    desk.server.says({"answer": "allow"})
    desk.server.cut = {1, 2}
    reply = desk.approval()
    assert reply is not None
    assert reply.allow
    assert len({headers["webhook-id"] for _, _, headers, _ in desk.server.seen}) == 1
    assert len(desk.warnings) == 1


def test_nobody_listening_is_nobody_answering(desk: Desk) -> None:
    port = desk.server.server_address[1]
    desk.server.says({"answer": "allow"})
    desk.server.server_close()
    assert desk.approval(wait_s=1.0) is None
    assert f"127.0.0.1:{port} does not answer about bash" in desk.warnings[0]
    left = question(desk.ledger, "sesn_1", "sevt_1")
    assert left is not None
    assert left.closed_at is None


def test_an_answer_that_never_comes_leaves_the_question_open(desk: Desk) -> None:
    desk.server.says({"status_url": "/ask/7"}, 202)
    assert desk.approval(wait_s=0.3) is None
    left = question(desk.ledger, "sesn_1", "sevt_1")
    assert left is not None
    assert left.closed_at is None


def test_a_second_answer_changes_nothing(desk: Desk) -> None:
    desk.server.says({"answer": "deny"})
    assert desk.approval() is not None
    late = answer_question(
        desk.ledger, "sesn_1", "sevt_1", allowed=True, answer=None, who="late", at="2026"
    )
    assert not late
    # Whoever asks again, as after a crash, finds the answer and asks nobody.
    reply = desk.approval()
    assert reply is not None
    assert not reply.allow
    assert len(desk.server.seen) == 1


def test_the_terminal_may_be_quicker(desk: Desk) -> None:
    class Quick:
        async def approve(self, call: Call, wait_s: float | None) -> Answer | None:
            return Answer(allow=False, message="Mine.")

    desk.server.says({"status_url": "/ask/7"}, 202)
    desk.person = Quick()
    reply = desk.approval()
    assert reply is not None
    assert (reply.allow, reply.text, reply.by) == (False, "Mine.", "person")


ELSEWHERE = [
    "https://evil.example.com/steal",
    "//evil.example.com/steal",
    "http://127.0.0.1:1/ask",
    "http://user@127.0.0.1/ask",
    "file:///etc/passwd",
    "http://[::1",
    7,
]


@pytest.mark.parametrize("url", ELSEWHERE, ids=str)
def test_a_place_to_look_at_is_of_the_same_origin(desk: Desk, url: Any) -> None:
    desk.server.says({"status_url": url, "token": "t"}, 202)
    assert desk.gives_up()
    assert "another origin" in desk.warnings[0]
    assert len(desk.server.seen) == 1


def test_a_token_cannot_add_headers(desk: Desk) -> None:
    desk.server.says({"status_url": "/ask/7", "token": "a\r\nx-other: b"}, 202)
    assert desk.gives_up()
    assert "token" in desk.warnings[0]


def test_an_answer_has_a_limit(desk: Desk) -> None:
    desk.server.says({"answer": "allow", "message": "x" * BODY_LIMIT})
    assert desk.gives_up()
    assert "longer than 64 KiB" in desk.warnings[0]


def test_secrets_and_the_rest_of_long_arguments_stay_here(desk: Desk) -> None:
    desk.server.says({"answer": "allow"})
    long = "x" * (ARGUMENT_LIMIT + 1)
    desk.approval(command="curl -H key-of-the-warehouse", more=[{"text": long}])
    [(_, _, headers, body)] = desk.server.seen
    assert b"key-of-the-warehouse" not in body
    assert KEY.encode() not in body
    assert KEY not in str(headers)
    data = json.loads(body)["data"]
    assert data["arguments"]["command"] == "curl -H [api]"
    assert data["cut"] == ["more.0.text"]
    assert len(data["arguments"]["more"][0]["text"]) == ARGUMENT_LIMIT
    assert all(KEY not in str(notice) for notice in desk.notices)


def test_a_key_of_standard_webhooks_is_its_bytes(desk: Desk) -> None:
    packed = "whsec_" + base64.b64encode(KEY.encode()).decode()
    desk.secrets["hook"] = SecretText("packed", packed)
    desk.server.says({"answer": "allow"})
    assert desk.approval() is not None
    assert signed(desk.server.seen[0][2], desk.server.seen[0][3])
