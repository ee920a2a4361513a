"""The pytest plugin: tests of a project are items of pytest, with their names.

A file is collected if it says `kind: Test` and is in a project. Nothing of agentflow is imported before
that, because this module is loaded by every pytest of the environment.

    [pytest]
    agentflow_layers = handler render loop replay

`--agentflow-target`, `--agentflow-update` and `--agentflow-live` are those of `agentflow test`, and
`-p no:agentflow` switches it off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from agentflow.testing.bench import Bench, Case
    from agentflow.testing.kit import HandClock, Kit
    from agentflow.testing.results import Result

__all__ = ["AgentflowFile", "AgentflowItem", "agentflow_clock", "agentflow_kit"]

_KIND = re.compile(rb"^kind:\s*[\"']?Test\b", re.MULTILINE)
_LARGEST = 1 << 20
_BENCHES = pytest.StashKey[dict[Path, "Bench"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("agentflow")
    group.addoption(
        "--agentflow-target", metavar="TARGET", default="local", help="what tests are compiled for"
    )
    group.addoption("--agentflow-update", action="store_true", help="write goldens that differ")
    group.addoption(
        "--agentflow-live",
        action="store_true",
        help="also run tests on real targets, which cost money",
    )
    parser.addini(
        "agentflow_layers",
        type="args",
        default=[],
        help="layers of agentflow's tests that are collected (default: all)",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> AgentflowFile | None:
    if file_path.suffix not in (".yaml", ".yml") or not _has_tests(file_path):
        return None
    if not _in_project(file_path):
        return None
    return AgentflowFile.from_parent(parent, path=file_path)


def _has_tests(path: Path) -> bool:
    try:
        return path.stat().st_size <= _LARGEST and _KIND.search(path.read_bytes()) is not None
    except OSError:
        return False


def _in_project(path: Path) -> bool:
    return any((folder / "agentflow.yaml").is_file() for folder in path.absolute().parents)


class AgentflowFile(pytest.File):
    """A file of specs that has tests in it."""

    def collect(self) -> Iterator[AgentflowItem]:
        from agentflow.errors import AgentflowError, ProblemsFound

        layers = frozenset(self.config.getini("agentflow_layers"))
        try:
            bench = _bench(self.config, self.path.parent)
        except ProblemsFound as error:
            raise self.CollectError(_problems(error)) from None
        except AgentflowError as error:
            raise self.CollectError(error.message) from None
        for case in bench.cases():
            is_here = bench.root / case.test.document.file == self.path.absolute()
            if is_here and (not layers or case.spec.layer in layers):
                yield AgentflowItem.from_parent(self, name=case.name, case=case)


def _problems(error: Any) -> str:
    lines = [f"{p.span}: {p.message}" if p.span else p.message for p in error.problems]
    return "\n".join([error.message, *lines])


def _bench(config: pytest.Config, directory: Path) -> Bench:
    """The project of a directory, compiled once in a session of pytest."""
    from agentflow.operations.check import open_project
    from agentflow.testing.bench import Bench

    known = config.stash.setdefault(_BENCHES, {})
    project = open_project(directory)
    if project.root not in known:
        known[project.root] = Bench.of(
            project,
            target=str(config.getoption("--agentflow-target")),
            update=bool(config.getoption("--agentflow-update")),
            live=bool(config.getoption("--agentflow-live")),
        )
    return known[project.root]


def pytest_unconfigure(config: pytest.Config) -> None:
    for bench in config.stash.get(_BENCHES, {}).values():
        bench.programs.close()


class Missed(Exception):
    """A test of a project failed; its result says how."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.name)
        self.result = result


class AgentflowItem(pytest.Item):
    """One test of a project."""

    def __init__(self, *, case: Case, **options: Any) -> None:
        super().__init__(**options)
        self.case = case
        self.extra_keyword_matches.add(case.spec.layer)

    def runtest(self) -> None:
        from agentflow.testing.suite import run_alone

        result = run_alone(self.case)
        if result.outcome == "skipped":
            pytest.skip(result.note or "skipped")
        if result.is_bad:
            raise Missed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, Missed):
            from agentflow.testing.telling import failure_lines

            return "\n".join(failure_lines(excinfo.value.result))
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.test.span("name").line - 1, self.name


@pytest.fixture
def agentflow_kit(tmp_path: Path) -> Iterator[Kit]:
    """What tests in Python play runs with; see `agentflow.testing.Kit`."""
    from agentflow.testing.kit import Kit

    with Kit(tmp_path) as kit:
        yield kit


@pytest.fixture
def agentflow_clock() -> HandClock:
    """A clock that is turned by hand, and jumps over waits; see `agentflow.testing.HandClock`."""
    from agentflow.testing.kit import HandClock

    return HandClock()
