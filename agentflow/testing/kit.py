"""Tests in Python: play a run of a project on an embedded service, and say what has to be so.

    def test_the_desk_survives_a_broken_stream(agentflow_kit):
        run = agentflow_kit.run(
            "examples/hello",
            model=ScriptedModel(turn("I write.", call("write", file_path=…, content=…)), turn("Done.")),
            faults=[{"fault": "drop", "after": 4}],
        )
        run.expect(verdict="completed", outputs="valid", tools={"never": ["bash"]})

The words are those of `kind: Test`. What this module offers is stable: a name leaves it only with a new
first number of the version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, Self

from agentflow.audit.finding import Finding
from agentflow.audit.story import ToolUse
from agentflow.errors import UsageError
from agentflow.local.drivers.base import ModelDriver
from agentflow.local.fault_plan import FaultPlan
from agentflow.local.faults import Faults
from agentflow.local.server import ServiceConfig, start
from agentflow.operations.check import open_project
from agentflow.operations.inputs import resolve_inputs
from agentflow.operations.orders import pick_agent
from agentflow.runtime.approvals import Person
from agentflow.runtime.notices import Notice
from agentflow.runtime.pool import CallFailed
from agentflow.runtime.run import RunResult
from agentflow.spec.expect import ExpectSpec
from agentflow.spec.test import FaultSpec
from agentflow.testing.bench import Bench
from agentflow.testing.clock import HandClock, run_jumping
from agentflow.testing.expectations import misses
from agentflow.testing.faults import plan_of
from agentflow.testing.model import ScriptedModel, call, turn
from agentflow.testing.person import ScriptedPerson
from agentflow.testing.seen import Seen
from agentflow.testing.stage import Played, Scene, play

__all__ = [
    "CallFailed",
    "HandClock",
    "Kit",
    "Run",
    "ScriptedModel",
    "ScriptedPerson",
    "Served",
    "call",
    "run_jumping",
    "turn",
]


class Served(NamedTuple):
    """An embedded service that listens on this machine."""

    base_url: str
    token: str
    """What clients send as their key."""


class Run:
    """A run that has ended."""

    def __init__(self, played: Played, seen: Seen, root: Path) -> None:
        self._played = played
        self._seen = seen
        self._root = root

    @property
    def result(self) -> RunResult:
        """Verdict, outputs, tokens, cost: as `agentflow.run` returns it."""
        return self._seen.result

    @property
    def verdict(self) -> str:
        return str(self.result.verdict)

    @property
    def events(self) -> Sequence[Mapping[str, Any]]:
        """Of the session, in list order, as the service has them."""
        return self._seen.history

    @property
    def calls(self) -> Sequence[ToolUse]:
        """Every call of a tool, in order."""
        return self._seen.calls

    @property
    def messages(self) -> list[str]:
        """What the agent said."""
        return [message.text for message in self._seen.messages]

    @property
    def notices(self) -> Sequence[Notice]:
        """What an observer was told."""
        return self._played.notices

    @property
    def findings(self) -> Sequence[Finding]:
        """What an audit of the session says."""
        return self._seen.findings

    @property
    def faults(self) -> Sequence[str]:
        """Those of the service that took place."""
        return self._played.fired

    def output(self, name: str) -> str:
        """The text of a delivered output.

        Raises:
            AssertionError: it was not delivered.
        """
        for output in self.result.outputs:
            if output.name == name and output.path is not None:
                return output.path.read_text(encoding="utf-8")
        raise AssertionError(f"The output {name!r} was not delivered.")

    def expect(self, **expected: Any) -> Self:
        """Hold the run against expectations, in the words of `expect` of a `kind: Test`.

        Without `verdict` it has to be completed. Files are relative to the project.

        Raises:
            AssertionError: something is otherwise; it says what, and which event decided it.
            ValueError: these are no expectations.
        """
        spec = ExpectSpec.model_validate(_exact(expected))
        if spec.prompt is not None or spec.checks:
            raise ValueError("`prompt` and `checks` are for tests in YAML: look at them in Python.")
        found = misses(spec, self._seen, lambda path: self._root / str(_at(expected, path)))
        if found:
            raise AssertionError(
                "\n".join(
                    f"{'.'.join(map(str, miss.path))}: {miss.message}\n"
                    f"  expected: {miss.expected}\n  got: {miss.got}"
                    + (f"\n  decided by: {miss.evidence}" if miss.evidence else "")
                    for miss in found
                )
            )
        return self


def _exact(value: Any) -> Any:
    """Python's numbers as specs have them."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, Mapping):
        return {key: _exact(item) for key, item in value.items()}
    return [_exact(item) for item in value] if isinstance(value, (list, tuple)) else value


def _at(expected: Mapping[str, Any], path: Sequence[str | int]) -> Any:
    value: Any = {"expect": expected}
    for step in path:
        if isinstance(value, str):
            break
        value = value[step]
    return value


class Kit:
    """Plays runs. Its files are below a folder of the test, and its processes end with it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._runs = 0
        self._benches: dict[tuple[Any, ...], Bench] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for bench in self._benches.values():
            bench.programs.close()

    def run(
        self,
        project: Path | str,
        agent: str | None = None,
        *,
        model: ModelDriver | Path | str,
        inputs: Mapping[str, Any] | None = None,
        faults: Sequence[Mapping[str, Any]] = (),
        plan: FaultPlan | None = None,
        stubs: Mapping[str, Any] | None = None,
        person: Person | None = None,
        target: str = "local",
        variables: Mapping[str, str] | None = None,
        settings: Sequence[str] = (),
    ) -> Run:
        """Play one run to its verdict. It takes no time to wait, whatever it waits for.

        Args:
            project: its directory.
            agent: its name. None: the only one.
            model: a `ScriptedModel`, or the path of a script, relative to the project.
            inputs: by name; files by their path, relative to the project.
            faults: as in a `kind: Test`.
            plan: faults of the service in its own words, below `faults`.
            stubs: by tool, what it answers without being run: data, or a function of its arguments
                that may raise `CallFailed`.
            person: who is at the terminal. None: nobody.
            target: what is compiled for.
            variables: as `--var`.
            settings: as `--set`.

        Raises:
            ProblemsFound: the project, or the script, has errors.
            UsageError: the agent cannot be run.
        """
        bench = self._bench(Path(project), target, variables or {}, tuple(settings))
        address = pick_agent(bench.compiled.manifest, agent)
        policy = bench.compiled.manifest.agents[address]
        driver = _driver(model, bench.root)
        faulty, misfortune = plan_of(
            [FaultSpec.model_validate(_exact(dict(f))) for f in faults], plan
        )
        given = {name: _text(value) for name, value in (inputs or {}).items()}
        scene = Scene(
            root=bench.root,
            compiled=bench.compiled,
            agent=address,
            model=driver,
            inputs=resolve_inputs(policy, given, root=bench.root, working=bench.root),
            plan=faulty,
            misfortune=misfortune,
            stubs={name: _stub(answer) for name, answer in (stubs or {}).items()},
            person=person,
        )
        self._runs += 1
        played = run_jumping(play(scene, self._directory / f"run{self._runs}", bench.programs))
        seen = Seen(
            result=played.result,
            history=played.history,
            approvals=played.approvals,
            agent=address,
            policy=policy,
            sources=bench.compiled.sources,
        )
        return Run(played, seen, bench.root)

    def _bench(
        self, project: Path, target: str, variables: Mapping[str, str], settings: tuple[str, ...]
    ) -> Bench:
        key = (project.absolute(), target, tuple(sorted(variables.items())), settings)
        if key not in self._benches:
            self._benches[key] = Bench.of(
                open_project(project), target=target, variables=variables, settings=settings
            )
        return self._benches[key]

    def serve(
        self, model: ModelDriver, *, faults: FaultPlan | None = None
    ) -> AbstractContextManager[Served]:
        """An embedded service on 127.0.0.1 while the context lasts, for clients of your own.

        Its time is real, and its tools run in the sandbox.

        Raises:
            SandboxUnavailable: this machine cannot confine tools.
        """
        self._runs += 1
        return _served(self._directory / f"service{self._runs}", model, faults)


@contextmanager
def _served(directory: Path, model: ModelDriver, faults: FaultPlan | None) -> Iterator[Served]:
    service = start(ServiceConfig(root=directory, driver=model, faults=Faults(faults)))
    try:
        yield Served(service.base_url, service.token)
    finally:
        service.stop()


def _driver(model: ModelDriver | Path | str, root: Path) -> ModelDriver:
    return ScriptedModel.load(root / model) if isinstance(model, (str, Path)) else model


def _stub(answer: Any) -> Callable[[Mapping[str, Any]], Any]:
    if callable(answer):
        made: Callable[[Mapping[str, Any]], Any] = answer
        return made
    return lambda input: answer


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float, Path)):
        return str(value)
    raise UsageError(f"An input is text, a number, true or false, or a path, not {value!r}.")
