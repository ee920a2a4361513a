"""The contents of files as cassettes have them: without secrets, or not at all.

A secret is looked for in bytes as they are. In what is compressed it cannot be found, so such contents are
left out unless somebody asks for them: size and hash stay. What a picture shows is not looked at.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from agentflow.runtime.cassette import hide
from agentflow.secret import mask_bytes

__all__ = ["COMPRESSED", "file_body", "is_compressed", "left_out", "tape_bytes"]

COMPRESSED = "content omitted: compressed"

_ANYWHERE = re.compile(
    rb"PK\x03\x04"  # zip, and with it xlsx, docx, odt, jar, whl; also behind something else
    rb"|\x1f\x8b\x08[\x00-\x1f]"  # gzip
    rb"|BZh[1-9]1AY&SY"
    rb"|\xfd7zXZ\x00"  # xz
    rb"|\x28\xb5\x2f\xfd"  # zstandard
    rb"|\x04\x22\x4d\x18"  # lz4
    rb"|LZIP\x01"
    rb"|7z\xbc\xaf\x27\x1c"
    rb"|Rar!\x1a\x07"
    rb"|MSCF\x00\x00\x00\x00"  # cab
    rb"|\A\s*%PDF-"  # its streams are compressed
    rb"|\A\x89PNG(?s:.*?)(?:zTXt|iTXt)"  # texts beside the picture
)
_AT_THE_BEGINNING = re.compile(
    rb"\x78[\x01\x5e\x9c\xda]"  # zlib
    rb"|\x1f[\x9d\xa0]"  # compress
    rb"|\x5d\x00\x00"  # lzma
    rb"|PAR1|ORC|Obj\x01|ARROW1|FEA1"  # tables whose columns may be compressed
    rb"|wOFF|wOF2"
)


def is_compressed(data: bytes) -> bool:
    """Whether some of the bytes of a file stand there in a form in which no text can be found."""
    if _ANYWHERE.search(data) is not None:
        return True
    return _AT_THE_BEGINNING.match(data) is not None and not _is_text(data)


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


def file_body(data: bytes, *, compressed: bool = False) -> dict[str, Any]:
    """The bytes of a file for a cassette, without secrets; `sha256` is of those that are left.

    Args:
        data: as the service sent them.
        compressed: keep also what cannot be looked into. Else `omitted` says why there is nothing.
    """
    if not compressed and is_compressed(data):
        return left_out(COMPRESSED, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    data = mask_bytes(data)
    try:
        text = str(hide(data.decode()))
    except UnicodeDecodeError:
        return {
            "base64": base64.b64encode(data).decode(),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
    return {"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def left_out(why: str, **known: Any) -> dict[str, Any]:
    """The place of contents that are not on a cassette, with what is known of them."""
    return {"omitted": why, **known}


def tape_bytes(body: Mapping[str, Any]) -> bytes:
    """What `file_body` made of a file that it did not leave out."""
    if "text" in body:
        return str(body["text"]).encode()
    return base64.b64decode(str(body["base64"]))
