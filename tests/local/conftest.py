from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentflow.local.sandbox import support
from tests.local.tools import Tools


@pytest.fixture
def open_tools(tmp_path: Path) -> Iterator[Callable[..., Tools]]:
    """Open the tools of a session; all are closed after the test.

    A machine that cannot confine tools fails here, with what is missing and what to do.
    """
    support().require()
    opened: list[Tools] = []

    def open_one(**options: Any) -> Tools:
        opened.append(Tools(tmp_path / f"session{len(opened)}", **options))
        return opened[-1]

    yield open_one
    for tools in opened:
        tools.close()


@pytest.fixture
def tools(open_tools: Callable[..., Tools]) -> Tools:
    """The tools of a session without network."""
    return open_tools()
