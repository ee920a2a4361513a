"""A project after `resolve`: typed specs bound to each other, each still knowing where it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from agentflow.diagnostics import Span
from agentflow.records import field, record
from agentflow.source.tree import Document, Path
from agentflow.spec.agent import AgentSpec
from agentflow.spec.base import SpecModel
from agentflow.spec.project import ProjectSpec, TargetSpec

if TYPE_CHECKING:
    from agentflow.spec.deployment import DeploymentSpec
    from agentflow.spec.environment import EnvironmentSpec
    from agentflow.spec.flow import FlowSpec
    from agentflow.spec.memory import MemoryStoreSpec
    from agentflow.spec.policy import PolicySpec
    from agentflow.spec.reuse import FragmentSpec, OverlaySpec, ToolsetSpec
    from agentflow.spec.skill import SkillSpec
    from agentflow.spec.test import TestSpec
    from agentflow.spec.vault import VaultSpec
else:
    DeploymentSpec = FragmentSpec = SpecModel  # what a class is generic over, without its module

__all__ = [
    "AgentNode",
    "Bound",
    "DeploymentNode",
    "FragmentNode",
    "Graph",
    "Misshapen",
    "Reference",
    "TemplateText",
]

S = TypeVar("S", bound=SpecModel, covariant=True)


@record
class Bound(Generic[S]):
    """A spec and the document it came from."""

    address: str
    spec: S
    document: Document
    """Put together from all its layers, after substitution."""
    reviewed: Bound[S] | None = None
    """The spec as it is without overlays and `--set`. None: there are none of these."""

    def span(self, *path: str | int, key: bool = False) -> Span:
        """Where the value at `path` stands, or its key; of the nearest parent if it is absent."""
        return self.document.span(path, key=key)

    def file(self, *path: str | int) -> str:
        """The file that the value at `path` was written in: other files are beside that one."""
        return self.document.origin(path).document.file


@record
class TemplateText:
    """A template and where its characters stand: in a YAML scalar, or as a file of its own."""

    name: str
    """Project-relative path of the file the text is in."""
    text: str
    document: Document | None
    """None: the text is the whole of the file `name`."""
    path: Path
    """Of the scalar in `document`; empty for a file."""
    is_verbatim: bool = False
    """It is no template: what looks like one is text. An agent is told nothing beside such a prompt but
    what is declared for it in the words of specs."""

    def span(self, start: int, end: int) -> Span:
        """The place of `text[start:end]`; of the whole scalar where YAML folded or escaped it."""
        if self.document is not None:
            return self.document.text_span(self.path, start, end)
        line = self.text.count("\n", 0, start) + 1
        column = start - (self.text.rfind("\n", 0, start) + 1) + 1
        end_line = self.text.count("\n", 0, end) + 1
        end_column = end - (self.text.rfind("\n", 0, end) + 1) + 1
        return Span(self.name, line, column, end_line, end_column)


@record
class Reference:
    """One spec names another."""

    source: str
    """Address of the spec that has the reference."""
    path: Path
    """Where it stands in it."""
    target: str
    """Address of the spec it names, which exists."""


@record
class AgentNode(Bound[AgentSpec]):
    prompt: TemplateText
    task: TemplateText | None
    sections: Mapping[str, TemplateText]
    """Other wordings of policy sections, by section; the text may be `fragment/name`."""
    vars: Mapping[str, Any]
    """Every variable the agent sees, with its value: the project's, the target's, its own."""
    environment: str | None
    """Address of an Environment in this graph, or `id:env_…`. None: not said."""

    def templates(self) -> Misshapen:
        """What can be checked of it when it cannot be rendered."""
        return Misshapen(
            prompt=self.prompt,
            task=self.task,
            sections=self.sections,
            vars=self.vars,
            inputs=tuple(self.spec.inputs),
        )


@record
class DeploymentNode(Bound[DeploymentSpec]):
    agent: AgentNode | None
    """None: it names one that is not managed here, or that has errors."""
    task: TemplateText | None
    """Of its own."""
    vars: Mapping[str, Any]
    """The project's."""

    @property
    def environment(self) -> str | None:
        """The reference it uses: its own, or the agent's."""
        own = self.spec.environment
        return own or (self.agent.spec.environment if self.agent else None)


@record
class FragmentNode(Bound[FragmentSpec]):
    template: TemplateText


@record
class Misshapen:
    """The templates of an agent whose spec has errors: they can be checked all the same."""

    prompt: TemplateText | None
    task: TemplateText | None
    sections: Mapping[str, TemplateText]
    vars: Mapping[str, Any]
    inputs: tuple[str, ...]
    """Names."""


@record
class Graph:
    """Specs by name, sorted. Abstract ones are not among them."""

    project: Bound[ProjectSpec]
    target_name: str
    target: TargetSpec
    agents: Mapping[str, AgentNode]
    environments: Mapping[str, Bound[EnvironmentSpec]]
    deployments: Mapping[str, DeploymentNode]
    vaults: Mapping[str, Bound[VaultSpec]]
    memory_stores: Mapping[str, Bound[MemoryStoreSpec]]
    skills: Mapping[str, Bound[SkillSpec]]
    toolsets: Mapping[str, Bound[ToolsetSpec]]
    fragments: Mapping[str, FragmentNode]
    overlays: Mapping[str, Bound[OverlaySpec]]
    policies: Mapping[str, Bound[PolicySpec]]
    tests: Mapping[str, Bound[TestSpec]]
    flows: Mapping[str, Bound[FlowSpec]]
    documents: tuple[Document, ...]
    """All documents of the project, also those that did not become a spec."""
    references: tuple[Reference, ...] = ()
    """Every reference between specs of the project, also of those with errors; ordered by place."""
    secrets: frozenset[str] = frozenset()
    """Names of the declared secrets that some spec uses."""
    misshapen: tuple[Misshapen, ...] = ()
    known: Mapping[str, Bound[SpecModel]] | None = None
    """By address, every spec there is, where the other fields hold only those to report on.
    None: they hold all."""

    composed: Mapping[str, Document] = field(default_factory=dict)
    """By address, every spec as it is put together from its layers, after substitution: also those
    that are abstract, or have errors."""

    def bound(self, address: str) -> Bound[Any] | None:
        """The spec of an address, also if it is not among those to report on."""
        if self.known is not None:
            return self.known.get(address)
        kind, _, name = address.partition("/")
        return self.by_kind().get(kind, {}).get(name)

    def agent(self, name: str) -> AgentNode | None:
        found = self.bound(f"agent/{name}")
        return found if isinstance(found, AgentNode) else None

    def by_kind(self) -> Mapping[str, Mapping[str, Bound[Any]]]:
        """Kind as in addresses -> its specs, in the order of the documentation."""
        return {
            "agent": self.agents,
            "environment": self.environments,
            "deployment": self.deployments,
            "vault": self.vaults,
            "memorystore": self.memory_stores,
            "skill": self.skills,
            "toolset": self.toolsets,
            "fragment": self.fragments,
            "overlay": self.overlays,
            "policy": self.policies,
            "test": self.tests,
            "flow": self.flows,
        }

    def all(self) -> Iterator[Bound[Any]]:
        """Every spec to report on except the project, by kind and name."""
        for specs in self.by_kind().values():
            yield from specs.values()
