from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from tests.matrix.bench import open_stage
from tests.pitfalls.pit import Pit


@pytest.fixture(scope="session")
def pit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pit]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        root = tmp_path_factory.mktemp("pitfalls")
        stage = runner.run(stack.enter_async_context(open_stage(root, ())))
        try:
            yield Pit(runner, stage)
        finally:
            runner.run(stack.aclose())
