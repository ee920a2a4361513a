from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from tests.matrix.bench import open_stage
from tests.matrix.stage import Theatre


@pytest.fixture(scope="session")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        root = tmp_path_factory.mktemp("matrix")
        stage = runner.run(stack.enter_async_context(open_stage(root)))
        try:
            yield Theatre(runner, stage)
        finally:
            runner.run(stack.aclose())
