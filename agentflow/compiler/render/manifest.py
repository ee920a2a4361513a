"""Stage 4: the manifest. Payloads and policies of every spec, and where each value was written."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from agentflow.compiler.fragments import check_defaults, fragments_of
from agentflow.compiler.graph import AgentNode, Bound, Graph
from agentflow.compiler.manifest import (
    AgentPolicy,
    Compiled,
    DeploymentPolicy,
    Manifest,
    Resource,
    Target,
    Upload,
)
from agentflow.compiler.render.circles import circles
from agentflow.compiler.render.resource import Uploads, Workbench, make_resource
from agentflow.compiler.render.whole_agent import (
    policy_sections,
    render_agent,
    template_problems,
)
from agentflow.compiler.template import check_fragment
from agentflow.diagnostics import Checked, Diagnostic
from agentflow.records import replace

if TYPE_CHECKING:
    from agentflow.ports import Callables, Files
    from agentflow.spec.skill import SkillSpec
    from agentflow.spec.vault import VaultSpec

__all__ = ["render", "rendering_problems", "sections_of"]


def render(graph: Graph, files: Files, *, callables: Callables | None = None) -> Checked[Compiled]:
    """Make the payload and the policy of every spec of a graph that `validate` has passed.

    A spec with errors that only show here, such as those of templates, is left out of the manifest.
    """
    return _Rendering(graph, files, callables).compiled()


def rendering_problems(
    graph: Graph, files: Files, *, callables: Callables | None = None
) -> Sequence[Diagnostic]:
    """What `render` finds, for whoever does not need what it makes."""
    rendering = _Rendering(graph, files, callables, is_sketch=True)
    rendering.resources_made()
    return rendering.problems


def sections_of(
    node: AgentNode, graph: Graph, files: Files, *, callables: Callables | None = None
) -> Mapping[str, str]:
    """The policy sections of an agent of the graph that was rendered, as `policy_sections` has them."""
    rendering = _Rendering(graph, files, callables)
    rendering.names()
    return policy_sections(node, rendering.bench).value


class _Rendering:
    def __init__(
        self,
        graph: Graph,
        files: Files,
        callables: Callables | None,
        *,
        is_sketch: bool = False,
    ) -> None:
        """Take what is rendered. `is_sketch`: make only what something may be wrong with."""
        self.graph = graph
        self.is_sketch = is_sketch
        self.make = partial(make_resource, is_sketch=is_sketch)
        self.called: dict[str, str] = {}
        self.bench = Workbench(
            files=files,
            callables=callables,
            fragments=fragments_of(graph),
            uploads=Uploads(files),
            skill=partial(_skill, graph),
            called=self.called,
            bound={},
            pools=graph.project.spec.pools,
        )
        self.problems: list[Diagnostic] = []
        self.resources: list[Resource] = []
        self.agents: dict[str, AgentPolicy] = {}
        self.deployments: dict[str, DeploymentPolicy] = {}

    def resources_made(self) -> Sequence[Resource]:
        """Everything that is created on the service, by address."""
        self._plain_kinds()
        self.names()
        self._agents()
        self._deployments()
        self._fragments()
        resources = _known_dependencies([*self.resources, *self.bench.uploads.resources()])
        self.problems += circles(self.graph, resources)
        return resources

    def compiled(self) -> Checked[Compiled]:
        resources = self.resources_made()
        manifest = Manifest(
            project=self.graph.project.spec.name,
            target=_target(self.graph),
            resources=tuple(resources),
            agents=dict(sorted(self.agents.items())),
            deployments=dict(sorted(self.deployments.items())),
        )
        from agentflow.compiler.render.sources import Sources

        compiled = Compiled(manifest=manifest, sources=Sources(self.graph))
        return Checked(compiled, tuple(self.problems))

    def _plain_kinds(self) -> None:
        """Those whose payload is their values, and nothing else."""
        graph, add, make = self.graph, self.resources.append, self.make
        for env in graph.environments.values():
            from agentflow.compiler.render.environment import environment_payload

            payload = environment_payload(env.spec)
            add(make("environment", env.address, payload, env.spec.raw))
        for store in graph.memory_stores.values():
            from agentflow.compiler.render.memory import memory_payload

            payload = memory_payload(store.spec)
            add(make("memorystore", store.address, payload, store.spec.raw))
        for vault in graph.vaults.values():
            from agentflow.compiler.render.vault import vault_payload

            add(make("vault", vault.address, vault_payload(vault.spec), vault.spec.raw))
            self.resources += _credentials(vault)

    def _skills(self) -> None:
        if not self.graph.skills:
            return
        from agentflow.compiler.render.skill import skill_resource

        for bound in self.graph.skills.values():
            resource, found = skill_resource(bound, self.bench.files)
            self.problems += found
            if resource is not None:
                self.resources.append(resource)
                if resource.files:
                    self.called[bound.address] = _folder(resource.files[0])
            elif bound.spec.anthropic is not None:
                self.called[bound.address] = bound.spec.anthropic

    def names(self) -> None:
        """Find out what agents and skills are called on the service."""
        self._skills()
        for node in self.graph.agents.values():
            if node.spec.title is not None:
                self.called[node.address] = node.spec.title

    def _agents(self) -> None:
        for left in self.graph.misshapen:
            self.problems += template_problems(left, self.bench)
        for node in self.graph.agents.values():
            agent, found = render_agent(node, self.bench)
            self.problems += found
            if agent is None or (self.is_sketch and not _may_refer(node)):
                continue  # what needs nothing is in no circle
            if not self.is_sketch:
                self.agents[node.address] = agent.policy()
            payload = agent.payload()
            raw = _raw(node, payload)
            self.resources.append(self.make("agent", node.address, payload, raw))

    def _deployments(self) -> None:
        if not self.graph.deployments:
            return
        from agentflow.compiler.render.deployment import render_deployment

        for node in self.graph.deployments.values():
            deployed, found = render_deployment(node, self.bench)
            self.problems += found
            if deployed is not None:
                self.deployments[node.address] = deployed.policy
                made = make_resource("deployment", node.address, deployed.payload, node.spec.raw)
                self.resources.append(made)

    def _fragments(self) -> None:
        fragments, files = self.bench.fragments, self.bench.files
        for name, bound in self.graph.fragments.items():
            self.problems += check_defaults(fragments[name], bound.document)
            self.problems += check_fragment(fragments[name], fragments=fragments, files=files)


def _skill(graph: Graph, name: str) -> SkillSpec | None:
    bound = graph.bound(f"skill/{name}")
    return None if bound is None else bound.spec


def _may_refer(node: AgentNode) -> bool:
    """Whether the payload of an agent may refer to another resource: by its team or skills, or in a text."""
    spec = node.spec
    return bool(spec.team or spec.skills or node.vars or node.document.mentions_substitution)


def _raw(node: AgentNode, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is merged into a payload. Custom tools of another tool's file join those of our words."""
    raw = node.spec.raw
    if "tools" in raw and node.document.origin(("raw", "tools")).document.is_verbatim:
        return {**raw, "tools": [*payload["tools"], *raw["tools"]]}
    return raw


def _folder(file: Upload) -> str:
    """Of a skill, which has the name of the skill."""
    return file.name.partition("/")[0]


def _credentials(vault: Bound[VaultSpec]) -> Iterator[Resource]:
    from agentflow.compiler.render.vault import credential_payload

    for name, spec in sorted(vault.spec.credentials.items()):
        yield make_resource(
            "credential",
            f"{vault.address}.{name}",
            credential_payload(name, spec),
            spec.raw,
            parent=vault.address,
        )


def _target(graph: Graph) -> Target:
    target = graph.target
    telemetry = target.telemetry or graph.project.spec.telemetry
    script = None
    if target.driver is not None:
        base = posixpath.dirname(graph.project.document.file)
        script = posixpath.normpath(posixpath.join(base, target.driver.script))
    return Target(
        name=graph.target_name,
        service=target.service,
        script=script,
        workspace=target.workspace,
        telemetry=telemetry.endpoint if telemetry else None,
        telemetry_content=telemetry is not None and telemetry.content,
    )


def _known_dependencies(resources: Sequence[Resource]) -> list[Resource]:
    """By address, each waiting only for what is in the manifest too.

    What needs a vault needs its credentials: a session that starts without them fails.
    """
    known = {resource.address for resource in resources}
    parts: defaultdict[str, set[str]] = defaultdict(set)
    for resource in resources:
        if resource.parent is not None:
            parts[resource.parent].add(resource.address)
    found = []
    for resource in sorted(resources, key=lambda resource: resource.address):
        needs = known.intersection(resource.depends_on)
        if resource.parent is None:
            needs = needs.union(*(parts[address] for address in needs if address in parts))
        found.append(replace(resource, depends_on=tuple(sorted(needs))))
    return found
