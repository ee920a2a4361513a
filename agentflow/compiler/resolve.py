"""Stage 2: documents to specs that are bound to each other.

Substitutes `${…}`, builds the models, picks the target, and looks up what specs refer to: other
specs and files. What a value means beyond its form is left to `validate`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from agentflow import codes
from agentflow.compiler.graph import (
    AgentNode,
    Bound,
    DeploymentNode,
    FragmentNode,
    Graph,
    Misshapen,
)
from agentflow.compiler.layering import EXTENDING_KINDS, Layering
from agentflow.compiler.load import Loaded, RawSpec
from agentflow.compiler.references import (
    Named,
    ReferenceCheck,
    check_files,
    resolve_path,
)
from agentflow.compiler.shape import check_shape
from agentflow.compiler.substitute import References, Secrets, Substituted, substitute
from agentflow.compiler.targets import choose_target, undeclared_values
from agentflow.compiler.texts import Texts, covers
from agentflow.compiler.variables import Given, VariableSet
from agentflow.diagnostics import SETTINGS_FILE, Checked, Diagnostic
from agentflow.source.tree import Document, Path, mapping_at, value_at
from agentflow.spec.agent import AgentSpec
from agentflow.spec.base import Secret, SpecModel
from agentflow.spec.kinds import FIXED_KEYS, KINDS
from agentflow.spec.project import ProjectSpec
from agentflow.spec.refs import parse_ref
from agentflow.spec.walk import marked

if TYPE_CHECKING:
    from agentflow.ports import Files

__all__ = ["resolve", "resolve_path"]

_LITERAL_KEYS = (*FIXED_KEYS, "use")
"""They say what a spec is and is put together from, before anything is substituted, so nothing is
substituted in them."""

_LAYERS: Mapping[str, tuple[str, ...]] = {"ProjectSpec": ("defaults",), "OverlaySpec": ("patch",)}
"""By model, what is substituted in the specs it becomes a part of, with their variables and in their fields."""

_LOOSENING = (
    *("tools", "mcp", "custom", "approvals", "team", "uncertainty"),
    *("network", "hosting", "environment", "credentials", "budget", "raw"),
)
"""What an overlay may only make wider where the target allows it."""

M = TypeVar("M", bound=SpecModel)


def resolve(
    loaded: Loaded,
    files: Files,
    *,
    target: str,
    environ: Mapping[str, str],
    variables: Mapping[str, str],
    settings: Sequence[str] = (),
) -> Checked[Graph | None]:
    """Bind a project for one target. None: it has no project, or no such target.

    Args:
        loaded: what `load` made.
        files: for prompts, and to see that other files exist.
        target: its name.
        environ: for `${env.X}`.
        variables: values from the command line, as text.
        settings: `--set` of the command line, as text.
    """
    work = _Resolver(loaded, files, target, environ, variables, settings)
    graph, problems = work.graph(), tuple(work.problems)
    # What reports to it refers to it in circles: a large project would stay until they are looked for.
    vars(work).clear()
    return Checked(graph, problems)


class _Resolver:
    def __init__(
        self,
        loaded: Loaded,
        files: Files,
        target: str,
        environ: Mapping[str, str],
        variables: Mapping[str, str],
        settings: Sequence[str],
    ) -> None:
        self.loaded = loaded
        self.files = files
        self.target = target
        self.environ = environ
        # Each problem once: a default is seen as a value and again as a part of its document.
        self.problems: dict[Diagnostic, None] = {}
        self.misshapen: list[Misshapen] = []
        self.named = Named.of(loaded)
        self.references = ReferenceCheck(self.named, self._report)
        self.document = loaded.project.document if loaded.project else None
        self.targets = mapping_at(self.document, ("targets",))
        self.secrets = Secrets(frozenset(mapping_at(self.document, ("secrets",))), set())
        path: Path = ("targets", target, "vars")
        values = mapping_at(self.document, path)
        self.given = Given(variables, values, self.document, path)
        self.layering = Layering(
            loaded.specs, self.document, target, settings, self._report, complete=loaded.complete
        )
        self.texts = Texts(files, loaded.refused, self._report)
        self.by_address = {spec.address: spec for spec in loaded.specs}
        self.by_kind: dict[str, dict[str, Any]] = {}
        self.composed: dict[str, Document] = {}
        self.agents: dict[str, AgentNode | None] = {}

    def graph(self) -> Graph | None:
        project = self._project()
        for problem in undeclared_values(self.loaded, self.given, self.document):
            self._report(problem)
        by_kind = self.by_kind
        for kind, make in self._makers():
            by_kind[kind] = dict(sorted(self._all(kind, make)))
        chosen, found = choose_target(project, self.target) if project else Checked(None, ())
        self.problems.update(dict.fromkeys(found))
        if project is None or chosen is None:
            return None
        order = {spec.address: number for number, spec in enumerate(self.loaded.specs)}
        references = sorted(
            self.references.found, key=lambda r: (order.get(r.source, 0), str(r.path))
        )
        # An agent that is not reported on may still be what a deployment is about.
        everything = [bound for specs in by_kind.values() for bound in specs.values()]
        everything += [node for node in self.agents.values() if node is not None]
        return Graph(
            project=project,
            target_name=self.target,
            target=chosen,
            agents=by_kind["Agent"],
            environments=by_kind["Environment"],
            deployments=by_kind["Deployment"],
            vaults=by_kind["Vault"],
            memory_stores=by_kind["MemoryStore"],
            skills=by_kind["Skill"],
            toolsets=by_kind["Toolset"],
            fragments=by_kind["Fragment"],
            overlays=by_kind["Overlay"],
            policies=by_kind["Policy"],
            tests=by_kind["Test"],
            flows=by_kind["Flow"],
            documents=self.loaded.documents,
            references=tuple(dict.fromkeys(references)),
            secrets=frozenset(self.secrets.used),
            misshapen=tuple(self.misshapen),
            known={bound.address: bound for bound in everything},
            composed=self.composed,
        )

    def _makers(self) -> Iterator[tuple[str, Callable[[RawSpec], Bound[Any] | None]]]:
        own = {"Agent": self._agent, "Deployment": self._deployment, "Fragment": self._fragment}
        # What agents and deployments look up comes before them.
        for kind in sorted(KINDS, key=lambda kind: kind in ("Agent", "Deployment")):
            if kind != "Project":
                yield kind, own.get(kind, self._plain)

    def _all(
        self, kind: str, make: Callable[[RawSpec], Bound[Any] | None]
    ) -> Iterator[tuple[str, Any]]:
        for raw in self.loaded.specs:
            # Of agents there may be a thousand, and only few to report on.
            if raw.kind == kind and (kind != "Agent" or self.loaded.reports(raw.document)):
                bound = make(raw)
                if bound is not None and raw.name is not None:
                    yield raw.name, bound

    def _report(self, problem: Diagnostic) -> None:
        selected = self.loaded.selected
        file = None if problem.span is None else problem.span.file
        if selected is None or file in (None, SETTINGS_FILE) or file in selected:
            self.problems[problem] = None

    def _variables(
        self,
        document: Document | None,
        parent: VariableSet | None = None,
        *,
        abstract: bool = False,
        report: Callable[[Diagnostic], None] | None = None,
    ) -> VariableSet:
        return VariableSet(
            document,
            self.given,
            self.environ,
            References(self.named.names, self.loaded.complete),
            self.secrets,
            report or self._report,
            parent=parent,
            lenient=self.document is None,
            abstract=abstract,
        )

    # The project and its target

    @cached_property
    def project_variables(self) -> VariableSet:
        return self._variables(self.document)

    @cached_property
    def project_values(self) -> Mapping[str, Any]:
        return self.project_variables.all()

    def _project(self) -> Bound[ProjectSpec] | None:
        raw = self.loaded.project
        if raw is None:
            return None
        assert self.project_values is not None  # every variable is looked at, used or not
        made = self._substituted(ProjectSpec, raw.document, self.project_variables)
        document = raw.document.with_data(self._without_unusable_targets(made))
        spec, problems = check_shape(ProjectSpec, document, failed=made.failed)
        self._report_shape(problems)
        for kind in EXTENDING_KINDS:
            self._check_layer(kind, document, ("defaults", kind.lower()))
        if spec is None:
            spec = _stand_in(document)
        for problem in check_files(ProjectSpec, document, made.failed, self.files):
            self._report(problem)
        return Bound(address=f"project/{spec.name}", spec=spec, document=document)

    def _check_layer(self, kind: str, document: Document, at: Path) -> None:
        """Values that become a part of specs, as far as they can be judged alone."""
        if mapping_at(document, at):
            later = tuple(_substitutions(value_at(document.data, at), at))
            self._report_shape(check_shape(KINDS[kind], document, at=at, failed=later).problems)

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

    # The other kinds

    def _plain(self, raw: RawSpec) -> Bound[Any] | None:
        """A spec of a kind that needs nothing but its values."""
        model = KINDS[raw.kind]
        made, document = self._made(raw, self.layering.composed(raw), self.project_variables)
        spec = self._shaped(model, document, made, abstract=_is_abstract(raw))
        self._look_around(model, raw, document, made)
        if raw.kind == "Overlay":
            for address in mapping_at(document, ("patch",)):
                kind = next((k for k in KINDS if address.startswith(f"{k.lower()}/")), None)
                if kind is not None:
                    self._check_layer(kind, document, ("patch", address))
        if spec is None or _is_abstract(raw):
            return None
        reviewed = self._reviewed(raw, document, self.project_variables)
        return Bound(address=raw.address, spec=spec, document=document, reviewed=reviewed)

    def _made(
        self, raw: RawSpec, document: Document, variables: VariableSet
    ) -> tuple[Substituted, Document]:
        """A spec after substitution. `document`: it is put together in, from all its layers."""
        made = self._substituted(KINDS[raw.kind], document, variables)
        document = document.with_data(made.data)
        if raw.name is not None:
            self.composed[raw.address] = document
        return made, document

    def _look_around(
        self, model: type[SpecModel], raw: RawSpec, document: Document, made: Substituted
    ) -> None:
        """References and files are looked up even if the shape is wrong: all problems in one run."""
        self.references.check(model, raw.address, document, made.failed)
        read: tuple[Path, ...] = (("prompt",), ("text",))
        for problem in check_files(model, document, made.failed, self.files, but=read):
            self._report(problem)

    def _reviewed(
        self, raw: RawSpec, document: Document, variables: VariableSet
    ) -> Bound[Any] | None:
        """The spec without overlays and `--set`, as far as they must not make it wider."""
        base = self.layering.reviewed(raw)
        if base is None:
            return None
        model = KINDS[raw.kind]
        if model is AgentSpec:
            # An overlay may change a variable, and by it whatever uses that.
            variables = self._variables(base, self.project_variables, report=_unheard)
        secret = _secret_fields(model)
        before = substitute(base, base.data, variables.scope, _unheard, secret_fields=secret).data
        data = {key: value for key, value in document.data.items() if key not in _LOOSENING}
        said = {key: before[key] for key in _LOOSENING if key in before}
        reviewed = check_shape(model, base.with_data({**data, **said})).value
        # Of what was no spec without them nothing was allowed.
        spec = reviewed or check_shape(model, base.with_data(data)).value
        return None if spec is None else Bound(address=raw.address, spec=spec, document=base)

    def _fragment(self, raw: RawSpec) -> FragmentNode | None:
        bound = self._plain(raw)
        if bound is None:
            return None
        template = self.texts.text(bound.document, ("text",))
        if template is None:
            return None
        return FragmentNode(
            address=bound.address, spec=bound.spec, document=bound.document, template=template
        )

    def _deployment(self, raw: RawSpec) -> DeploymentNode | None:
        bound = self._plain(raw)
        if bound is None:
            return None
        ref = parse_ref(bound.spec.agent, "agent")
        return DeploymentNode(
            address=bound.address,
            spec=bound.spec,
            document=bound.document,
            reviewed=bound.reviewed,
            agent=self._agent_named(ref.name) if ref is not None and ref.name else None,
            task=self.texts.task(bound.document, ()),
            vars=self.project_values,
        )

    def _agent_named(self, name: str) -> AgentNode | None:
        raw = self.by_address.get(f"agent/{name}")
        return None if raw is None else self._agent(raw)

    def _agent(self, raw: RawSpec) -> AgentNode | None:
        if raw.address not in self.agents:
            self.agents[raw.address] = self._make_agent(raw)
        return self.agents[raw.address]

    def _make_agent(self, raw: RawSpec) -> AgentNode | None:
        abstract = _is_abstract(raw)
        composed = self.layering.composed(raw)
        variables = self._variables(composed, self.project_variables, abstract=abstract)
        values = variables.all()
        made, document = self._made(raw, composed, variables)
        spec = self._shaped(AgentSpec, document, made, abstract=abstract)
        self._look_around(AgentSpec, raw, document, made)
        prompt = self.texts.prompt(document, made.failed)
        task = self.texts.task(document, made.failed)
        if abstract:
            return None
        sections = dict(self.texts.sections(document, made.failed))
        if spec is None or prompt is None:
            inputs = tuple(map(str, mapping_at(document, ("inputs",))))
            left = Misshapen(
                prompt=prompt, task=task, sections=sections, vars=values, inputs=inputs
            )
            if self.loaded.reports(raw.document):
                self.misshapen.append(left)
            return None
        return AgentNode(
            address=raw.address,
            spec=spec,
            document=document,
            reviewed=self._reviewed(raw, document, variables),
            prompt=prompt,
            task=task,
            sections=sections,
            vars=values,
            environment=self._environment(spec),
        )

    def _environment(self, spec: AgentSpec) -> str | None:
        """The address of the environment an agent names; None if it names none that exists."""
        ref = parse_ref(spec.environment, "environment") if spec.environment else None
        if ref is None or ref.name is None:
            return spec.environment if ref else None
        return ref.address if ref.name in self.by_kind["Environment"] else None

    def _substituted(
        self, model: type[SpecModel], document: Document, variables: VariableSet
    ) -> Substituted:
        """The data of a whole document, without what identifies it."""
        data = document.data
        if not document.mentions_substitution:
            return Substituted(data, frozenset())
        kept = (*_LITERAL_KEYS, *_LAYERS.get(model.__name__, ()))
        literal = {key: data[key] for key in kept if key in data}
        rest = {key: value for key, value in data.items() if key not in literal}
        report = self._report_in_use if document is self.document else self._report
        made = substitute(
            document, rest, variables.scope, report, secret_fields=_secret_fields(model)
        )
        values = {**literal, **made.data}
        return Substituted({key: values[key] for key in data}, made.failed)

    def _report_in_use(self, problem: Diagnostic) -> None:
        """For the document of the project: other targets may lack what only they need."""
        if problem.code != codes.BAD_SUBSTITUTION.id and problem.span is not None:
            assert self.document is not None
            for name in self.targets:
                place = self.document.span(("targets", name))
                if name != self.target and covers(place, problem.span):
                    return
        self._report(problem)

    def _shaped(
        self, model: type[M], document: Document, made: Substituted, *, abstract: bool
    ) -> M | None:
        spec, problems = check_shape(model, document, failed=made.failed, partial=abstract)
        self._report_shape(problems)
        return None if made.failed else spec

    def _report_shape(self, problems: Iterable[Diagnostic]) -> None:
        """Leave out what only follows from a value that the reader refused."""
        for problem in problems:
            place = problem.span
            if place is None or not any(covers(place, span) for span in self.loaded.refused):
                self._report(problem)


def _unheard(problem: Diagnostic) -> None:
    """Takes problems of a spec without its overlays: they are reported for the spec as it is."""


def _secret_fields(model: type[SpecModel]) -> tuple[tuple[str, ...], ...]:
    return tuple(field.path for field in marked(model, Secret))


def _substitutions(data: Any, path: Path) -> Iterator[Path]:
    """Where in `data`, which stands at `path`, something is substituted."""
    if isinstance(data, dict):
        for key, item in data.items():
            yield from _substitutions(item, (*path, key))
    elif isinstance(data, list):
        for index, item in enumerate(data):
            yield from _substitutions(item, (*path, index))
    elif isinstance(data, str) and "${" in data:
        yield path


def _is_abstract(raw: RawSpec) -> bool:
    return raw.document.data.get("abstract") is True


def _stand_in(document: Document) -> ProjectSpec:
    """A project without the parts that are wrong, so that the other specs can still be checked."""
    data: dict[str, Any] = {"kind": "Project", "name": "project"}
    for key in ("name", "vars", "targets", "secrets", "lint"):
        candidate = {**data, key: document.data.get(key)}
        try:
            ProjectSpec.model_validate(candidate)
        except ValueError:
            continue
        data = candidate
    return ProjectSpec.model_validate(data)
