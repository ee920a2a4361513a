"""[io] The process that custom tools and checks run in. Started as a script; imports nothing of agentflow.

It reads frames from its standard input and answers each on the descriptor that was its standard output
(prints of a tool go to standard error instead). A frame is eight bytes of length, big-endian, and that
many bytes of JSON. A request is

    {"run": "package.module:function", "input": {…}, "env": {…}}  called with the input as keyword arguments
    {"run": "package.module:function", "paths": {…}}       called with one mapping of name to `Path`
    {"command": ["program", …], "input": {…}, "env": {…}}  started with the input on its standard input
    {"check": ["program", …], "paths": {…}, "cwd": "…"}    started there, with the paths as its input
    {"describe": "package.module:function"}                imported and described, not called

and the answer `{"value": …}` or `{"error": "ValueError: …"}`, for `describe` with the `line` and `file` below
the project where it went wrong. Modules stay imported between requests.
The caller ends a call that takes too long by killing the process, which works whatever the code does.
"""

import asyncio
import contextlib
import ctypes
import dataclasses
import enum
import importlib
import importlib.util
import inspect
import json
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["ANSWER_LIMIT", "SECRET_WORDS", "main"]

ANSWER_LIMIT = 32 << 20
"""Bytes of an answer. Who asked has to hold it several times over, and cuts it to far less."""

SECRET_WORDS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL")
_PR_SET_PDEATHSIG = 1
_JSON_TYPES = (str, int, float, bool, list, dict, None, Any, *("str", "int", "float", "bool"))


def _die_with_parent() -> None:
    """A killed agentflow leaves no tool behind, not even one that never returns. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _keep_from_forks(*pipes: BinaryIO) -> None:
    """A process that a tool forks off and leaves behind cannot answer for us, nor hold us up."""

    def let_go() -> None:
        nothing = os.open(os.devnull, os.O_RDWR)
        for pipe in pipes:
            # The descriptor stays taken: closed, its number would be the next file's.
            os.dup2(nothing, pipe.fileno(), inheritable=False)
        os.close(nothing)

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=let_go)


def _read(pipe: BinaryIO) -> Any:
    """The next request. None: the caller is gone or has no more."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    return json.loads(pipe.read(int.from_bytes(head, "big")))


def _plain(value: Any) -> Any:
    """What a tool may return that JSON does not have."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if callable(dump) else str(value)


def _write(pipe: BinaryIO, answer: dict[str, Any]) -> None:
    data = json.dumps(answer, ensure_ascii=False, default=_plain).encode("utf-8", "replace")
    if len(data) > ANSWER_LIMIT:
        raise ValueError(f"it has more than {ANSWER_LIMIT >> 20} MiB")
    pipe.write(len(data).to_bytes(8, "big") + data)
    pipe.flush()


def _without_secrets(text: str) -> str:
    """An error's text goes to the agent and the logs; values of secret-looking variables do not."""
    for name, value in os.environ.items():
        if len(value) >= 8 and any(word in name.upper() for word in SECRET_WORDS):
            text = text.replace(value, f"[{name}]")
    return text


@contextlib.contextmanager
def _given(variables: dict[str, str]) -> Iterator[None]:
    """Variables that are set for one call; a worker has one at a time."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _harmless() -> dict[str, str]:
    """The environment without what looks like a secret: a check reads files, and nothing else."""
    return {
        name: value
        for name, value in os.environ.items()
        if not any(word in name.upper() for word in SECRET_WORDS)
    }


def _sibling(name: str) -> Any:
    """A module beside this file, under a name that no module of a project has.

    This package is not on the path, and a project may have modules of the same names.
    """
    known = f"_agentflow_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[known])
    return sys.modules[known]


def _function(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def _call(request: dict[str, Any], runner: "asyncio.Runner") -> Any:
    function = _function(request["run"])
    if "paths" in request:
        paths = {key: Path(value) for key, value in request["paths"].items()}
        value = function(paths)
    else:
        input = request["input"]
        if _wants_more_than_json(function):
            input = _sibling("hints").converted(function, input)
        value = function(**input)
    if inspect.iscoroutine(value):
        value = runner.run(value)
    return value


def _wants_more_than_json(function: Any) -> bool:
    """Whether a parameter may be of a type that JSON does not have. Cheap: no hint is resolved."""
    if not inspect.isroutine(function):
        return True
    hints = getattr(inspect.unwrap(function), "__annotations__", {})
    return any(hint not in _JSON_TYPES for name, hint in hints.items() if name != "return")


def _place(error: BaseException) -> dict[str, Any]:
    """The last line of the project that an error went through."""
    root, found = Path.cwd(), {}
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        steps = [(error.filename, error.lineno)]
    else:
        trace = traceback.extract_tb(error.__traceback__)
        steps = [(frame.filename, frame.lineno or 1) for frame in trace]
    for name, line in steps:
        path = Path(name)
        if path.is_relative_to(root):
            found = {"file": path.relative_to(root).as_posix(), "line": line}
    return found


def _answer(request: dict[str, Any], runner: "asyncio.Runner") -> dict[str, Any]:
    try:
        if "command" in request:
            answer: dict[str, Any] = _sibling("program").run(
                request["command"],
                request["input"],
                root=Path.cwd(),
                environment={**os.environ, **request.get("env", {})},
            )
            if "error" in answer:
                answer["error"] = _without_secrets(answer["error"])
            return answer
        if "check" in request:
            found: dict[str, Any] = _sibling("program").check(
                request["check"],
                request["paths"],
                root=Path.cwd(),
                cwd=Path(request["cwd"]),
                environment=_harmless(),
            )
            return found
        if "describe" in request:
            return {"value": _sibling("hints").describe(_function(request["describe"]))}
        with _given(request.get("env", {})):
            return {"value": _call(request, runner)}
    except BaseException as error:
        # Also SystemExit and the like: code that is called as a tool cannot end the worker politely.
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        place = _place(error) if "describe" in request else {}
        return {"error": _without_secrets(text), **place}


def main() -> None:
    _die_with_parent()
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    _keep_from_forks(requests, answers)
    os.dup2(2, 1)
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    # The script's own directory would hide the project's modules behind ours of the same name.
    sys.path[0] = sys.argv[1]
    with asyncio.Runner() as runner:
        while (request := _read(requests)) is not None:
            answer = _answer(request, runner)
            try:
                _write(answers, answer)
            except Exception as error:
                # Also whatever a class of the project raises while it is made into text.
                text = _without_secrets(f"The result cannot be written as JSON: {error}")
                _write(answers, {"error": text})


if __name__ == "__main__":
    main()
