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
