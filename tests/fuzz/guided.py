"""Fuzz guided by coverage, for as long as you like; what it finds goes to `seeds/`.

    pip install atheris
    python -m tests.fuzz.guided -max_total_time=600 CORPUS tests/fuzz/seeds

CORPUS is a directory for what reaches new code; the options are those of libFuzzer. A case that does not
hold is written to `crash-…` in the working directory.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

# No dependency of the tests: it has no build for some versions of Python.
atheris: Any = import_module("atheris")

with atheris.instrument_imports(include=["agentflow"]):
    from tests.fuzz.project import holds


def main() -> None:
    atheris.Setup(sys.argv, holds)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
