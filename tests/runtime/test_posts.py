"""Custom tools that are requests: a real server on this machine, as it answers and as it fails."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from agentflow.compiler.late import secret
from agentflow.compiler.manifest import CustomToolPolicy, HttpPolicy
from agentflow.runtime.post import BODY_LIMIT
from agentflow.secret import SecretText
from tests.runtime.bench import Bench, call
from tests.runtime.support import custom_policy

JSON = "application/json"


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        self.done = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some of these tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def desk(self) -> Server:
        assert isinstance(self.server, Server)
        return self.server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.desk.seen.append(
            (self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(body))
        )
        ANSWERS[self.path.strip("/")](self)

    do_GET = do_POST

    def answer(self, body: bytes, status: int = 200, type: str = JSON, **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-type", type)
        self.send_header("content-length", headers.pop("length", str(len(body))))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def huge(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.end_headers()
        for _ in range(BODY_LIMIT // 65536 + 2):
            self.wfile.write(b"x" * 65536)

    def slow(self) -> None:
        self.desk.done.wait(60)

    def drips(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "100000")
        self.end_headers()
        while not self.desk.done.wait(0.01):
            self.wfile.write(b" ")

    def early(self) -> None:
        self.answer(b'{"half":', length="1000")
        self.close_connection = True

    def rude(self) -> None:
        self.wfile.write(b"this is no HTTP\r\n\r\n")
        self.close_connection = True

    def echo_secret(self) -> None:
        self.answer(f"bad token {self.headers['authorization']}".encode(), 401, "text/plain")

    def mirror(self) -> None:
        """All headers, as a server does that is being debugged."""
        self.answer(json.dumps(dict(self.headers.items())).encode())

    def bomb(self) -> None:
        """A small answer that says it is large."""
        packed = gzip.compress(b"x" * (4 * BODY_LIMIT))
        self.answer(packed, 200, "text/plain", **{"content-encoding": "gzip"})


ANSWERS: dict[str, Callable[[Handler], None]] = {
    "rate": lambda h: h.answer(b'{"rate": 1.1}'),
    "text": lambda h: h.answer("ünd".encode("latin-1"), type="text/plain; charset=latin-1"),
    "unknown-charset": lambda h: h.answer(b"plain", type="text/plain; charset=klingon"),
    "long": lambda h: h.answer(b"x" * 200_000, type="text/plain"),
    "created": lambda h: h.answer(b'{"id": 7}', 201),
    "empty": lambda h: h.answer(b"", 204),
    "broken": lambda h: h.answer(b"it is down", 500, "text/plain"),
    "moved": lambda h: h.answer(b"", 302, location="/rate"),
    "not-json": lambda h: h.answer(b"<html>Log in</html>"),
    "huge": Handler.huge,
    "slow": Handler.slow,
    "drips": Handler.drips,
    "early": Handler.early,
    "rude": Handler.rude,
    "echo-secret": Handler.echo_secret,
    "mirror": Handler.mirror,
    "bomb": Handler.bomb,
    "odd-charset": lambda h: h.answer(b"plain", type="text/plain; charset=idna"),
    "slow-charset": lambda h: h.answer(b"a" * 200_000, type="text/plain; charset=punycode"),
    "deep": lambda h: h.answer(b"[" * 200_000),
}


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.done.set()
    server.shutdown()
    thread.join()
    server.server_close()


def tool(
    server: Server,
    path: str,
    *,
    expect: tuple[int, ...] | None = None,
    headers: dict[str, str] | None = None,
    **changes: Any,
) -> CustomToolPolicy:
    url = f"http://127.0.0.1:{server.server_address[1]}/{path}"
    http = HttpPolicy(url=url, headers=headers or {}, expect=expect)
    return custom_policy(None, http=http, **changes)


def test_the_arguments_are_sent_and_the_body_is_the_result(bench: Bench, server: Server) -> None:
    policy = tool(server, "rate", headers={"X-Desk": "fx"})
    [outcome] = bench.run(call(currency="EUR", note="ä"), rate=policy)
    assert (outcome.text, outcome.is_error) == ('{"rate": 1.1}', False)
    [(path, headers, body)] = server.seen
    assert path == "/rate"
    assert body == {"currency": "EUR", "note": "ä"}
    assert headers["content-type"] == JSON
    assert headers["x-desk"] == "fx"
    assert headers["idempotency-key"] == "sevt_1"


def test_own_headers_replace_ours(bench: Bench, server: Server) -> None:
    policy = tool(server, "rate", headers={"Content-Type": "application/vnd.desk+json"})
    bench.run(call(), rate=policy)
    assert server.seen[0][1]["content-type"] == "application/vnd.desk+json"


@pytest.mark.parametrize(
    ("path", "expect", "text"),
    [
        ("text", None, "ünd"),
        ("unknown-charset", None, "plain"),
        ("odd-charset", None, "plain"),
        ("created", None, '{"id": 7}'),
        ("created", (200, 201), '{"id": 7}'),
        ("empty", None, ""),
        ("broken", (500,), "it is down"),
        ("moved", (302,), ""),
    ],
)
def test_an_expected_answer(
    bench: Bench, server: Server, path: str, expect: tuple[int, ...] | None, text: str
) -> None:
    [outcome] = bench.run(call(), rate=tool(server, path, expect=expect))
    assert (outcome.text, outcome.is_error) == (text, False)


FAILURES: list[tuple[str, tuple[int, ...] | None, str]] = [
    ("broken", None, "rate failed. The answer has status 500. It says: it is down"),
    ("created", (200,), 'The answer has status 201. It says: {"id": 7}'),
    ("empty", (200,), "The answer has status 204."),
    ("moved", None, "The answer has status 302. Redirects are not followed."),
    ("not-json", None, "The answer says it is JSON, and is not. It is: <html>Log in</html>"),
    ("huge", None, f"The answer is longer than {BODY_LIMIT >> 20} MiB."),
    ("deep", None, "The answer says it is JSON, and is not. It is: [[["),
    ("bomb", None, "The answer is compressed (gzip), and only a plain one is read."),
    ("early", None, "The request broke off: "),
    ("rude", None, "The request broke off: "),
]


@pytest.mark.parametrize(("path", "expect", "words"), FAILURES)
def test_a_failure_is_told(
    bench: Bench, server: Server, path: str, expect: tuple[int, ...] | None, words: str
) -> None:
    [outcome] = bench.run(call(), rate=tool(server, path, expect=expect))
    assert outcome.is_error
    assert words in outcome.text
    assert len(server.seen) == 1


@pytest.mark.parametrize("path", ["slow", "drips"])
def test_the_time_limit_is_for_the_whole_answer(bench: Bench, server: Server, path: str) -> None:
    [outcome] = bench.run(call(), rate=tool(server, path, timeout_s=0.5))
    assert outcome.is_error
    assert "no whole answer within 0.5 s" in outcome.text
    assert "not known" in outcome.text


def test_nobody_listens(bench: Bench) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        http = HttpPolicy(url=f"http://127.0.0.1:{port}/", headers={}, expect=None)
        [outcome] = bench.run(call(), rate=custom_policy(None, http=http))
    assert outcome.is_error
    assert "The request broke off: " in outcome.text


def test_a_host_that_does_not_exist(bench: Bench) -> None:
    http = HttpPolicy(url="https://desk.invalid/rates", headers={}, expect=None)
    [outcome] = bench.run(call(), rate=custom_policy(None, http=http))
    assert outcome.is_error
    assert "The request broke off: " in outcome.text


def test_a_header_is_in_no_text(bench: Bench, server: Server) -> None:
    policy = tool(server, "echo-secret", headers={"Authorization": "Bearer s3cr3t-s3cr3t"})
    [outcome] = bench.run(call(), rate=policy)
    assert "s3cr3t" not in outcome.text
    assert "[Authorization]" in outcome.text


def test_a_secret_is_put_in_place_and_is_in_no_text(bench: Bench, server: Server) -> None:
    headers = {"Authorization": f"Bearer {secret('desk')}", "X-Desk": "fx"}
    policy = tool(server, "echo-secret", headers=headers)
    [outcome] = bench.run(
        call(), secrets={"desk": SecretText("desk", "s3cr3t-s3cr3t")}, rate=policy
    )
    assert server.seen[0][1]["authorization"] == "Bearer s3cr3t-s3cr3t"
    assert "s3cr3t" not in outcome.text
    assert "s3cr3t" not in (bench.root / "ledger.db").read_bytes().decode("latin-1")


@pytest.mark.parametrize("path", ["mirror", "echo-secret"])
@pytest.mark.parametrize("value", ["s3cr3t-s3cr3t", 's3cr3t-"\\s3cr3t'])
def test_a_secret_inside_of_a_header_is_in_no_text(
    bench: Bench, server: Server, path: str, value: str
) -> None:
    """Also not where a server that is content repeats what it was sent."""
    policy = tool(server, path, headers={"Authorization": f"key={secret('desk')}!"})
    [outcome] = bench.run(call(), secrets={"desk": SecretText("desk", value)}, rate=policy)
    assert "s3cr3t" in server.seen[0][1]["authorization"]
    assert "s3cr3t" not in outcome.text


def test_text_in_an_unusual_charset_takes_no_time(bench: Bench, server: Server) -> None:
    [outcome] = bench.run(call(), rate=tool(server, "slow-charset", timeout_s=20.0))
    assert outcome.text.endswith("aaa")


@pytest.mark.parametrize("value", ["two\nlines", "two\r\nX-Other: y", "ünd", " "])
def test_a_secret_that_is_no_header_is_not_sent(bench: Bench, server: Server, value: str) -> None:
    policy = tool(server, "rate", headers={"X-Key": secret("desk")})
    [outcome] = bench.run(call(), secrets={"desk": SecretText("desk", value)}, rate=policy)
    assert outcome.text.endswith("its secret is not one line of ASCII characters.")
    assert server.seen == []


def test_a_proxy_does_not_see_what_stays_on_this_machine(
    bench: Bench, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    [outcome] = bench.run(call(), rate=tool(server, "rate"))
    assert not outcome.is_error


def test_a_long_answer_is_cut_and_a_repeated_call_is_not_sent(bench: Bench, server: Server) -> None:
    first, second = bench.run(call(), call(), rate=tool(server, "long"))
    assert "200,000 characters" in first.text
    assert second.text == first.text
    assert len(server.seen) == 1


@pytest.mark.parametrize(("idempotent", "sent"), [(False, 0), (True, 1)])
def test_a_call_begun_before_a_crash(
    bench: Bench, server: Server, idempotent: bool, sent: int
) -> None:
    bench.ledger.claim_call(
        run_id="run1",
        session_id="sesn_1",
        call_id="sevt_1",
        tool="rate",
        input={},
        idempotent=idempotent,
        at="2026",
    )
    [outcome] = bench.run(call(), rate=tool(server, "rate", idempotent=idempotent))
    assert len(server.seen) == sent
    assert outcome.is_error is not idempotent


def test_a_refused_argument_is_not_sent(bench: Bench, server: Server) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    policy = tool(server, "rate", input_schema=schema)
    [outcome] = bench.run(call(n="many"), rate=policy)
    assert outcome.is_error
    assert server.seen == []
