"""What the validators of the models say about several keys at once, as JSON Schema.

A mapping stands either whole in its document, or as a layer of a spec that is put together from
several: there a key may come from elsewhere, so only what no other layer can mend is refused.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

from agentflow.spec.agent import AgentSpec, ApprovalRule, Checker, UncertaintySpec
from agentflow.spec.base import SpecModel
from agentflow.spec.custom import RUNNERS, CustomTool
from agentflow.spec.environment import EnvironmentSpec
from agentflow.spec.expect import CountExpected, MessageExpected, OutputExpected
from agentflow.spec.flow import StepSpec
from agentflow.spec.policy import PolicyCheck
from agentflow.spec.project import TargetSpec
from agentflow.spec.session import Repository
from agentflow.spec.skill import SkillSpec
from agentflow.spec.team import TeamSpec
from agentflow.spec.test import (
    BELONGS,
    FAULT_FIELDS,
    NEEDED,
    FaultSpec,
    HandlerCall,
    StubSpec,
    TestSpec,
)
from agentflow.spec.tool import UrlFilter, UrlSources, WebFetchTool, WebSearchTool
from agentflow.spec.vault import CredentialSpec, RefreshSpec

__all__ = ["RULES", "SUBSTITUTION", "Rules"]

Schema = dict[str, Any]

SUBSTITUTION: Schema = {"type": "string", "pattern": r"(^|[^$])\$\{(var|env|ref)\.[^}]+\}"}
"""Text that becomes another value when it is compiled."""


class Rules(NamedTuple):
    whole: tuple[Schema, ...] = ()
    layer: tuple[Schema, ...] = ()


def _has(key: str) -> Schema:
    """The key is there, and it is not null."""
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


def _is(key: str, value: str) -> Schema:
    return {"required": [key], "properties": {key: {"const": value}}}


def _may_be(key: str, *values: str) -> Schema:
    """The key has one of these values, may come to have it, or is not there."""
    return {"properties": {key: {"anyOf": [{"enum": list(values)}, SUBSTITUTION]}}}


def _never(*all_of: Schema) -> Schema:
    return {"not": {"allOf": list(all_of)}}


def _if(condition: Schema, *then: Schema) -> Schema:
    return {"if": condition, "then": then[0] if len(then) == 1 else {"allOf": list(then)}}


def _absent(key: str, why: str) -> Schema:
    """The key is null or not there. Editors show `why`, which other validators pass over."""
    return {"properties": {key: {"type": "null", "errorMessage": why}}}


def _excludes(one: str, *others: str) -> tuple[Schema, ...]:
    return tuple(_if(_has(one), _absent(key, f"Not together with `{one}`.")) for key in others)


def _at_most_one(*keys: str) -> tuple[Schema, ...]:
    pairs = combinations(keys, 2)
    return tuple(rule for one, other in pairs for rule in _excludes(one, other))


def _exactly_one(*keys: str) -> Schema:
    return {"oneOf": [_has(key) for key in keys]}


def _any(*keys: str) -> Schema:
    return {"anyOf": [_has(key) for key in keys]}


def _both(*rules: Schema) -> Rules:
    return Rules(rules, rules)


_ONE_LIST = _both(*_at_most_one("domains", "blocked"))

_IS_WEBHOOK: Schema = {"required": ["ask"], "properties": {"ask": {"type": "object"}}}

RULES: Mapping[type[SpecModel], Rules] = {
    AgentSpec: _both(
        {"properties": {"custom": {"propertyNames": {"not": {"pattern": "^(mcp__|ant__)"}}}}}
    ),
    ApprovalRule: Rules(
        whole=(
            _exactly_one("answer", "ask"),
            _if(_has("wait"), _has("ask")),
            _if(_IS_WEBHOOK, _has("wait")),
            _never(_has("message"), _is("answer", "allow")),
        )
    ),
    UncertaintySpec: Rules(
        (_if(_any("ask", "wait"), _may_be("mode", "ask")), _if(_IS_WEBHOOK, _has("wait"))),
        (_if(_any("ask", "wait"), _may_be("mode", "ask")),),
    ),
    CustomTool: Rules(
        (_exactly_one(*RUNNERS),),
        (
            *_at_most_one(*RUNNERS),
            _if(_has("http"), {"properties": {"env": {"maxProperties": 0}}}),
        ),
    ),
    Checker: Rules((_exactly_one("run", "command"),), _at_most_one("run", "command")),
    WebSearchTool: _ONE_LIST,
    WebFetchTool: _ONE_LIST,
    UrlFilter: Rules((_exactly_one("only", "but"),), _at_most_one("only", "but")),
    UrlSources: _both(_never(*(_is(key, "none") for key in ("user", "custom", "server")))),
    TeamSpec: Rules(
        layer=(*_excludes("coordinator", "subagents", "workflows"),),
    ),
    EnvironmentSpec: _both(
        _if(
            _is("hosting", "self-hosted"),
            *(_absent(key, "With `hosting: cloud`.") for key in ("network", "packages")),
        )
    ),
    Repository: _both(*_at_most_one("branch", "commit")),
    CredentialSpec: Rules(
        layer=(*_at_most_one("bearer", "oauth", "variable"), *_at_most_one("url", "variable")),
    ),
    RefreshSpec: Rules(
        layer=(_never(_has("client_secret"), _is("endpoint_auth", "none")),),
    ),
    SkillSpec: Rules(
        layer=(
            *_at_most_one("folder", "github", "anthropic"),
            *_excludes("folder", "version"),
            *_excludes("github", "version"),
        ),
    ),
    PolicyCheck: Rules(
        whole=(
            {
                "anyOf": [
                    *map(_has, ("max_budget", "models", "forbid_hosts", "network", "ask")),
                    _has("forbid_tools"),
                    {
                        "required": ["require"],
                        "properties": {"require": {"type": "array", "minItems": 1}},
                    },
                ]
            },
        )
    ),
    TargetSpec: Rules(whole=(_if(_has("driver"), _may_be("service", "local")),)),
    HandlerCall: Rules(
        whole=(
            _any("result", "contains", "error"),
            *_excludes("error", "result", "contains"),
        )
    ),
    FaultSpec: Rules(
        whole=(
            *_at_most_one("after", "before"),
            *(
                _if(_has(key), _may_be("fault", *faults))
                for key, (faults, _) in FAULT_FIELDS.items()
            ),
            *(
                _if(_is("fault", fault), _has(key))
                for key, (faults, needed) in FAULT_FIELDS.items()
                if needed
                for fault in faults
            ),
        )
    ),
    StubSpec: Rules(
        whole=(
            {"anyOf": [{"required": ["result"]}, _has("error")]},
            _if(_has("error"), {"not": {"required": ["result"]}}),
        )
    ),
    CountExpected: Rules(whole=(_any("at_least", "at_most"),)),
    MessageExpected: Rules(whole=(_exactly_one("contains", "matches", "never"),)),
    OutputExpected: Rules(
        whole=(
            {"minProperties": 1},
            _if(
                {"required": ["exists"], "properties": {"exists": {"const": False}}},
                {"maxProperties": 1},
            ),
        )
    ),
    TestSpec: Rules(
        whole=(
            *(_if({"required": [key]}, _may_be("layer", layer)) for key, layer in BELONGS.items()),
            *(_if(_is("layer", BELONGS[key]), {"required": [key]}) for key in sorted(NEEDED)),
            _if(_has("task"), _may_be("layer", "loop", "replay")),
        )
    ),
    StepSpec: Rules(
        whole=(
            _exactly_one("agent", "python", "approve"),
            *_excludes("approve", "foreach", "retry"),
        )
    ),
}
"""A test holds that every model whose validator looks at several keys is here."""
