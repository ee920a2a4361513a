"""What a reviewer asks of a spec, answered from its values.

What may it touch, what may it spend, what must it produce, when does it stop, who is asked. Works on data
whose shape may be wrong: what cannot be read is left out, because its problem is reported elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from agentflow.compiler.late import readable
from agentflow.compiler.substitute import show
from agentflow.source.tree import Document
from agentflow.spec.refs import parse_ref
from agentflow.spec.tool import BUILT_IN_TOOLS

__all__ = ["Answer", "review"]

Specs = Mapping[str, Document]

TOUCH, SPEND, PRODUCE = "may touch", "may spend", "must produce"
STOP, ASK, START = "stops when", "who is asked", "starts"


class Answer(NamedTuple):
    question: str
    lines: tuple[str, ...]
    """At least one."""


def review(address: str, specs: Specs) -> tuple[Answer, ...]:
    """The answers for a spec; none for kinds about which nobody asks this.

    Args:
        specs: all of the project as they are put together, by address.
    """
    kind = address.partition("/")[0]
    answer = _REVIEWS.get(kind)
    if answer is None:
        return ()
    found = answer(address, readable(specs[address].data), specs)
    return tuple(Answer(question, lines) for question, lines in found if lines)


_Answers = Iterator[tuple[str, tuple[str, ...]]]


def _agent(address: str, data: Mapping[str, Any], specs: Specs) -> _Answers:
    touch = [*_tools(data), *_session(data, specs), *_team(data)]
    touch += [*_network(data.get("environment"), specs), *_raw(data)]
    yield TOUCH, tuple(touch)
    yield SPEND, (_budget(_map(data.get("budget"))),)
    yield PRODUCE, tuple(_outputs(data)) or ("no output is declared",)
    yield STOP, tuple(_stops(data))
    yield ASK, tuple(_asked(data))


def _deployment(address: str, data: Mapping[str, Any], specs: Specs) -> _Answers:
    ref = parse_ref(str(data.get("agent")), "agent")
    agent = specs.get(ref.address) if ref is not None and ref.address else None
    inherited = dict(readable(agent.data)) if agent is not None else {}
    schedule = _map(data.get("schedule"))
    when = f"{show(schedule.get('cron'))} in {show(schedule.get('timezone'))}"
    yield (
        START,
        (f"agent {show(data.get('agent'))}, {when if schedule else 'when it is asked to'}",),
    )
    own = ("environment", "files", "repositories", "memory", "vaults", "outcome")
    values = {**inherited, **{key: data[key] for key in own if key in data}}
    touch = [*_tools(values), *_session(values, specs), *_team(values)]
    touch += _network(values.get("environment"), specs)
    touch += [*_raw(inherited, " of its agent"), *_raw(data)]
    yield TOUCH, tuple(touch)
    usd = _map(data.get("budget")).get("usd", _map(inherited.get("budget")).get("usd"))
    budget = {} if usd is None else {"usd": usd}  # the one limit that the service keeps
    yield SPEND, (_budget(budget),)
    yield PRODUCE, tuple(_outputs(values)) or ("no output is declared",)
    yield STOP, tuple(_stops({**values, "repair": 0, "budget": budget}))
    by = data.get("answered_by")
    yield ASK, (show(by) if by else "nobody: no one answers while it runs",)


def _environment(address: str, data: Mapping[str, Any], specs: Specs) -> _Answers:
    yield TOUCH, (*_network(address, specs), *_raw(data))
    packages = _map(data.get("packages"))
    yield "brings along", tuple(f"{name}: {_joined(items)}" for name, items in packages.items())
    yield "used by", tuple(_users(address, specs))


def _vault(address: str, data: Mapping[str, Any], specs: Specs) -> _Answers:
    lines = []
    for name, credential in _map(data.get("credentials")).items():
        values = _map(credential)
        variable = _map(values.get("variable"))
        if variable:
            hosts = variable.get("hosts")
            where = "any host" if hosts == "any" else _joined(hosts)
            lines.append(f"{name}: ${show(variable.get('name'))}, sent to {where}")
        else:
            lines.append(f"{name}: sent to {_host(values.get('url'))}")
    yield "gives access to", tuple(lines)
    yield "used by", tuple(_users(address, specs))


def _memory(address: str, data: Mapping[str, Any], specs: Specs) -> _Answers:
    yield "used by", tuple(_users(address, specs))


def _skill(address: str, data: Mapping[str, Any], specs: Specs) -> _Answers:
    github = _map(data.get("github"))
    if github:
        place = f"{show(github.get('repository'))}, {show(github.get('path', '.'))}"
        yield "comes from", (f"{place}, at {show(github.get('commit'))}",)
    elif "folder" in data:
        yield "comes from", (f"{show(data['folder'])}, as it stands",)
    else:
        version = data.get("version")
        pin = f"version {show(version)}" if version is not None else "the latest at apply"
        yield "comes from", (f"Anthropic's {show(data.get('anthropic'))}, {pin}",)
    yield "used by", tuple(_users(address, specs))


_REVIEWS: dict[str, Callable[[str, Mapping[str, Any], Specs], _Answers]] = {
    "agent": _agent,
    "deployment": _deployment,
    "environment": _environment,
    "vault": _vault,
    "memorystore": _memory,
    "skill": _skill,
}


# What it may touch


def _tools(data: Mapping[str, Any]) -> Iterator[str]:
    tools = _map(data.get("tools"))
    named = [f"{name}{_how(tools[name])}" for name in BUILT_IN_TOOLS if _is_on(tools.get(name))]
    yield ", ".join(named) if named else "no built-in tools"
    for name, server in _map(data.get("mcp")).items():
        values = _map(server)
        on = [f"{t}{_how(p)}" for t, p in _map(values.get("tools")).items() if _is_on(p)]
        others = values.get("others", "off")
        rest = [] if others == "off" else [f"all {'other ' if on else ''}tools{_how(others)}"]
        yield f"{name} at {_host(values.get('url'))}: {', '.join([*on, *rest]) or 'no tools'}"
    for name, tool in _map(data.get("custom")).items():
        yield f"{name}, {_runner(_map(tool))}"


def _policy(tool: Any) -> Any:
    return _map(tool).get("policy") if isinstance(tool, dict) else tool


def _is_on(tool: Any) -> bool:
    return _policy(tool) not in (None, "off")


def _how(tool: Any) -> str:
    policy = _policy(tool)
    values = _map(tool)
    notes = [] if policy == "allow" else [show(policy)]
    if values.get("domains"):
        notes.append(f"only {_joined(values['domains'])}")
    if values.get("blocked"):
        notes.append(f"not {_joined(values['blocked'])}")
    return _in_parentheses(notes)


def _in_parentheses(notes: Collection[str]) -> str:
    return f" ({', '.join(notes)})" if notes else ""


def _runner(tool: Mapping[str, Any]) -> str:
    if "http" in tool:
        what = f"a request to {_host(_map(tool['http']).get('url'))}"
    elif "command" in tool:
        what = f"the program {_joined(tool['command'], ' ')}"
    else:
        what = f"the function {show(tool.get('run'))}"
    notes = ["ask"] if tool.get("policy") == "ask" else []
    if "max_calls" in tool:
        notes.append(f"at most {show(tool['max_calls'])} calls")
    return what + _in_parentheses(notes)


def _session(data: Mapping[str, Any], specs: Specs) -> Iterator[str]:
    files = _map(data.get("files"))
    if files:
        yield f"files to read: {', '.join(files)}"
    for name, repository in _map(data.get("repositories")).items():
        url = show(_map(repository).get("url"))
        yield f"repository {name}: {re.sub(r'//[^/@]*@', '//', url)}"
    for mount in _list(data.get("memory")):
        values = _map(mount) or {"store": mount}
        access = "reads and writes" if values.get("access") == "read_write" else "reads"
        yield f"memory {show(values.get('store'))}: {access}"
    auth = [_map(server).get("auth") for server in _map(data.get("mcp")).values()]
    named = [*_list(data.get("vaults")), *(value for value in auth if value is not None)]
    yield from dict.fromkeys(_credentials(show(vault), specs) for vault in named)
    skills = _list(data.get("skills"))
    if skills:
        yield f"skills: {_joined(skills)}"


def _credentials(vault: str, specs: Specs) -> str:
    """All of a vault, since sessions are given the whole of it, whichever credential is named."""
    ref = parse_ref(vault, "vault")
    document = specs.get(ref.address) if ref is not None and ref.address else None
    if document is None:
        return f"credentials of {vault}, which is not managed here"
    credentials = _joined(_map(document.data.get("credentials"))) or "none"
    return f"credentials of {document.data.get('name')}: {credentials}"


def _raw(data: Mapping[str, Any], whose: str = "") -> Iterator[str]:
    """What is merged into the payload over everything said here."""
    if _map(data.get("raw")):
        yield f"what `raw`{whose} says, unchecked, of {_joined(data['raw'])}"


def _team(data: Mapping[str, Any]) -> Iterator[str]:
    team = _map(data.get("team"))
    for key in ("subagents", "workflows", "coordinator"):
        if team.get(key):
            values = _map(team[key]) or {"agents": team[key]}
            inline = ["agents of its own making"] if values.get("inline") is True else []
            yield f"{key}: {_joined([*_list(values.get('agents')), *inline])}"
    if team.get("advisor"):
        yield f"advisor: {show(team['advisor'])}"


def _network(reference: Any, specs: Specs) -> Iterator[str]:
    if not isinstance(reference, str):
        return
    ref = parse_ref(reference, "environment")
    document = specs.get(ref.address) if ref is not None and ref.address else None
    if document is None:
        yield f"network: as {reference} allows, which is not managed here"
        return
    data = document.data
    network = data.get("network", {})
    if data.get("hosting") == "self-hosted":
        reach = "as the workers of your own allow"
    elif network == "open" or _map(network).get("open") is True:
        reach = "everything"
    else:
        values = _map(network)
        parts = [show(host) for host in _list(values.get("hosts"))]
        parts += ["package registries"] if values.get("packages") is True else []
        parts += ["hosts of MCP servers"] if values.get("mcp") == "inferred" else []
        reach = ", ".join(parts) or "nothing"
    yield f"network of {ref.name if ref else reference}: {reach}"


# What it may spend, what it produces, when it stops, who is asked

_LIMITS = {
    "usd": "{}",
    "tokens": "{} tokens",
    "turns": "{} turns",
    "tool_calls": "{} tool calls",
    "active": "{} active",
    "wall": "{} in all",
}


def _budget(budget: Mapping[str, Any]) -> str:
    values = {**budget, "usd": _dollars(budget["usd"])} if "usd" in budget else budget
    limits = [form.format(show(values[key])) for key, form in _LIMITS.items() if key in values]
    limits += [f"from the pool {show(name)}" for name in _list(values.get("pools"))]
    return ", ".join(limits) if limits else "without a limit"


def _dollars(amount: Any) -> str:
    """`$2`, `$2.50`: two digits where there is one."""
    _, point, cents = show(amount).partition(".")
    return f"${show(amount)}{'0' if point and len(cents) == 1 else ''}"


def _outputs(data: Mapping[str, Any]) -> Iterator[str]:
    for name, output in _map(data.get("outputs")).items():
        values = _map(output)
        notes = []
        if values.get("sections"):
            notes.append(f"{len(_list(values['sections']))} sections")
        if values.get("schema") is not None:
            schema = values["schema"]
            notes.append(f"held against {schema}" if isinstance(schema, str) else "with a schema")
        if values.get("required") is False:
            notes.append("optional")
        yield f"{name}: {show(values.get('path'))}{_in_parentheses(notes)}"


def _stops(data: Mapping[str, Any]) -> Iterator[str]:
    for item in _list(data.get("done")):
        check = _map(item).get("check")
        if isinstance(check, dict):
            check = check.get("run") or " ".join(map(show, _list(check.get("command"))))
        yield f"checked by {show(check)}" if check is not None else show(item)
    if data.get("outcome") is not None:
        yield "a grader is satisfied"
    repair = data.get("repair", 1)
    if data.get("outputs") and repair:
        often = "once" if repair == 1 else f"{show(repair)} times"
        yield f"outputs are valid, or were sent back {often}"
    mode = data.get("uncertainty")
    mode = _map(mode).get("mode") if isinstance(mode, dict) else mode
    if mode == "stop":
        yield "something is unclear"
    if data.get("budget"):
        yield "a limit is reached"


_ANSWERED = {"allow": "allowed", "deny": "denied", "halt": "the run stops"}


def _asked(data: Mapping[str, Any]) -> Iterator[str]:
    unsure = data.get("uncertainty")
    values = _map(unsure) or {"mode": unsure}
    if values.get("mode") == "ask":
        yield "what is unclear: a person"
    elif values.get("mode") == "assume":
        record = values.get("record")
        where = f", which it records in {show(record)}" if record else ""
        yield f"what is unclear: nobody, it assumes{where}"
    for rule in map(_map, _list(data.get("approvals"))):
        match = [f"{key} {show(glob)}" for key, glob in _map(rule.get("match")).items()]
        what = f"{show(rule.get('tool'))}{_in_parentheses(match)}"
        if rule.get("answer") is not None:
            yield f"{what}: nobody, {_ANSWERED.get(show(rule['answer']), '?')}"
            continue
        after = _ANSWERED.get(show(rule.get("on_timeout", "deny")), "?")
        wait = f" for {show(rule.get('wait'))}, then {after}"
        yield f"{what}: a person{wait if 'wait' in rule else ''}"
    yield "anything else that asks: nobody, denied"


def _users(address: str, specs: Specs) -> Iterator[str]:
    """Addresses of the agents and deployments that name it."""
    kind, _, name = address.partition("/")
    for other, document in sorted(specs.items()):
        data = document.data
        if other.partition("/")[0] not in ("agent", "deployment"):
            continue
        named = _named(data, kind)
        refs = (parse_ref(text, kind) for text in named if isinstance(text, str))
        if any(ref is not None and ref.name == name for ref in refs):
            yield other


def _named(data: Mapping[str, Any], kind: str) -> list[Any]:
    if kind == "environment":
        return [data.get("environment")]
    if kind == "vault":
        servers = _map(data.get("mcp")).values()
        return [*_list(data.get("vaults")), *(_map(server).get("auth") for server in servers)]
    if kind == "skill":
        return _list(data.get("skills"))
    mounts = _list(data.get("memory"))
    return [mount.get("store") if isinstance(mount, dict) else mount for mount in mounts]


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _joined(values: Any, by: str = ", ") -> str:
    items = values if isinstance(values, (list, dict)) else [values]
    return by.join(show(item) for item in items)


def _host(url: Any) -> str:
    """The host of an address; the text itself if it is none."""
    try:
        return urlsplit(str(url)).netloc.rpartition("@")[2] or show(url)
    except ValueError:
        return show(url)
