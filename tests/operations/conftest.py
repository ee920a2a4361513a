from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.service import Bench, embedded


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with embedded(tmp_path) as made:
        yield made
