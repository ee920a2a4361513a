"""The YAML that sets each field of the service's create requests: the table of `docs/api.md`.

By kind of resource, then by the path that `sdk_fields` gives a field. A path that ends in `.**` stands
for everything below. In YAML, a name in capitals stands for a key that the user chooses, or for one of
several, and `[]` for an item of a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["KIND_OF", "WORDS", "Words"]

KIND_OF = {
    "agent": "Agent",
    "environment": "Environment",
    "session": "Agent",
    "deployment": "Deployment",
    "vault": "Vault",
    "credential": "Vault",
    "memory_store": "MemoryStore",
    "skill": "Skill",
}
"""The kind of spec whose YAML sets the fields of a resource."""


class Words(NamedTuple):
    yaml: tuple[str, ...] = ()
    """Paths in the spec."""
    note: str = ""
    """More about it. Compulsory without YAML: then it says what the field always has."""


def by(*yaml: str, note: str = "") -> Words:
    return Words(yaml, note)


def always(value: str) -> Words:
    return Words(note=f"always {value}")


def never(reason: str) -> Words:
    return Words(note=f"never sent: {reason}")


NAMED = by("title", "name", note="the title, or else the name")
METADATA = by("metadata", note="beside four keys of agentflow's own")
NO_WORD = by("raw", note="no word of its own")


def _delegation(part: str) -> dict[str, Words]:
    place, team = f"multiagent[multiagent_20261001].{part}", f"team.{part}"
    return {
        place: by(team),
        f"{place}.type": by(team, note="`enabled` if it is there"),
        f"{place}.inline_agents": by(f"{team}.inline"),
        f"{place}.inline_agents.type": by(f"{team}.inline"),
        f"{place}.predefined_agents": by(f"{team}.agents"),
        f"{place}.predefined_agents[].id": by(f"{team}.agents[]"),
        f"{place}.predefined_agents[].type": by(f"{team}.agents[]", note="`self`, or an agent"),
        f"{place}.predefined_agents[].version": by(f"{team}.agents[]", note="`name@7`"),
    }


def _results(field: str, word: str) -> dict[str, Words]:
    place = f"tools[agent_toolset_20260401].configs[].url_sources.{field}"
    yaml = f"tools.web_fetch.sources.{word}"
    return {
        place: by(yaml),
        f"{place}.type": by(yaml),
        f"{place}.tools": by(f"{yaml}.only", f"{yaml}.but"),
        f"{place}.tools[].name": by(f"{yaml}.only[]", f"{yaml}.but[]"),
        f"{place}.tools[].type": always("`tool_reference`"),
    }


_TOOLSET = "tools[agent_toolset_20260401]"
_CONFIG = f"{_TOOLSET}.configs[]"
_ROSTER = "multiagent[coordinator].agents"
_CLOSED = always("off, and asking: a tool that is not named is off")

AGENT: Mapping[str, Words] = {
    "model": by("model"),
    "model.id": by("model.id"),
    "model.effort": by("model.effort"),
    "model.effort.type": by("model.effort"),
    "model.inference_geo": by("model.geo"),
    "model.speed": by("model.speed"),
    "name": NAMED,
    "description": by("description"),
    "execution_identity": by("identity"),
    "execution_identity.role_arn": by("identity.aws_role"),
    "execution_identity.type": by("identity"),
    "mcp_servers": by("mcp"),
    "mcp_servers[].name": by("mcp.SERVER", note="the key"),
    "mcp_servers[].type": always("`url`"),
    "mcp_servers[].url": by("mcp.SERVER.url"),
    "metadata": METADATA,
    "multiagent": by("team"),
    "multiagent[coordinator].type": by("team.coordinator"),
    _ROSTER: by("team.coordinator"),
    f"{_ROSTER}[].id": by("team.coordinator[]"),
    f"{_ROSTER}[].type": by("team.coordinator[]", "team.advisor", note="`self`, or an agent"),
    f"{_ROSTER}[].version": by("team.coordinator[]", note="`name@7`"),
    f"{_ROSTER}[].model": by("team.advisor"),
    "multiagent[multiagent_20261001].type": by("team", note="without `coordinator`"),
    "multiagent[multiagent_20261001].advisor": by("team.advisor"),
    "multiagent[multiagent_20261001].advisor.model": by("team.advisor"),
    "multiagent[multiagent_20261001].advisor.type": by(
        "team.advisor", note="`enabled` if it is there"
    ),
    **_delegation("subagents"),
    **_delegation("workflows"),
    "skills": by("skills"),
    "skills[].skill_id": by("skills[]"),
    "skills[].type": by("skills[]", note="`anthropic/xlsx`, or the name of a Skill"),
    "skills[].version": by("skills[]", note="`name@7`"),
    "system": by("prompt", note="with the sections of the policies"),
    "tools": by("tools", "mcp", "custom"),
    f"{_TOOLSET}.type": always("there once"),
    f"{_TOOLSET}.configs": by("tools", note="every tool is written, also those that are off"),
    f"{_CONFIG}.name": by("tools.TOOL", note="the key"),
    f"{_CONFIG}.type": by("tools.TOOL", note="the key"),
    f"{_CONFIG}.enabled": by("tools.TOOL.policy", note="not `off`"),
    f"{_CONFIG}.permission_policy": by("tools.TOOL.policy"),
    f"{_CONFIG}.permission_policy.type": by(
        "tools.TOOL.policy", note="`allow`, `ask` or `auto`; also in short: `tools.TOOL: ask`"
    ),
    f"{_CONFIG}.allowed_domains": by("tools.web_fetch.domains", "tools.web_search.domains"),
    f"{_CONFIG}.blocked_domains": by("tools.web_fetch.blocked", "tools.web_search.blocked"),
    f"{_CONFIG}.max_content_tokens": by("tools.web_fetch.max_tokens"),
    f"{_CONFIG}.url_sources": by("tools.web_fetch.sources"),
    **_results("client_tool_results", "custom"),
    **_results("server_tool_results", "server"),
    f"{_CONFIG}.url_sources.user_input": by("tools.web_fetch.sources.user"),
    f"{_CONFIG}.url_sources.user_input.type": by("tools.web_fetch.sources.user"),
    f"{_CONFIG}.user_location": by("tools.web_search.location"),
    f"{_CONFIG}.user_location.type": always("`approximate`"),
    f"{_CONFIG}.user_location.city": by("tools.web_search.location.city"),
    f"{_CONFIG}.user_location.country": by("tools.web_search.location.country"),
    f"{_CONFIG}.user_location.region": by("tools.web_search.location.region"),
    f"{_CONFIG}.user_location.timezone": by("tools.web_search.location.timezone"),
    f"{_TOOLSET}.default_config": _CLOSED,
    f"{_TOOLSET}.default_config.enabled": _CLOSED,
    f"{_TOOLSET}.default_config.permission_policy": _CLOSED,
    f"{_TOOLSET}.default_config.permission_policy.type": _CLOSED,
    "tools[mcp_toolset].type": always("there for every server"),
    "tools[mcp_toolset].mcp_server_name": by("mcp.SERVER", note="the key"),
    "tools[mcp_toolset].configs": by("mcp.SERVER.tools"),
    "tools[mcp_toolset].configs[].name": by("mcp.SERVER.tools.TOOL", note="the key"),
    "tools[mcp_toolset].configs[].enabled": by("mcp.SERVER.tools.TOOL.policy", note="not `off`"),
    "tools[mcp_toolset].configs[].permission_policy": by("mcp.SERVER.tools.TOOL.policy"),
    "tools[mcp_toolset].configs[].permission_policy.type": by("mcp.SERVER.tools.TOOL.policy"),
    "tools[mcp_toolset].default_config": by("mcp.SERVER.others"),
    "tools[mcp_toolset].default_config.enabled": by("mcp.SERVER.others", note="not `off`"),
    "tools[mcp_toolset].default_config.permission_policy": by("mcp.SERVER.others"),
    "tools[mcp_toolset].default_config.permission_policy.type": by("mcp.SERVER.others"),
    "tools[custom].type": by("custom.TOOL"),
    "tools[custom].name": by("custom.TOOL", note="the key"),
    "tools[custom].description": by("custom.TOOL.description", note="or the docstring"),
    "tools[custom].input_schema": by("custom.TOOL.input_schema", note="or the type hints"),
    "tools[custom].input_schema.type": by("custom.TOOL.input_schema"),
    "tools[custom].input_schema.properties": by("custom.TOOL.input_schema"),
    "tools[custom].input_schema.required": by("custom.TOOL.input_schema"),
}

ENVIRONMENT: Mapping[str, Words] = {
    "name": NAMED,
    "config": by("hosting", "network", "packages"),
    "config.type": by("hosting"),
    "config.networking": by("network"),
    "config.networking.type": by("network.open"),
    "config.networking.allow_mcp_servers": by("network.mcp"),
    "config.networking.allow_package_managers": by("network.packages"),
    "config.networking.allowed_hosts": by("network.hosts"),
    "config.packages": by("packages"),
    "config.packages.apt": by("packages.apt"),
    "config.packages.cargo": by("packages.cargo"),
    "config.packages.gem": by("packages.gem"),
    "config.packages.go": by("packages.go"),
    "config.packages.npm": by("packages.npm"),
    "config.packages.pip": by("packages.pip"),
    "config.packages.type": always("`packages`"),
    "description": by("description"),
    "metadata": METADATA,
    "scope": by("scope"),
}

_FIRST = "initial_events[user.message].content[]"
_OUTCOME = "initial_events[user.define_outcome]"
_REPOSITORY = "resources[github_repository]"
_CHECKOUT = by("repositories.NAME.branch", "repositories.NAME.commit")

_SESSION: Mapping[str, Words] = {
    "budget": by("budget.usd"),
    "budget.max_list_cost": by("budget.usd"),
    "budget.max_list_cost.amount": by("budget.usd", note="in cents"),
    "budget.max_list_cost.currency": always("`USD`"),
    "budget.type": always("`limit`"),
    "environment_id": by("environment"),
    "initial_events[user.message].content": by("task"),
    "initial_events[user.message].type": by("task"),
    f"{_FIRST}.type": always("`text`"),
    f"{_FIRST}.text": by("task"),
    _OUTCOME + ".type": by("outcome"),
    f"{_OUTCOME}.description": by("outcome.description", note="or the task"),
    f"{_OUTCOME}.rubric": by("outcome.rubric"),
    f"{_OUTCOME}.rubric.type": always("`text`"),
    f"{_OUTCOME}.rubric.content": by("outcome.rubric"),
    f"{_OUTCOME}.max_iterations": by("outcome.max_iterations"),
    f"{_REPOSITORY}.type": by("repositories.NAME"),
    f"{_REPOSITORY}.url": by("repositories.NAME.url"),
    f"{_REPOSITORY}.authorization_token": by("repositories.NAME.token"),
    f"{_REPOSITORY}.checkout": _CHECKOUT,
    f"{_REPOSITORY}.checkout.type": _CHECKOUT,
    f"{_REPOSITORY}.checkout.name": by("repositories.NAME.branch"),
    f"{_REPOSITORY}.checkout.sha": by("repositories.NAME.commit"),
    f"{_REPOSITORY}.mount_path": by("repositories.NAME.mount"),
    "resources[file].mount_path": by("files.NAME.mount"),
    "resources[memory_store].type": by("memory[]"),
    "resources[memory_store].memory_store_id": by("memory[].store"),
    "resources[memory_store].access": by("memory[].access"),
    "resources[memory_store].instructions": by("memory[].instructions"),
}
"""What a run and a deployment say alike."""

_APPLIED = "the agent that is run, in the version that was applied"
_AS_APPLIED = never("a run takes its agent as it was applied")
_TEXT_ALONE = never("files are mounted, and the task is text")

SESSION: Mapping[str, Words] = {
    **_SESSION,
    "agent": always(_APPLIED),
    "agent[agent].id": always(_APPLIED),
    "agent[agent].type": always("`agent`"),
    "agent[agent].version": always(_APPLIED),
    "agent[agent_with_overrides].**": _AS_APPLIED,
    "title": by("session.title"),
    "metadata": by("session.metadata"),
    "initial_events": by("task", "outcome", note="sent once the stream is open"),
    f"{_FIRST}.source.**": _TEXT_ALONE,
    f"{_FIRST}.source": _TEXT_ALONE,
    f"{_FIRST}.context": _TEXT_ALONE,
    f"{_FIRST}.title": _TEXT_ALONE,
    f"{_OUTCOME}.rubric.file_id": never("the rubric is text"),
    "resources": by("files", "inputs", "repositories", "memory"),
    "resources[file].type": by("files.NAME", "inputs.NAME"),
    "resources[file].file_id": by("files.NAME.path", "inputs.NAME", note="uploaded by the run"),
    "vault_ids": by("vaults[]", "mcp.SERVER.auth"),
}

DEPLOYMENT: Mapping[str, Words] = {
    **_SESSION,
    "agent": by("agent"),
    "agent.id": by("agent"),
    "agent.type": always("`agent`"),
    "agent.version": by("agent", note="`name@7`"),
    "name": NAMED,
    "description": by("description"),
    "metadata": METADATA,
    "initial_events": by("task", "outcome", "system"),
    f"{_FIRST}.source": NO_WORD,
    f"{_FIRST}.source.data": NO_WORD,
    f"{_FIRST}.source.media_type": NO_WORD,
    f"{_FIRST}.source.type": NO_WORD,
    f"{_FIRST}.source.url": NO_WORD,
    f"{_FIRST}.source.file_id": NO_WORD,
    f"{_FIRST}.context": NO_WORD,
    f"{_FIRST}.title": NO_WORD,
    f"{_OUTCOME}.rubric.file_id": NO_WORD,
    "initial_events[system.message].type": by("system"),
    "initial_events[system.message].content": by("system"),
    "initial_events[system.message].content[].type": always("`text`"),
    "initial_events[system.message].content[].text": by("system"),
    "resources": by("files", "repositories", "memory"),
    "resources[file].type": by("files.NAME"),
    "resources[file].file_id": by("files.NAME.path", note="uploaded by apply"),
    "schedule": by("schedule"),
    "schedule.type": always("`cron`"),
    "schedule.expression": by("schedule.cron"),
    "schedule.timezone": by("schedule.timezone"),
    "vault_ids": by("vaults[]"),
}

_OAUTH, _REFRESH = "credentials.NAME.oauth", "credentials.NAME.oauth.refresh"
_VARIABLE = "credentials.NAME.variable"

CREDENTIAL: Mapping[str, Words] = {
    "auth": by("credentials.NAME", note="one of `bearer`, `oauth` and `variable`"),
    "auth[mcp_oauth].type": by(_OAUTH),
    "auth[mcp_oauth].mcp_server_url": by("credentials.NAME.url"),
    "auth[mcp_oauth].access_token": by(f"{_OAUTH}.access_token"),
    "auth[mcp_oauth].expires_at": by(f"{_OAUTH}.expires_at"),
    "auth[mcp_oauth].refresh": by(_REFRESH),
    "auth[mcp_oauth].refresh.client_id": by(f"{_REFRESH}.client_id"),
    "auth[mcp_oauth].refresh.refresh_token": by(f"{_REFRESH}.refresh_token"),
    "auth[mcp_oauth].refresh.token_endpoint": by(f"{_REFRESH}.token_endpoint"),
    "auth[mcp_oauth].refresh.token_endpoint_auth": by(f"{_REFRESH}.endpoint_auth"),
    "auth[mcp_oauth].refresh.token_endpoint_auth.type": by(f"{_REFRESH}.endpoint_auth"),
    "auth[mcp_oauth].refresh.token_endpoint_auth.client_secret": by(f"{_REFRESH}.client_secret"),
    "auth[mcp_oauth].refresh.resource": by(f"{_REFRESH}.resource"),
    "auth[mcp_oauth].refresh.scope": by(f"{_REFRESH}.scope"),
    "auth[static_bearer].type": by("credentials.NAME.bearer"),
    "auth[static_bearer].mcp_server_url": by("credentials.NAME.url"),
    "auth[static_bearer].token": by("credentials.NAME.bearer"),
    "auth[environment_variable].type": by(_VARIABLE),
    "auth[environment_variable].secret_name": by(f"{_VARIABLE}.name"),
    "auth[environment_variable].secret_value": by(f"{_VARIABLE}.value"),
    "auth[environment_variable].networking": by(f"{_VARIABLE}.hosts"),
    "auth[environment_variable].networking.type": by(
        f"{_VARIABLE}.hosts", note="`any`: everywhere"
    ),
    "auth[environment_variable].networking.allowed_hosts": by(f"{_VARIABLE}.hosts[]"),
    "auth[environment_variable].injection_location": by(f"{_VARIABLE}.inject"),
    "auth[environment_variable].injection_location.body": by(f"{_VARIABLE}.inject[]"),
    "auth[environment_variable].injection_location.header": by(f"{_VARIABLE}.inject[]"),
    "display_name": by("credentials.NAME.title", note="or else the key"),
    "metadata": by("credentials.NAME.metadata", note="beside four keys of agentflow's own"),
}

WORDS: Mapping[str, Mapping[str, Words]] = {
    "agent": AGENT,
    "environment": ENVIRONMENT,
    "session": SESSION,
    "deployment": DEPLOYMENT,
    "vault": {"display_name": NAMED, "metadata": METADATA},
    "credential": CREDENTIAL,
    "memory_store": {"name": NAMED, "description": by("description"), "metadata": METADATA},
    "skill": {"files": by("folder", "github"), "display_name": NAMED},
}
