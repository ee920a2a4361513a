"""Digests are the same whoever makes them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from agentflow.digests import _SHORT, sha256_of, sha256_of_file


@pytest.mark.parametrize("size", [0, 1, _SHORT - 1, _SHORT, _SHORT + 1, 3 * _SHORT + 7])
def test_digests_of_files_are_those_of_openssl(tmp_path: Path, size: int) -> None:
    data = bytes(number % 251 for number in range(size))
    (tmp_path / "data").write_bytes(data)
    with (tmp_path / "data").open("rb") as file:
        assert sha256_of_file(file) == hashlib.sha256(data).hexdigest() == sha256_of(data)
