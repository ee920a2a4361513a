"""Secrets are read where the project says, and a value is in no message."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from agentflow.errors import SecretUnavailable
from agentflow.operations.secrets import SECRET_LIMIT, read_secrets


def test_secrets_are_read_from_variables_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESK_TOKEN", "one")
    (tmp_path / "token").write_text("two\n")
    sources = {"a": "env:DESK_TOKEN", "b": "file:token", "c": f"file:{tmp_path}/token"}
    found = read_secrets({"a", "b", "c"}, sources, tmp_path)
    values = {name: secret.reveal() for name, secret in found.items()}
    assert values == {"a": "one", "b": "two", "c": "two"}


def test_only_what_is_needed_is_read(tmp_path: Path) -> None:
    assert read_secrets([], {"a": "env:NO_SUCH_VARIABLE"}, tmp_path) == {}


def test_a_keyring_is_asked_if_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = types.ModuleType("keyring")
    ring.get_password = lambda service, user: {("desk", "me"): "three"}.get((service, user))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", ring)
    found = read_secrets(["k"], {"k": "keyring:desk/me"}, tmp_path)
    assert found["k"].reveal() == "three"
    with pytest.raises(SecretUnavailable, match="not in the keyring") as caught:
        read_secrets(["k"], {"k": "keyring:desk/you"}, tmp_path)
    assert caught.value.hint == "Store it: keyring set desk you"


def test_a_keyring_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(service: str, user: str) -> str:
        raise RuntimeError("s3cr3t")

    ring = types.ModuleType("keyring")
    ring.get_password = locked  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", ring)
    with pytest.raises(SecretUnavailable) as caught:
        read_secrets(["k"], {"k": "keyring:desk/me"}, tmp_path)
    assert "failed (RuntimeError)" in caught.value.message
    assert "s3cr3t" not in caught.value.message
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SecretUnavailable, match="keyring is not installed"):
        read_secrets(["k"], {"k": "keyring:desk/me"}, tmp_path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("env:NO_SUCH_VARIABLE", "The secret 's' cannot be read: NO_SUCH_VARIABLE is not set."),
        ("env:EMPTY_VARIABLE", "The secret 's' is empty."),
        ("file:absent", "The secret 's' cannot be read from 'absent': No such file or directory."),
        ("file:.", "The secret 's' cannot be read from '.': Is a directory."),
        ("file:binary", "The secret 's' cannot be read from 'binary': it is not UTF-8."),
        ("file:long", "The secret 's' cannot be read: 'long' is longer than 64 KiB."),
    ],
)
def test_a_secret_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    monkeypatch.setenv("EMPTY_VARIABLE", "")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "long").write_bytes(b"x" * (SECRET_LIMIT + 1))
    with pytest.raises(SecretUnavailable) as caught:
        read_secrets(["s"], {"s": source}, tmp_path)
    assert caught.value.message == message
