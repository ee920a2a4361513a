"""Words people use that the language calls something else, and what patterns mean in words.

Data for `shape`. The keys come from the service's own vocabulary, from older guides and from other
tools.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args

from agentflow.records import NamedTuple
from agentflow.source.tree import Path
from agentflow.spec import base, mcp, project, reuse, session

__all__ = ["MEANT_KEY", "MEANT_WORD", "PATTERN_WORDS", "Meant"]


class Meant(NamedTuple):
    """What somebody who wrote another key had in mind."""

    key: str
    """The key, with the ones above it: `network.hosts`. Empty: there is none."""
    note: str = ""
    """A sentence after the hint."""
    first: bool = True
    """It is said even if a known key looks similar."""
    top: bool = False
    """The note is about the top level of a document."""

    def hint(self, parent: Path, known: Collection[str]) -> str | None:
        """The hint for a mapping at `parent` that has the `known` keys; None: it does not fit there."""
        if not self.key:
            return self.note if not parent or not self.top else None
        steps = self.key.split(".")
        above = [str(step) for step in parent]
        where = ""
        if above and steps[: len(above)] == above:
            steps = steps[len(above) :]
        elif steps[-1] in known:
            steps = steps[-1:]
        elif above:
            return None
        elif steps[0] not in known:
            where = " of an Environment" if steps[0] == "network" else " of an Agent"
        words = f"Did you mean {'.'.join(steps)!r}{where}?"
        return f"{words} {self.note}" if self.note else words


MEANT_KEY: dict[str, Meant] = {
    "instructions": Meant("prompt"),
    "system": Meant("prompt"),
    "system_prompt": Meant("prompt"),
    "message": Meant("task"),
    "messages": Meant("task", "A run starts with one message: `task`."),
    "initial_message": Meant("task"),
    "allowed_hosts": Meant("network.hosts"),
    "allowed_ips": Meant("network.hosts", "Hosts are named, not numbered."),
    "allowlist": Meant("network.hosts"),
    "networking": Meant("network"),
    "allow_package_managers": Meant("network.packages"),
    "allow_mcp_servers": Meant("network.mcp"),
    "allowed_domains": Meant("domains"),
    "blocked_domains": Meant("blocked"),
    "max_content_tokens": Meant("max_tokens"),
    "user_location": Meant("location"),
    "max_redirects": Meant("", "The service has no such setting. Remove it."),
    "block_private_networks": Meant("", "The service has no such setting. Remove it."),
    "max_turns": Meant("budget.turns"),
    "max_tokens": Meant("budget.tokens", first=False),
    "max_cost": Meant("budget.usd"),
    "cost": Meant("budget.usd"),
    "timeout": Meant("budget.wall", first=False),
    "permission_policy": Meant("policy"),
    "type": Meant("", "The kind says it already. Remove the key.", first=False, top=True),
    "config": Meant("", "Its keys stand directly in the document.", top=True),
    "spec": Meant("", "Documents are flat: its keys stand directly in the document.", top=True),
    "environment_id": Meant("environment", "Write `environment: id:env_…`."),
    "model_id": Meant("model"),
    "effort": Meant("model.effort"),
    "variables": Meant("vars"),
    "parameters": Meant("inputs"),
    "custom_tools": Meant("custom"),
    "definition_of_done": Meant("done"),
    "files": Meant("outputs", first=False),
    "schema_": Meant("schema"),
    "handler": Meant("run"),
    "callable": Meant("run"),
    "parameters_schema": Meant("input_schema"),
}

MEANT_WORD: dict[str, str] = {
    "always_allow": "allow",
    "allowed": "allow",
    "always_ask": "ask",
    "confirm": "ask",
    "deny": "off",
    "denied": "off",
    "disable": "off",
    "disabled": "off",
    "always_deny": "off",
    "never_allow": "off",
    "never": "off",
    "none": "off",
    "str": "string",
    "text": "string",
    "int": "integer",
    "float": "number",
    "decimal": "number",
    "bool": "boolean",
    "guess": "assume",
    "human": "person",
}


def _pattern(annotation: object) -> str:
    for part in get_args(annotation)[1:]:
        if getattr(part, "pattern", None):
            return str(part.pattern)
    raise AssertionError("the type has no pattern")


PATTERN_WORDS: dict[str, str] = {
    _pattern(
        project.BaselineFile
    ): "Write a path from the root of the project that ends in '.json'.",
    _pattern(
        project.PluginName
    ): "Write the name of an installed distribution, such as acme-rules. "
    "A file of the project is no plugin: lint would run it.",
    _pattern(
        project.Selector
    ): "Write a code such as AF501, a prefix such as AF5, or the name of a rule.",
    _pattern(base.Name): "Names have lower-case letters, digits and hyphens, at most 63, and are "
    "written out.",
    _pattern(base.FilePath): "A file beside the spec starts with './' or '../'.",
    _pattern(base.EnvironmentRef): "Write the name of an Environment, or 'id:env_…'.",
    _pattern(
        base.AgentRef
    ): "Write the name of an Agent, 'name@7' for one version, or 'id:agent_…'.",
    _pattern(base.VaultRef): "Write the name of a Vault, or 'id:vlt_…'.",
    _pattern(base.CredentialRef): "Write 'vault/NAME.CREDENTIAL', or 'id:vlt_…' for a whole vault.",
    _pattern(base.MemoryStoreRef): "Write the name of a MemoryStore, or 'id:memstore_…'.",
    _pattern(
        base.SkillRef
    ): "Write the name of a Skill, 'anthropic/xlsx', or 'id:skill_…'; a version "
    "follows as in 'name@7'.",
    _pattern(
        project.CollectorUrl
    ): "Write a URL such as https://otel.example.com:4318. Credentials are not part of "
    "it: set OTEL_EXPORTER_OTLP_HEADERS.",
    _pattern(base.Url): "Write a URL that starts with https:// and has no credentials in it.",
    _pattern(
        base.ToolName
    ): "Tool names have letters, digits, '_' and '-', at most 128, and do not end in '-'.",
    _pattern(mcp.McpName): "Names of servers have letters, digits, '_' and '-', at most 64, and do "
    "not end in '-'.",
    _pattern(project.SecretSource): "Write where it is read: env:NAME, file:PATH or "
    "keyring:service/user.",
    _pattern(project.SecretName): "Names of secrets have letters, digits, '_' and '-'.",
    _pattern(reuse.Address): "Write an address such as agent/writer, or agent/* for all agents.",
    r"^(?:\.\.?/.+|id:file_[A-Za-z0-9]+)$": "Write './NAME' for a file beside the spec, or 'id:file_…'.",
    _pattern(session.MountPath): "Write an absolute path, such as /orders.csv.",
    r"^/workspace/[^\s]*[^\s/]$": "Repositories are mounted below /workspace.",
    r"^https://github\.com/[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]*[A-Za-z0-9_-]$": "Write "
    "https://github.com/owner/name.",
    "^[0-9a-f]{64}$": "Write the SHA-256 of the bytes: 64 hexadecimal digits.",
    "^[0-9a-f]{40}$": "Write the full commit id: 40 hexadecimal digits.",
    r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$": "Write it in UTC: 2027-01-31T12:00:00Z.",
    "^[A-Za-z_][A-Za-z0-9_]*$": "Names of variables have letters, digits and '_'.",
    r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$": "Write owner/name.",
    r"^[^/\s][^\s]*$": "Write a path inside of the repository, such as skills/pdf.",
    "^[a-z0-9-]{1,64}$": "Write the name of the skill, such as xlsx.",
    "^[A-Za-z0-9._-]{1,64}$": "Write the version as the service shows it.",
    "^[a-z][a-z0-9_]{0,62}$": "Names of steps have lower-case letters, digits and '_'.",
    r"^[A-Za-z_][A-Za-z0-9_]{0,63}$": "Names have letters, digits and '_', at most 64, and do not "
    "start with a digit.",
    r"^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$": "Write 'package.module:function'.",
    r"^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*$": "Write 'package.module:function'.",
    "^/": "Write an absolute path, such as /tmp.",
    "^[A-Z]{2}$": "Write the two-letter code of the country in capitals, such as DE.",
    r"^(local|anthropic|https?://.+)$": "Write local, anthropic, or a URL.",
}
"""A test holds that every pattern of the models is here."""
