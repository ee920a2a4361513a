"""[io] A custom tool that is a request: one POST with the arguments as JSON, the answer's body as the result.

Redirects are not followed: they would carry the arguments and headers to a host that no spec names.
Values of headers are in no text that this module makes, and secrets not even in a result.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agentflow.compiler.manifest import HttpPolicy
from agentflow.runtime.pool import CallFailed
from agentflow.secret import SecretText, mask
from agentflow.spec.base import SECRET_MARK
from agentflow.spec.custom import is_loopback

if TYPE_CHECKING:
    import ssl

    import httpx2

__all__ = ["BODY_LIMIT", "post", "trusted"]

BODY_LIMIT = 16 << 20
"""Bytes of an answer."""

_CHARSET = re.compile(
    r"utf[-_]?(8|16|32)([-_]?[lb]e)?|us-ascii|ascii|latin-?1|iso-?8859-\d{1,2}|(windows-|cp)\d{3,4}"
    r"|koi8-[rut]|mac-?roman|shift[-_]?jis|euc-(jp|kr)|iso-2022-(jp|kr)|gb2312|gbk|gb18030|big5",
    re.IGNORECASE,
)
"""Those that are for text. Python knows more, some of which take hours for a large body."""

_TOLD = 2_000
"""Characters of an answer that a failure tells."""


async def post(
    tool: HttpPolicy,
    input: Mapping[str, Any],
    *,
    call_id: str,
    secrets: Mapping[str, SecretText],
    timeout_s: float,
) -> str:
    """The body of the answer.

    Args:
        call_id: sent as `Idempotency-Key`, so that a server can know a call that is repeated after a
            crash.
        secrets: by name, of those that the headers have marks of.

    Raises:
        CallFailed: no answer within `timeout_s` seconds, or not the one that was expected.
    """
    import httpx2

    own = _headers(tool, secrets)
    headers = {"idempotency-key": call_id, "accept-encoding": "identity"}
    headers |= {"content-type": "application/json", "accept": "application/json, text/*"}
    headers |= {name.lower(): value for name, value in own.items()}
    content = json.dumps(input, ensure_ascii=False).encode("utf-8", "replace")
    # A proxy of the surroundings is for hosts elsewhere.
    around = not is_loopback(urlsplit(tool.url).hostname or "")
    try:
        async with (
            asyncio.timeout(timeout_s),
            httpx2.AsyncClient(
                timeout=None, follow_redirects=False, trust_env=around, verify=trusted(around)
            ) as client,
            client.stream("POST", tool.url, content=content, headers=headers) as answer,
        ):
            body = await _body(answer)
            text = mask(_text(body, answer.charset_encoding))
            return _result(tool, answer, _without(own, text), text)
    except TimeoutError:
        raise CallFailed(
            f"There was no whole answer within {timeout_s:g} s. Whether it took effect is not known."
        ) from None
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        told = _without(own, mask(str(error)))
        words = told or type(error).__name__
        raise CallFailed(f"The request broke off: {words}") from None


@cache
def trusted(around: bool) -> ssl.SSLContext:
    """Whom to believe: reading the certificates takes longer than all else a request needs.

    `around`: those count that the variables of the surroundings name.
    """
    import httpx2

    return httpx2.create_ssl_context(trust_env=around)


async def _body(answer: httpx2.Response) -> bytes:
    packed = answer.headers.get("content-encoding", "identity").strip().lower()
    if packed not in ("", "identity"):
        # We ask for a plain one; a few bytes of this can become more than this machine holds.
        raise CallFailed(f"The answer is compressed ({packed[:40]}), and only a plain one is read.")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise CallFailed(f"The answer is longer than {BODY_LIMIT >> 20} MiB.")
    return bytes(body)


def _text(body: bytes, charset: str | None) -> str:
    """A charset that is unknown, or none that a server would write in, is taken for UTF-8."""
    known = charset is not None and _CHARSET.fullmatch(charset)
    try:
        return body.decode(charset if known and charset else "utf-8", "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def _headers(tool: HttpPolicy, secrets: Mapping[str, SecretText]) -> dict[str, str]:
    """The headers with their secrets in place."""
    own = {
        name: SECRET_MARK.sub(lambda match: secrets[match[1]].reveal(), value)
        for name, value in tool.headers.items()
    }
    for name, value in own.items():
        if not re.fullmatch(r"[!-~]([ -~]*[!-~])?", value):
            # A library would say which, and so what.
            raise CallFailed(
                f"The header {name!r} cannot be sent: its secret is not one line of ASCII characters."
            )
    return own


def _result(tool: HttpPolicy, answer: httpx2.Response, told: str, text: str) -> str:
    """The body, if it is what was expected. `told` is the same without what nobody may read."""
    status = answer.status_code
    wanted = range(200, 300) if tool.expect is None else tool.expect
    told = told.strip()[:_TOLD]
    if status not in wanted:
        moved = " Redirects are not followed." if answer.has_redirect_location else ""
        says = f" It says: {told}" if told else ""
        raise CallFailed(f"The answer has status {status}.{moved}{says}")
    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if text and (media == "application/json" or media.endswith("+json")):
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            raise CallFailed(f"The answer says it is JSON, and is not. It is: {told}") from None
    return text


def _without(own: Mapping[str, str], text: str) -> str:
    """A text that comes from outside, without the values of our headers, which it may repeat."""
    for name, value in own.items():
        for part in (value, *value.split()):
            if len(part) >= 8:
                text = text.replace(part, f"[{name}]")
    return text
