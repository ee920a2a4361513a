"""A language server as an editor drives it: JSON-RPC over the pipes of a process.

The server is installed once, by its lock file, into `.cache/` of the repository.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["Editor", "editor", "installed"]

HERE = Path(__file__).parent
CACHE = Path(__file__).parents[2] / ".cache"
TIMEOUT_S = 60.0
"""For one answer: starting node on a busy machine takes seconds."""

_CONFIGURATION = {
    "yaml": {
        "validate": True,
        "hover": True,
        "completion": True,
        "schemaStore": {"enable": False},
        "kubernetesCRDStore": {"enable": False},
    }
}


def installed() -> Path:
    """The server's entry point, installed if it is not there yet.

    Raises:
        RuntimeError: npm could not install it, such as for want of a network.
    """
    lock = (HERE / "package-lock.json").read_bytes()
    target = CACHE / f"editor-{hashlib.sha256(lock).hexdigest()[:12]}"
    entry = target / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "editor.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not entry.exists():
            _install(target)
    return entry


def _install(target: Path) -> None:
    npm = shutil.which("npm")
    assert npm is not None
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / file, name)
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=name,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode:
            raise RuntimeError(
                f"npm could not install the YAML language server:\n{done.stdout}{done.stderr}"
            )
        shutil.copytree(name, target, symlinks=True, dirs_exist_ok=True)


class Editor:
    """What an editor asks about files on disk. Lines and columns are counted from 0."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin: BinaryIO = process.stdin  # type: ignore[assignment]
        self._ids = itertools.count(1)
        self._arrived: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        threading.Thread(target=self._read, args=(process.stdout,), daemon=True).start()

    def start(self, root: Path) -> None:
        self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": root.as_uri(),
                "capabilities": {
                    "textDocument": {
                        "completion": {"completionItem": {"documentationFormat": ["markdown"]}},
                        "hover": {"contentFormat": ["markdown"]},
                        "publishDiagnostics": {},
                    },
                    "workspace": {"configuration": True},
                },
            },
        )
        self._notify("initialized", {})
        self._notify("workspace/didChangeConfiguration", {"settings": _CONFIGURATION})

    def open(self, path: Path, text: str | None = None) -> str:
        """Open a file, with `text` instead of what is on disk; its URI. Each path only once."""
        content = path.read_text(encoding="utf-8") if text is None else text
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": content}
        self._notify("textDocument/didOpen", {"textDocument": document})
        return path.as_uri()

    def completion(self, uri: str, line: int, column: int) -> dict[str, str]:
        """The labels offered, and what is said of each."""
        found = self._at("textDocument/completion", uri, line, column)
        items = found["items"] if isinstance(found, dict) else found or []
        return {item["label"]: _words(item.get("documentation")) for item in items}

    def hover(self, uri: str, line: int, column: int) -> str:
        found = self._at("textDocument/hover", uri, line, column)
        return _words(found and found["contents"])

    def problems(self, uri: str) -> list[dict[str, Any]]:
        """What is wrong with an open file, once the server has looked at it."""
        while uri not in self._diagnostics:
            self._take()
        return self._diagnostics[uri]

    def request(self, method: str, params: Mapping[str, Any] | None) -> Any:
        """The result of a request.

        Raises:
            RuntimeError: the server answered with an error, or has ended.
        """
        number = next(self._ids)
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._take()
            if message.get("id") == number and "method" not in message:
                if "error" in message:
                    raise RuntimeError(message["error"]["message"])
                return message.get("result")

    def _at(self, method: str, uri: str, line: int, column: int) -> Any:
        position = {"line": line, "character": column}
        return self.request(method, {"textDocument": {"uri": uri}, "position": position})

    def _notify(self, method: str, params: Mapping[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._stdin.flush()

    def _take(self) -> dict[str, Any]:
        """The next message; questions of the server are answered on the way."""
        message = self._arrived.get(timeout=TIMEOUT_S)
        if message is None:
            raise RuntimeError("The language server has ended.")
        if message.get("method") == "textDocument/publishDiagnostics":
            params = message["params"]
            self._diagnostics[params["uri"]] = params["diagnostics"]
        elif "method" in message and "id" in message:
            self._send({"id": message["id"], "result": _answer(message)})
        return message

    def _read(self, stdout: BinaryIO) -> None:
        while header := stdout.readline():
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
                while stdout.readline().strip():
                    pass
                self._arrived.put(json.loads(stdout.read(length)))
        self._arrived.put(None)


def _answer(message: Mapping[str, Any]) -> Any:
    if message["method"] == "workspace/configuration":
        items = message["params"]["items"]
        return [_CONFIGURATION.get(item.get("section"), {}) for item in items]
    return None


def _words(content: Any) -> str:
    if isinstance(content, dict):
        return str(content.get("value", ""))
    if isinstance(content, list):
        return "\n".join(map(_words, content))
    return "" if content is None else str(content)


@contextmanager
def editor(root: Path) -> Iterator[Editor]:
    """A server that has just been started for a folder; it ends with the context."""
    node = shutil.which("node")
    assert node is not None
    process = subprocess.Popen(
        [node, str(installed()), "--stdio"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=root,
    )
    try:
        made = Editor(process)
        made.start(root)
        yield made
        made.request("shutdown", None)
    finally:
        process.kill()
        process.wait()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
