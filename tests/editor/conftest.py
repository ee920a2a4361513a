"""One server for all tests of a module: starting it takes longer than most of what it is asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.language_client import Client

PROJECT = "apiVersion: agentflow/v1\nkind: Project\nname: shop\n"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    started = Client(environ={"AGENTFLOW_CACHE_DIR": str(tmp_path_factory.mktemp("cache"))})
    yield started
    assert started.stop() == 0
    assert started.logged == []


@pytest.fixture(scope="module")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a project of files by path; there is an `agentflow.yaml` unless it is given."""
    numbers = itertools.count()

    def make(files: dict[str, str], *, project: str | None = PROJECT) -> Path:
        root = tmp_path_factory.mktemp(f"p{next(numbers)}")
        given = {**({"agentflow.yaml": project} if project else {}), **files}
        for name, text in given.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(text.encode())
        return root

    return make
