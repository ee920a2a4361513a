"""What the local service leaves out. Each is answered with a clear 400, never silently wrong."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOT_EMULATED", "NotEmulated"]


@dataclass(frozen=True, slots=True)
class NotEmulated:
    what: str
    """As `agentflow doctor` prints it."""
    paths: tuple[str, ...] = ()
    """Endpoints, `METHOD /path` with `*` for one part and `**` for all the rest. Empty: part of an
    endpoint that is there otherwise."""


NOT_EMULATED: tuple[NotEmulated, ...] = (
    NotEmulated("messages and message batches", ("* /v1/messages", "* /v1/messages/**")),
    NotEmulated("text completions", ("* /v1/complete",)),
    NotEmulated("deployments", ("* /v1/deployments", "* /v1/deployments/**")),
    NotEmulated("deployment runs", ("* /v1/deployment_runs", "* /v1/deployment_runs/**")),
    NotEmulated("dreams", ("* /v1/dreams", "* /v1/dreams/**")),
    NotEmulated("memory stores", ("* /v1/memory_stores", "* /v1/memory_stores/**")),
    NotEmulated("vaults and credentials", ("* /v1/vaults", "* /v1/vaults/**")),
    NotEmulated("skills", ("* /v1/skills", "* /v1/skills/**")),
    NotEmulated("tunnels", ("* /v1/tunnels", "* /v1/tunnels/**")),
    NotEmulated("user profiles", ("* /v1/user_profiles", "* /v1/user_profiles/**")),
    NotEmulated("organization administration", ("* /v1/organizations/**",)),
    NotEmulated(
        "work of self-hosted environments: nothing is ever queued",
        ("* /v1/environments/*/work", "* /v1/environments/*/work/**"),
    ),
    NotEmulated("archiving a session thread", ("POST /v1/sessions/*/threads/*/archive",)),
    NotEmulated("updating a session resource", ("POST /v1/sessions/*/resources/*",)),
    NotEmulated(
        "MCP servers, unless a script says what they answer: agents keep them, sessions report each as "
        "`session.error`"
    ),
    NotEmulated("Anthropic skills: agents keep them, sessions report them as `session.error`"),
    NotEmulated("custom skills: an agent with one is refused"),
    NotEmulated("versions of Anthropic skills: any is accepted, and `latest` is one fixed date"),
    NotEmulated(
        "sessions of agents in teams, unless a script plays their threads; advisors, workflow runs"
    ),
    NotEmulated("which models of one family may advise each other: all may"),
    NotEmulated("sessions under an execution identity other than the service account"),
    NotEmulated("sessions in self-hosted environments"),
    NotEmulated("which models are fast, and where inference may happen: any `speed` and geo"),
    NotEmulated("vaults of a session"),
    NotEmulated("outcomes (`user.define_outcome`)"),
    NotEmulated("repositories and memory stores as session resources"),
    NotEmulated("the tools web_search and web_fetch: a call gets an error result"),
    NotEmulated("the judge of the `auto` permission policy: every call asks"),
    NotEmulated("previews of messages (`event_deltas`): accepted, none are sent"),
    NotEmulated("packages of apt, cargo, gem, go and npm: reported as `session.error`"),
    NotEmulated("package registries for tools: what is not in `packages` cannot be installed"),
    NotEmulated("files that expire"),
)
