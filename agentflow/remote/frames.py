"""Server-sent events out of the bytes of a response, as https://html.spec.whatwg.org/multipage/server-sent-events.html.

The SDK has a reader of its own, which decodes line by line and asks 44 models of each event; this one
splits whole reads and leaves the JSON to one call.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Frame", "FrameReader"]

_BOM = b"\xef\xbb\xbf"


class Frame(NamedTuple):
    event: str
    """Empty: the frame does not say."""
    data: bytes


class FrameReader:
    """Takes bytes as they come, and gives the frames that are complete. Frames without data are none."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._began = False
        self._half = False
        """A carriage return was the last byte so far."""
        self._event = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that `chunk` completes."""
        frames: list[Frame] = []
        for line in self._lines(chunk):
            if not line:
                if self._data:
                    data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                    frames.append(Frame(self._event.decode("utf-8", "replace"), data))
                    self._data = []
                self._event = b""
                continue
            name, _, value = line.partition(b":")
            if value[:1] == b" ":
                value = value[1:]
            if name == b"data":
                self._data.append(value)
            elif name == b"event":
                self._event = value
        return frames

    def _lines(self, chunk: bytes) -> list[bytes]:
        """Complete lines without their ends. What is after the last end waits for more."""
        rest = self._rest
        rest += chunk
        if not self._began:
            if _BOM.startswith(rest) and len(rest) < len(_BOM):
                return []
            self._began = True
            if rest.startswith(_BOM):
                del rest[: len(_BOM)]
        # A line feed may be the second half of an end whose first half was taken.
        if self._half and rest:
            self._half = False
            if rest[:1] == b"\n":
                del rest[:1]
        end = max(rest.rfind(b"\n"), rest.rfind(b"\r")) + 1
        if not end:
            return []
        lines = bytes(rest[:end])
        self._half = lines.endswith(b"\r") and end == len(rest)
        del rest[:end]
        return lines.splitlines()
