"""Stage 2: documents to specs that are bound to each other.

Substitutes `${…}`, builds the models, picks the target, and looks up what specs refer to: other
specs and files. What a value means beyond its form is left to `validate`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from agentflow import codes
from agentflow.compiler.graph import AgentNode, Bound, Graph, Misshapen, TemplateText
from agentflow.compiler.load import Loaded, RawSpec
from agentflow.compiler.shape import check_shape
from agentflow.compiler.substitute import References, Substituted, substitute
from agentflow.compiler.variables import Given, VariableSet
from agentflow.diagnostics import Checked, Diagnostic, Span
from agentflow.errors import FileRefused
from agentflow.nearest import did_you_mean, one_of
from agentflow.ports import Files
from agentflow.source.tree import Document, Path
from agentflow.spec.agent import AgentSpec
from agentflow.spec.base import SpecModel
from agentflow.spec.environment import EnvironmentSpec
from agentflow.spec.project import ProjectSpec, TargetSpec

__all__ = ["resolve", "resolve_path"]

_LITERAL_KEYS = ("apiVersion", "kind", "name")
"""They identify a document before anything is substituted, so nothing is substituted in them."""

_LOOKS_LIKE_FILE = re.compile(r"[\w./-]+\.(?:md|markdown|txt|j2|jinja|jinja2)")

M = TypeVar("M", bound=SpecModel)


def resolve(
    loaded: Loaded,
    files: Files,
    *,
    target: str,
    environ: Mapping[str, str],
    variables: Mapping[str, str],
) -> Checked[Graph | None]:
    """Bind a project for one target. None: it has no project, or no such target.

    Args:
        loaded: what `load` made.
        files: for prompts, and to see that other files exist.
        target: its name.
        environ: for `${env.X}`.
        variables: values from the command line, as text.
    """
    work = _Resolver(loaded, files, target, environ, variables)
    graph = work.graph()
    return Checked(graph, tuple(work.problems))


def resolve_path(beside: str, path: str) -> str:
    """The project-relative path of a file that is named in the file `beside`.

    It may lead out of the project: `Files.read` refuses that.
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(beside), path))


class _Resolver:
    def __init__(
        self,
        loaded: Loaded,
        files: Files,
        target: str,
        environ: Mapping[str, str],
        variables: Mapping[str, str],
    ) -> None:
        self.loaded = loaded
        self.files = files
        self.target = target
        self.environ = environ
        # Each problem once: a default is seen as a value and again as a part of its document.
        self.problems: dict[Diagnostic, None] = {}
        self.misshapen: list[Misshapen] = []
        names = {kind: self._names(kind) for kind in ("Agent", "Environment")}
        self.references = References(
            {kind.lower(): found for kind, found in names.items()}, loaded.complete
        )
        self.document = loaded.project.document if loaded.project else None
        self.targets = _mapping_at(self.document, ("targets",))
        path: Path = ("targets", target, "vars")
        values = _mapping_at(self.document, path)
        self.given = Given(variables, values, self.document, path)

    def graph(self) -> Graph | None:
        project, variables = self._project()
        self._report_undeclared()
        environments = dict(self._environments(variables))
        agents = dict(self._agents(variables, environments))
        chosen = self._target(project.spec) if project else None
        if project is None or chosen is None:
            return None
        return Graph(
            project=project,
            target_name=self.target,
            target=chosen,
            agents=dict(sorted(agents.items())),
            environments=dict(sorted(environments.items())),
            documents=self.loaded.documents,
            misshapen=tuple(self.misshapen),
        )

    def _report(self, problem: Diagnostic) -> None:
        selected = self.loaded.selected
        if selected is None or problem.span is None or problem.span.file in selected:
            self.problems[problem] = None

    def _names(self, kind: str) -> frozenset[str]:
        return frozenset(spec.name for spec in self.loaded.specs if spec.kind == kind and spec.name)

    def _variables(
        self, document: Document | None, parent: VariableSet | None = None
    ) -> VariableSet:
        return VariableSet(
            document,
            self.given,
            self.environ,
            self.references,
            self._report,
            parent=parent,
            lenient=self.document is None,
        )

    # The project and its target

    def _project(self) -> tuple[Bound[ProjectSpec] | None, VariableSet]:
        raw = self.loaded.project
        variables = self._variables(self.document)
        if raw is None:
            return None, variables
        variables.all()
        made = self._substituted(raw.document, variables)
        document = raw.document.with_data(self._without_unusable_targets(made))
        spec, problems = check_shape(ProjectSpec, document, failed=made.failed)
        self._report_shape(problems)
        if spec is None:
            spec = _stand_in(document)
        bound = Bound(address=f"project/{spec.name}", spec=spec, document=document)
        for name, target in spec.targets.items():
            if target.driver is not None:
                self._check_file(bound.document, ("targets", name, "driver", "script"))
        return bound, variables

    def _without_unusable_targets(self, made: Substituted) -> Any:
        """Leave out other targets that lack, say, an environment variable only they need."""
        others = {path[1] for path in made.failed if self._is_other_target(path)}
        if not others:
            return made.data
        targets = {
            name: value for name, value in made.data["targets"].items() if name not in others
        }
        return {**made.data, "targets": targets}

    def _is_other_target(self, path: Path) -> bool:
        return len(path) > 1 and path[0] == "targets" and path[1] != self.target

    def _target(self, project: ProjectSpec) -> TargetSpec | None:
        if self.target in project.targets:
            return project.targets[self.target]
        if self.target == "local" or self.target in self.targets:
            # Not declared, or declared with a mistake that has been reported.
            return TargetSpec(service="local")
        names = sorted({*map(str, self.targets), "local"})
        hint = did_you_mean(self.target, names) or f"Targets are {one_of(names, joined='and')}."
        message = f"The project has no target {self.target!r}."
        self.problems[codes.UNKNOWN_TARGET.at(None, message, hint=hint)] = None
        return None

    def _report_undeclared(self) -> None:
        """Values for variables that no document declares."""
        if not self.loaded.complete:
            return
        declared: set[str] = set()
        for spec in self.loaded.specs:
            declared.update(_mapping_at(spec.document, ("vars",)))
        for name in self.given.command_line:
            if name not in declared:
                message = f"--var {name}=…: no variable is named {name!r}."
                self._report(codes.UNDECLARED_VALUE.at(None, message, hint=_near(name, declared)))
        for target in self.targets:
            path: Path = ("targets", target, "vars")
            for name in _mapping_at(self.document, path):
                if name not in declared and self.document is not None:
                    span = self.document.span((*path, name), key=True)
                    message = f"Target {target!r} sets {name!r}, which no spec declares."
                    hint = _near(name, declared)
                    self._report(codes.UNDECLARED_VALUE.at(span, message, hint=hint))

    # Environments and agents

    def _environments(self, variables: VariableSet) -> Iterator[tuple[str, Bound[EnvironmentSpec]]]:
        for raw in self._of_kind("Environment"):
            made = self._substituted(raw.document, variables)
            document = raw.document.with_data(made.data)
            spec = self._shaped(EnvironmentSpec, document, made)
            if spec is not None:
                yield spec.name, Bound(address=raw.address, spec=spec, document=document)

    def _agents(
        self, project: VariableSet, environments: Mapping[str, Bound[EnvironmentSpec]]
    ) -> Iterator[tuple[str, AgentNode]]:
        for raw in self._of_kind("Agent"):
            if self.loaded.reports(raw.document):
                node = self._agent(raw, project, environments)
                if node is not None:
                    yield node.spec.name, node

    def _agent(
        self,
        raw: RawSpec,
        project: VariableSet,
        environments: Mapping[str, Bound[EnvironmentSpec]],
    ) -> AgentNode | None:
        variables = self._variables(raw.document, project)
        values = variables.all()
        made = self._substituted(raw.document, variables)
        document = raw.document.with_data(made.data)
        spec = self._shaped(AgentSpec, document, made)
        # References are looked up even if the shape is wrong: all problems show in one run.
        environment = self._environment(document, made)
        prompt = self._prompt(document, made)
        for name in _mapping_at(document, ("outputs",)):
            self._check_file(document, ("outputs", name, "schema"))
        task = _task(document, made)
        if spec is None or prompt is None:
            inputs = tuple(map(str, _mapping_at(document, ("inputs",))))
            left = Misshapen(prompt=prompt, task=task, vars=values, inputs=inputs)
            self.misshapen.append(left)
            return None
        known = environment is not None and (
            environment.startswith("id:") or environment.partition("/")[2] in environments
        )
        return AgentNode(
            address=raw.address,
            spec=spec,
            document=document,
            prompt=prompt,
            task=task,
            vars=values,
            environment=environment if known else None,
        )

    def _of_kind(self, kind: str) -> Iterator[RawSpec]:
        return (spec for spec in self.loaded.specs if spec.kind == kind)

    def _substituted(self, document: Document, variables: VariableSet) -> Substituted:
        """The data of a whole document, without what identifies it."""
        data = document.data
        literal = {key: data[key] for key in _LITERAL_KEYS if key in data}
        rest = {key: value for key, value in data.items() if key not in literal}
        report = self._report_in_use if document is self.document else self._report
        made = substitute(document, rest, variables.scope, report)
        values = {**literal, **made.data}
        return Substituted({key: values[key] for key in data}, made.failed)

    def _report_in_use(self, problem: Diagnostic) -> None:
        """For the document of the project: other targets may lack what only they need."""
        if problem.code != codes.BAD_SUBSTITUTION.id and problem.span is not None:
            assert self.document is not None
            for name in self.targets:
                place = self.document.span(("targets", name))
                if name != self.target and _covers(place, problem.span):
                    return
        self._report(problem)

    def _shaped(self, model: type[M], document: Document, made: Substituted) -> M | None:
        spec, problems = check_shape(model, document, failed=made.failed)
        self._report_shape(problems)
        return None if made.failed else spec

    def _report_shape(self, problems: Iterable[Diagnostic]) -> None:
        """Leave out what only follows from a value that the reader refused."""
        for problem in problems:
            place = problem.span
            if place is None or not any(_covers(place, span) for span in self.loaded.refused):
                self._report(problem)

    # What specs refer to

    def _environment(self, document: Document, made: Substituted) -> str | None:
        """The address of the environment an agent names; None if it names none that exists."""
        value = document.data.get("environment")
        path: Path = ("environment",)
        if not isinstance(value, str) or not value or path in made.failed:
            return None
        if value.startswith("id:"):
            return value
        name = value.removeprefix("environment/")
        names = self.references.names["environment"]
        if name in names:
            return f"environment/{name}"
        if self.loaded.complete:
            message = f"No Environment is named {name!r}."
            hint = did_you_mean(name, names)
            if hint is None:
                hint = f"Declare it: `kind: Environment` with `name: {name}`."
            problem = codes.UNKNOWN_REFERENCE.at(document.span(path), message, hint=hint)
            self._report(problem)
        return None

    def _prompt(self, document: Document, made: Substituted) -> TemplateText | None:
        value = document.data.get("prompt")
        path: Path = ("prompt",)
        if not isinstance(value, str) or not value or path in made.failed:
            return None
        span = document.span(path)
        if _is_file(value):
            text = self._read(document, path)
            if text is None:
                return None
            name = resolve_path(document.file, value)
            if not text.strip():
                message = f"The prompt file {name!r} is empty."
                hint = "Write the prompt there."
                self._report(codes.OUT_OF_RANGE.at(span, message, hint=hint))
                return None
            text = text.replace("\r\n", "\n")
            return TemplateText(name=name, text=text, document=None, path=())
        if _LOOKS_LIKE_FILE.fullmatch(value):
            message = f"The prompt is the text {value!r} itself, not the file of that name."
            hint = f"Write './{value.lstrip('/')}' for the file."
            self._report(codes.MALFORMED.at(span, message, hint=hint))
            return None
        return TemplateText(name=document.file, text=value, document=document, path=path)

    def _check_file(self, document: Document, path: Path) -> None:
        """Report a file that is named at `path` and cannot be read; other values are fine."""
        value = _value_at(document.data, path)
        if isinstance(value, str) and _is_file(value):
            self._read(document, path)

    def _read(self, document: Document, path: Path) -> str | None:
        name = resolve_path(document.file, _value_at(document.data, path))
        try:
            return self.files.read(name)
        except FileRefused as error:
            code = codes.CODES[error.code]
            self._report(code.at(document.span(path), error.message, hint=error.hint))
            return None


def _task(document: Document, made: Substituted) -> TemplateText | None:
    value = document.data.get("task")
    if not isinstance(value, str) or not value or ("task",) in made.failed:
        return None
    return TemplateText(name=document.file, text=value, document=document, path=("task",))


def _is_file(value: str) -> bool:
    return value.startswith(("./", "../")) and "\n" not in value.strip()


def _covers(outer: Span, inner: Span) -> bool:
    if outer.file != inner.file:
        return False
    start, end = (outer.line, outer.column), (outer.end_line, outer.end_column)
    return start <= (inner.line, inner.column) < end


def _near(name: str, declared: set[str]) -> str:
    return did_you_mean(name, declared) or "Declare it below `vars`, or remove the value."


def _value_at(data: Any, path: Path) -> Any:
    for step in path:
        if not isinstance(data, dict) or step not in data:
            return None
        data = data[step]
    return data


def _mapping_at(document: Document | None, path: Path) -> Mapping[str, Any]:
    value = _value_at(document.data, path) if document is not None else None
    return value if isinstance(value, dict) else {}


def _stand_in(document: Document) -> ProjectSpec:
    """A project without the parts that are wrong, so that the other specs can still be checked."""
    data: dict[str, Any] = {"kind": "Project", "name": "project"}
    for key in ("name", "vars", "targets", "lint"):
        candidate = {**data, key: document.data.get(key)}
        try:
            ProjectSpec.model_validate(candidate)
        except ValueError:
            continue
        data = candidate
    return ProjectSpec.model_validate(data)
