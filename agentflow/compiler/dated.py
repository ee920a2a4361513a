"""What agentflow takes the service to do, where that has a date or is disputed: one table.

A fact that may change is looked up here and nowhere else, so that a change of the service is an edit
of data. Each says since when it is known, from where, which findings rest on it, and what else is
said of it. Rules compute with `value`; a fact without one is the reason of a rule and no number of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from agentflow.records import NamedTuple

__all__ = [
    "FACTS",
    "LIST_PRICES",
    "MCP_ASKS",
    "MODELS",
    "MOUNTS_ARE_BELOW",
    "OUTPUTS_ARE_FLAT",
    "RESTRICTED_MODELS",
    "RETIRED_MODELS",
    "RETIRING_MODELS",
    "SKILLS_AT_ONCE",
    "SKILLS_OF_SERVICE",
    "SKILL_VERSIONS_DANGLE",
    "START_DELAY_MINUTES",
    "SUMMER_TIME",
    "WEB_TOOLS_FOLLOW_NETWORK",
    "WILDCARD_WITHOUT_DOMAIN",
    "Fact",
    "ListPrice",
    "ModelFacts",
    "Retirement",
]

T_co = TypeVar("T_co", covariant=True)


class Fact(NamedTuple, Generic[T_co]):
    claim: str
    """A sentence."""
    value: T_co
    as_of: str
    """The day on which it was last compared with its source: an ISO date."""
    source: str
    """Where it is from: a page of the documentation, or who has seen it and when."""
    codes: tuple[str, ...]
    """Findings that rest on it."""
    contrary: str = ""
    """What else is said of it, and by whom. Empty: nothing."""


class ModelFacts(NamedTuple):
    default_effort: str
    """What the service uses where no effort is given."""
    fast: bool = False
    """Whether `speed: fast` is accepted."""
    system_messages: bool = True
    """Whether `system.message` is taken during a conversation; others answer 400."""


class Retirement(NamedTuple):
    on: str
    """An ISO date."""
    instead: str
    """The model that takes its place."""


class ListPrice(NamedTuple):
    """Dollars for a million tokens, as a decimal number."""

    sent: str
    from_cache: str
    written: str


_DOCS = "https://platform.claude.com/docs/en/"

# Models

MODELS: Fact[Mapping[str, ModelFacts]] = Fact(
    "There are these models, with this effort where none is given; some take `speed: fast`, and some "
    "no message of the system during a conversation.",
    {
        "claude-fable-5-2": ModelFacts("high"),
        "claude-fable-5-1": ModelFacts("high"),
        "claude-fable-5": ModelFacts("high"),
        "claude-opus-5-5": ModelFacts("medium"),
        "claude-opus-5": ModelFacts("high", fast=True),
        "claude-opus-4-8": ModelFacts("high", fast=True),
        "claude-opus-4-7": ModelFacts("high", system_messages=False),
        "claude-opus-4-6": ModelFacts("high", system_messages=False),
        "claude-opus-4-5": ModelFacts("high", system_messages=False),
        "claude-opus-4-5-20251101": ModelFacts("high", system_messages=False),
        "claude-sonnet-5-5": ModelFacts("high"),
        "claude-sonnet-5": ModelFacts("high", system_messages=False),
        "claude-sonnet-4-6": ModelFacts("high", system_messages=False),
        "claude-sonnet-4-5": ModelFacts("high", system_messages=False),
        "claude-sonnet-4-5-20250929": ModelFacts("high", system_messages=False),
        "claude-haiku-5-5": ModelFacts("medium"),
        "claude-haiku-4-5": ModelFacts("high", system_messages=False),
        "claude-haiku-4-5-20251001": ModelFacts("high", system_messages=False),
    },
    "2026-11-22",
    f"{_DOCS}about-claude/models/overview",
    ("AF166", "AF285", "AF803"),
)
RESTRICTED_MODELS: Fact[frozenset[str]] = Fact(
    "These models are for some organisations only, and listed nowhere else.",
    frozenset({"claude-mythos-5", "claude-mythos-5-1", "claude-mythos-5-2"}),
    "2026-11-23",
    f"{_DOCS}about-claude/models/overview",
    ("AF803",),
)
RETIRED_MODELS: Fact[Mapping[str, Retirement]] = Fact(
    "These models run no agents any more since their date.",
    {
        "claude-2.0": Retirement("2025-07-21", "claude-sonnet-5-5"),
        "claude-2.1": Retirement("2025-07-21", "claude-sonnet-5-5"),
        "claude-3-sonnet-20240229": Retirement("2025-07-21", "claude-sonnet-5-5"),
        "claude-3-opus-20240229": Retirement("2026-01-05", "claude-opus-5-5"),
        "claude-3-5-haiku-20241022": Retirement("2026-02-19", "claude-haiku-5-5"),
        "claude-3-5-haiku-latest": Retirement("2026-02-19", "claude-haiku-5-5"),
        "claude-3-7-sonnet-20250219": Retirement("2026-02-19", "claude-sonnet-5-5"),
        "claude-3-7-sonnet-latest": Retirement("2026-02-19", "claude-sonnet-5-5"),
        "claude-opus-4-0": Retirement("2026-06-15", "claude-opus-5-5"),
        "claude-opus-4-20250514": Retirement("2026-06-15", "claude-opus-5-5"),
        "claude-sonnet-4-0": Retirement("2026-06-15", "claude-sonnet-5-5"),
        "claude-sonnet-4-20250514": Retirement("2026-06-15", "claude-sonnet-5-5"),
        "claude-mythos-preview": Retirement("2026-06-30", "claude-mythos-5-2"),
    },
    "2026-11-23",
    f"{_DOCS}about-claude/model-deprecations",
    ("AF804",),
)
RETIRING_MODELS: Fact[Mapping[str, Retirement]] = Fact(
    "These models have a date of retirement. They stand here until a release of agentflow moves them, "
    "so that the verdict on a project does not depend on the day it is linted.",
    {
        "claude-sonnet-4-5": Retirement("2026-11-30", "claude-sonnet-5-5"),
        "claude-sonnet-4-5-20250929": Retirement("2026-11-30", "claude-sonnet-5-5"),
    },
    "2026-11-23",
    f"{_DOCS}about-claude/model-deprecations",
    ("AF805",),
)
LIST_PRICES: Fact[Mapping[str, ListPrice]] = Fact(
    "A million tokens cost so many dollars at list price, in the lowest tier: sent, read from the "
    "cache, written by the model. A snapshot costs what its model costs.",
    {
        "claude-fable-5-2": ListPrice("8", "0.20", "40"),
        "claude-mythos-5-2": ListPrice("8", "0.20", "40"),
        "claude-fable-5-1": ListPrice("10", "0.25", "50"),
        "claude-mythos-5-1": ListPrice("10", "0.25", "50"),
        "claude-fable-5": ListPrice("10", "1", "50"),
        "claude-mythos-5": ListPrice("10", "1", "50"),
        "claude-opus-5-5": ListPrice("4", "0.20", "20"),
        "claude-opus-5": ListPrice("5", "0.50", "25"),
        "claude-opus-4-8": ListPrice("5", "0.50", "25"),
        "claude-opus-4-7": ListPrice("5", "0.50", "25"),
        "claude-opus-4-6": ListPrice("5", "0.50", "25"),
        "claude-opus-4-5": ListPrice("5", "0.50", "25"),
        "claude-sonnet-5-5": ListPrice("2", "0.10", "10"),
        "claude-sonnet-5": ListPrice("2", "0.20", "10"),
        "claude-sonnet-4-6": ListPrice("3", "0.30", "15"),
        "claude-sonnet-4-5": ListPrice("3", "0.30", "15"),
        "claude-haiku-5-5": ListPrice("0.10", "0.01", "0.50"),
        "claude-haiku-4-5": ListPrice("1", "0.10", "5"),
    },
    "2026-11-22",
    f"{_DOCS}about-claude/pricing",
    ("AF806", "AF811", "AF812"),
    contrary="What reading the cache of Sonnet 5.5 costs is known from third parties only.",
)

# Behaviour

WEB_TOOLS_FOLLOW_NETWORK: Fact[bool] = Fact(
    "An environment with a list of hosts holds `web_search` and `web_fetch` to that list as well: "
    "other hosts fail with `url_not_allowed`.",
    True,
    "2026-10-31",
    "seen on the service in October 2026",
    ("AF704", "AF707"),
    contrary="The documentation of August 2026 says that the network of an environment has no effect "
    "on these two tools.",
)
SKILLS_OF_SERVICE: Fact[tuple[str, ...]] = Fact(
    "The service brings along these skills.",
    ("docx", "pdf", "pptx", "xlsx"),
    "2026-11-22",
    f"{_DOCS}managed-agents/skills",
    ("AF610",),
)
SKILLS_AT_ONCE: Fact[int] = Fact(
    "An agent has at most so many skills.",
    20,
    "2026-11-22",
    f"{_DOCS}managed-agents/skills",
    ("AF609",),
    contrary="Other pages say 64 of an agent, and 500 of a session.",
)
START_DELAY_MINUTES: Fact[int] = Fact(
    "A session of a schedule starts late by up to 15% of the interval, and by up to so many minutes.",
    9,
    "2026-11-22",
    f"{_DOCS}managed-agents/scheduled-deployments",
    ("AF1002",),
)
SUMMER_TIME: Fact[None] = Fact(
    "A time of day that a change of the clock leaves out does not start a session; one that it repeats "
    "starts two.",
    None,
    "2026-11-22",
    f"{_DOCS}managed-agents/scheduled-deployments",
    ("AF1001",),
)
WILDCARD_WITHOUT_DOMAIN: Fact[None] = Fact(
    "`*.example.com` among the hosts of an environment does not let example.com through.",
    None,
    "2026-11-22",
    f"{_DOCS}managed-agents/environments",
    ("AF703",),
)
MCP_ASKS: Fact[None] = Fact(
    "Tools of an MCP server ask before every call where a toolset does not say otherwise.",
    None,
    "2026-11-22",
    f"{_DOCS}managed-agents/permission-policies",
    ("AF627",),
)
OUTPUTS_ARE_FLAT: Fact[None] = Fact(
    "Of a file below /mnt/session/outputs only the name is kept: two of one name overwrite each other.",
    None,
    "2026-11-22",
    "reports of users until November 2026",
    ("AF523",),
)
MOUNTS_ARE_BELOW: Fact[None] = Fact(
    "Whatever `mount` says, an uploaded file stands below /mnt/session/uploads.",
    None,
    "2026-11-22",
    f"{_DOCS}managed-agents/files",
    ("AF524",),
)
SKILL_VERSIONS_DANGLE: Fact[None] = Fact(
    "An agent whose skill has lost the version that it uses starts no session.",
    None,
    "2026-11-22",
    "reports of users until November 2026",
    ("AF625",),
)

FACTS: Mapping[str, Fact[object]] = {
    "models": MODELS,
    "restricted-models": RESTRICTED_MODELS,
    "retired-models": RETIRED_MODELS,
    "retiring-models": RETIRING_MODELS,
    "list-prices": LIST_PRICES,
    "web-tools-follow-network": WEB_TOOLS_FOLLOW_NETWORK,
    "skills-of-service": SKILLS_OF_SERVICE,
    "skills-at-once": SKILLS_AT_ONCE,
    "start-delay-minutes": START_DELAY_MINUTES,
    "summer-time": SUMMER_TIME,
    "wildcard-without-domain": WILDCARD_WITHOUT_DOMAIN,
    "mcp-asks": MCP_ASKS,
    "outputs-are-flat": OUTPUTS_ARE_FLAT,
    "mounts-are-below": MOUNTS_ARE_BELOW,
    "skill-versions-dangle": SKILL_VERSIONS_DANGLE,
}
"""Every fact of this table, in the order of its documentation."""
