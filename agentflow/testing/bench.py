"""What every test of a project is run with: the project compiled once per target, and where it may write."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from agentflow.compiler.graph import AgentNode, Bound, Graph
from agentflow.compiler.manifest import AgentPolicy, Compiled
from agentflow.compiler.references import resolve_path
from agentflow.errors import UsageError
from agentflow.operations.check import Project, compiled
from agentflow.operations.inputs import resolve_inputs
from agentflow.spec.refs import parse_ref
from agentflow.spec.test import TestSpec
from agentflow.testing.workers import Programs

__all__ = ["Bench", "Case", "scratch_directory"]

_MEMORY = Path("/dev/shm")
_ROOM = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A project whose tests are run."""

    project: Project
    target: str
    compiled: Compiled
    graph: Graph
    variables: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    update: bool = False
    """Goldens that differ are written."""
    live: bool = False
    """Tests that cost money may run."""
    unsafe_no_sandbox: bool = False
    record: Path | None = None
    """Where a cassette of the loop test that is run is written. None: nowhere."""
    record_compressed: bool = False
    """It keeps contents of files also where no secret could be found in them."""

    @classmethod
    def of(
        cls,
        project: Project,
        *,
        target: str = "local",
        variables: Mapping[str, str] | None = None,
        settings: tuple[str, ...] = (),
        update: bool = False,
        live: bool = False,
        unsafe_no_sandbox: bool = False,
        record: Path | None = None,
        record_compressed: bool = False,
    ) -> Bench:
        """Compile a project for its tests.

        Raises:
            ProblemsFound: it has errors.
        """
        built, report = compiled(
            project, target=target, variables=variables, settings=settings, rules=False
        )
        graph = report.build.graph
        assert graph is not None, "compiled() returns only what has one"
        return cls(
            project=project,
            target=target,
            compiled=built,
            graph=graph,
            variables=dict(variables or {}),
            settings=settings,
            update=update,
            live=live,
            unsafe_no_sandbox=unsafe_no_sandbox,
            record=record,
            record_compressed=record_compressed,
        )

    def with_live(self, live: bool) -> Bench:
        return replace(self, live=live)

    @property
    def root(self) -> Path:
        return self.project.root.absolute()

    def cases(self) -> list[Case]:
        """Every test of the project, by name."""
        return [Case(test, self) for _, test in sorted(self.graph.tests.items())]

    @cached_property
    def programs(self) -> Programs:
        return Programs()


class Case:
    """One test, and what it is about."""

    def __init__(self, test: Bound[TestSpec], bench: Bench) -> None:
        self.test = test
        self.bench = bench

    @property
    def spec(self) -> TestSpec:
        return self.test.spec

    @property
    def name(self) -> str:
        return self.test.spec.name

    @property
    def agent(self) -> str:
        """Address, without a version.

        Raises:
            UsageError: it is an agent of the service, of which nothing is known here.
        """
        ref = parse_ref(self.spec.agent, "agent")
        if (
            ref is None
            or ref.address is None
            or ref.address not in self.bench.compiled.manifest.agents
        ):
            raise UsageError(
                f"Test {self.name!r} is about {self.spec.agent!r}, which is no agent of this project.",
                hint="Name an agent that the project declares.",
            )
        return ref.address

    @property
    def node(self) -> AgentNode:
        found = self.bench.graph.agents[self.agent.partition("/")[2]]
        return found

    @property
    def policy(self) -> AgentPolicy:
        return self.bench.compiled.manifest.agents[self.agent]

    def file(self, path: tuple[str | int, ...]) -> Path:
        """The file that a field names, which may be missing."""
        value: Any = self.test.document.data
        for step in path:
            if isinstance(value, str):
                break  # a short form: `report: ./report.md`
            value = value[step]
        return self.bench.root / resolve_path(self.test.file(*path), str(value))

    def inputs(self) -> dict[str, Any]:
        """The values of its inputs, completed with defaults.

        Raises:
            UsageError: one is missing, or has a value it may not have.
        """
        given = {
            name: str(self.file(("inputs", name)))
            if name in self.policy.inputs and self.policy.inputs[name].type == "file"
            else _text(value)
            for name, value in self.spec.inputs.items()
        }
        return resolve_inputs(self.policy, given, root=self.bench.root, working=self.bench.root)


def _text(value: Any) -> str:
    """A value as it is written on a command line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, Decimal) and value % 1 == 0 else str(value)


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A folder that is gone afterwards: in memory where the machine has that, because tests make many."""
    place = None
    if "TMPDIR" not in os.environ and _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK):
        found = os.statvfs(_MEMORY)
        is_open = not found.f_flag & os.ST_NOEXEC
        place = _MEMORY if is_open and found.f_bavail * found.f_frsize > _ROOM else None
    with tempfile.TemporaryDirectory(prefix="agentflow-test-", dir=place) as name:
        yield Path(name)
