"""[io] Secrets, read where the project says they are, at the moment they are needed.

A value is handed to what sends it and is kept nowhere: not in state, plans, ledgers or messages.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from agentflow.errors import SecretUnavailable
from agentflow.secret import SecretText

__all__ = ["SECRET_LIMIT", "read_secrets"]

SECRET_LIMIT = 64 << 10
"""Bytes of a secret's file. A longer one is another file than was meant."""


def read_secrets(
    names: Iterable[str], sources: Mapping[str, str], root: Path
) -> dict[str, SecretText]:
    """Secrets, by name.

    Args:
        names: of declared secrets, in any order; only these are read.
        sources: the project's `secrets`: `env:NAME`, `file:PATH` or `keyring:service/user`.
        root: of the project, to which a file is relative.

    Raises:
        SecretUnavailable: one cannot be read, or is empty.
    """
    found = {}
    for name in sorted(names):
        kind, _, place = sources[name].partition(":")
        value = _READERS[kind](name, place, root)
        if not value:
            raise SecretUnavailable(
                f"The secret {name!r} is empty.", hint=f"It is read from {sources[name]}."
            )
        found[name] = SecretText(name, value)
    return found


def _from_environment(name: str, variable: str, root: Path) -> str:
    value = os.environ.get(variable)
    if value is None:
        raise SecretUnavailable(
            f"The secret {name!r} cannot be read: {variable} is not set.",
            hint=f"Set it: export {variable}=…",
        )
    return value


def _from_file(name: str, path: str, root: Path) -> str:
    file = root / Path(path).expanduser()
    try:
        with file.open("rb") as handle:
            data = handle.read(SECRET_LIMIT + 1)
        if len(data) > SECRET_LIMIT:
            raise SecretUnavailable(
                f"The secret {name!r} cannot be read: {path!r} is longer than "
                f"{SECRET_LIMIT >> 10} KiB."
            )
        return data.decode().rstrip("\r\n")
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    raise SecretUnavailable(
        f"The secret {name!r} cannot be read from {path!r}: {reason}.",
        hint="A path is relative to the project.",
    )


def _from_keyring(name: str, place: str, root: Path) -> str:
    service, _, user = place.partition("/")
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        raise SecretUnavailable(
            f"The secret {name!r} cannot be read: the package keyring is not installed.",
            hint="Install it beside agentflow: pip install keyring",
        ) from None
    try:
        value = keyring.get_password(service, user)
    except Exception as error:
        # Each backend has exceptions of its own.
        raise SecretUnavailable(
            f"The secret {name!r} cannot be read: the keyring failed ({type(error).__name__})."
        ) from None
    if value is None:
        raise SecretUnavailable(
            f"The secret {name!r} is not in the keyring.",
            hint=f"Store it: keyring set {service} {user}",
        )
    return str(value)


_READERS = {"env": _from_environment, "file": _from_file, "keyring": _from_keyring}
