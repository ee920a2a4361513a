from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def no_kept_answers() -> Iterator[None]:
    """No test hears what an earlier one was told, and none leaves answers behind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGENTFLOW_CACHE_DIR", os.devnull)
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes minutes runs with `-m matrix`; every other run takes a sample of it, or less."""
    if "matrix" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("matrix")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
