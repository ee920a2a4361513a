"""[io] Ask somebody through a webhook: a signed POST, answered at once or at a place that is looked at.

The request is signed as Standard Webhooks has it (https://www.standardwebhooks.com): `webhook-id` is the
same however often a question is sent, also after a crash, so a receiver can know one that comes twice;
`webhook-timestamp` is new each time, so one that was recorded is of no use later; `webhook-signature` is an
HMAC of both and the body, with a secret that is in no text of ours.

An answer counts only if it says exactly what it means. Whatever else comes back, allow is not read from it.
Redirects are not followed, and a place to look at is of the same origin as the webhook.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import SplitResult, urljoin, urlsplit

from agentflow.compiler.manifest import WebhookPolicy
from agentflow.ports import Clock
from agentflow.runtime import backoff
from agentflow.runtime.notices import Note, Observer
from agentflow.runtime.post import trusted
from agentflow.secret import SecretText, masked
from agentflow.spec.base import SECRET_MARK
from agentflow.spec.custom import is_loopback

if TYPE_CHECKING:
    import httpx2

__all__ = ["ARGUMENT_LIMIT", "Inquiry", "Said", "Webhook", "sign"]

REQUEST_S = 30.0
"""One request, from its sending to the end of its answer."""
BODY_LIMIT = 64 << 10
"""Bytes of an answer."""
ARGUMENT_LIMIT = 100_000
"""Characters of one text of the arguments that are sent; the rest is for `agentflow sessions show`."""
POLL_S = 5.0
"""Between looks, where the receiver does not say."""
LONGEST_S = 60.0
"""Between looks, and between tries, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What somebody is asked."""

    kind: Literal["approval", "question"]
    id: str
    """Of the call."""
    run_id: str
    session_id: str
    agent: str
    """Address."""
    tool: str
    arguments: Mapping[str, Any]
    change: str | None
    """A unified diff of what the call would change. None: it changes no file, or that is not known."""
    rule: str | None
    """Why: the rule that has somebody asked. None: the agent asks."""
    until: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    allow: bool
    text: str | None
    who: str


class _Again(Exception):
    """It may work later. `after_s`: not before; None: nobody said."""

    def __init__(self, why: str, after_s: float | None = None) -> None:
        super().__init__(why)
        self.after_s = after_s


class _Refused(Exception):
    """It will not work later either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    """The answer will be found at `url`, for whoever shows the token. None: it will be told elsewhere."""

    url: str | None
    token: str | None
    every_s: float


class Webhook:
    """One receiver, who is asked as often as there is something to ask."""

    def __init__(
        self,
        policy: WebhookPolicy,
        *,
        secrets: Mapping[str, SecretText],
        clock: Clock,
        draw: Callable[[], float],
        tell: Observer,
    ) -> None:
        """`secrets`: by name, with the one that the policy signs with."""
        self._url = policy.url
        self._key = _key(SECRET_MARK.sub(lambda m: secrets[m[1]].reveal(), policy.secret))
        self._clock = clock
        self._draw = draw
        self._tell = tell

    @property
    def host(self) -> str:
        return urlsplit(self._url).netloc

    async def ask(self, inquiry: Inquiry) -> Said | None:
        """The answer, however long it takes: to cancel this is to stop waiting. None: there will be none.

        A send that failed is repeated until it is cancelled: the receiver knows it by its id.
        """
        content = json.dumps(_body(inquiry), ensure_ascii=False).encode("utf-8", "replace")
        try:
            came = await self._patiently(inquiry, "POST", self._url, content, None)
            while isinstance(came, _Pending):
                if came.url is None:
                    return None
                await self._clock.sleep(came.every_s)
                place = came
                came = await self._patiently(inquiry, "GET", came.url or "", b"", came.token)
                if isinstance(came, _Pending):
                    came = _Pending(url=place.url, token=place.token, every_s=came.every_s)
        except _Refused as error:
            text = f"{self.host} cannot be asked about {inquiry.tool}: {error}"
            self._tell(Note(level="warning", text=text))
            return None
        return came

    async def _patiently(
        self, inquiry: Inquiry, method: str, url: str, content: bytes, token: str | None
    ) -> Said | _Pending:
        attempt = 0
        while True:
            try:
                return await self._once(inquiry, method, url, content, token)
            except _Again as error:
                if attempt == 0:
                    text = f"{self.host} does not answer about {inquiry.tool}, and is asked again: {error}"
                    self._tell(Note(level="warning", text=text))
                pause_s = error.after_s or backoff.delay_s(attempt, self._draw())
                await self._clock.sleep(min(pause_s, LONGEST_S))
                attempt += 1

    async def _once(
        self, inquiry: Inquiry, method: str, url: str, content: bytes, token: str | None
    ) -> Said | _Pending:
        import httpx2

        id, at = f"{inquiry.kind}_{inquiry.id}", int(self._clock.now().timestamp())
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        headers |= sign(self._key, id, at, content)
        if method == "POST":
            headers["content-type"] = "application/json"
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        # A proxy of the surroundings is for hosts elsewhere.
        around = not is_loopback(urlsplit(url).hostname or "")
        try:
            async with (
                asyncio.timeout(REQUEST_S),
                httpx2.AsyncClient(
                    timeout=None, follow_redirects=False, trust_env=around, verify=trusted(around)
                ) as client,
                client.stream(method, url, content=content, headers=headers) as answer,
            ):
                return self._read(inquiry, answer, await _whole(answer))
        except TimeoutError:
            raise _Again(f"there was no answer within {REQUEST_S:g} s.") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise _Again(f"the request broke off ({type(error).__name__}).") from None

    def _read(self, inquiry: Inquiry, answer: httpx2.Response, body: bytes) -> Said | _Pending:
        status = answer.status_code
        if status in (408, 425, 429) or status >= 500:
            raise _Again(f"it says {status}.", _seconds(answer.headers.get("retry-after")))
        if not 200 <= status < 300:
            moved = " Redirects are not followed." if answer.has_redirect_location else ""
            raise _Refused(f"it says {status}.{moved}")
        try:
            data = json.loads(body) if body.strip() else {}
        except (ValueError, RecursionError):
            raise _Refused("what it says is not JSON.") from None
        if not isinstance(data, dict):
            raise _Refused("what it says is no JSON object.")
        if "answer" in data:
            return self._said(inquiry, data)
        return self._pending(data, _seconds(answer.headers.get("retry-after")))

    def _said(self, inquiry: Inquiry, data: Mapping[str, Any]) -> Said:
        answer, message, who = data["answer"], data.get("message"), data.get("who")
        name = " ".join(who.split())[:200] if isinstance(who, str) and who.strip() else "somebody"
        by = f"{name} through {self.host}"
        if inquiry.kind == "question" and isinstance(answer, str) and answer.strip():
            return Said(allow=True, text=answer, who=by)
        if inquiry.kind == "approval" and answer in ("allow", "deny"):
            text = message if isinstance(message, str) and message.strip() else None
            return Said(allow=answer == "allow", text=text, who=by)
        wanted = "a text" if inquiry.kind == "question" else "`allow` or `deny`"
        raise _Refused(f"its `answer` is {json.dumps(answer)[:80]}, and only {wanted} is one.")

    def _pending(self, data: Mapping[str, Any], after_s: float | None) -> _Pending:
        url, token = data.get("status_url"), data.get("token")
        every_s = min(after_s or POLL_S, LONGEST_S)
        if url is None:
            return _Pending(url=None, token=None, every_s=every_s)
        if not isinstance(url, str) or not _same_origin(self._url, url):
            raise _Refused("its `status_url` is of another origin than the webhook.")
        if token is not None and not (
            isinstance(token, str) and re.fullmatch(r"[!-~]{1,4096}", token)
        ):
            raise _Refused("its `token` is no line of ASCII characters without spaces.")
        return _Pending(url=urljoin(self._url, url), token=token, every_s=every_s)


async def _whole(answer: httpx2.Response) -> bytes:
    if answer.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise _Refused("what it says is compressed.")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise _Refused(f"what it says is longer than {BODY_LIMIT >> 10} KiB.")
    return bytes(body)


def _key(secret: str) -> bytes:
    """The bytes to sign with: of `whsec_…` what the base64 behind it holds, else the text itself."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            pass
    return secret.encode()


def sign(key: bytes, id: str, at: int, content: bytes) -> dict[str, str]:
    """The headers of a signed request. `at`: seconds since 1970."""
    signed = b"%s.%d.%s" % (id.encode(), at, content)
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": id,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{digest}",
    }


def _body(inquiry: Inquiry) -> dict[str, Any]:
    """What is sent. Secrets that the agent repeats in its arguments are masked."""
    cut: list[str] = []
    arguments = {
        name: _shortened(value, name, cut) for name, value in masked(inquiry.arguments).items()
    }
    verb = "answer" if inquiry.kind == "question" else "show"
    data = {
        "run": inquiry.run_id,
        "session": inquiry.session_id,
        "agent": inquiry.agent,
        "call": inquiry.id,
        "tool": inquiry.tool,
        "arguments": arguments,
        "cut": cut,
        "change": masked(inquiry.change),
        "why": inquiry.rule or "the agent asks",
        "until": inquiry.until,
        "terminal": f"agentflow sessions {verb} {inquiry.run_id}",
    }
    return {"type": f"agentflow.{inquiry.kind}", "data": data}


def _shortened(value: Any, path: str, cut: list[str]) -> Any:
    """A value with its long texts cut; the paths of those are added to `cut`."""
    if isinstance(value, str) and len(value) > ARGUMENT_LIMIT:
        cut.append(path)
        return value[:ARGUMENT_LIMIT]
    if isinstance(value, Mapping):
        return {key: _shortened(item, f"{path}.{key}", cut) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shortened(item, f"{path}.{place}", cut) for place, item in enumerate(value)]
    return value


def _seconds(text: str | None) -> float | None:
    """A `retry-after` in seconds. None: there is none, or it is a date."""
    return float(text) if text is not None and re.fullmatch(r"\d{1,6}", text) else None


def _same_origin(webhook: str, given: str) -> bool:
    def origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
        return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}[parts.scheme]

    try:
        target = urlsplit(urljoin(webhook, given))
        return target.username is None and origin(target) == origin(urlsplit(webhook))
    except (ValueError, KeyError):
        return False
