"""A deployment: its agent, when it starts, what its sessions begin with and what they are given."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from agentflow import codes
from agentflow.compiler.ant.agent import agent_reference
from agentflow.compiler.ant.body import Draft, Node
from agentflow.compiler.ant.links import Links
from agentflow.compiler.manifest import OutcomePolicy
from agentflow.compiler.references import is_file
from agentflow.compiler.render.deployment import initial_events

__all__ = ["PROSE", "translate_deployment"]

PROSE = "(text)"
"""The key under which the text of a Markdown file stands."""


_NOBODY = "id:agent_0"
"""Stands for an agent that is referred to in a way that was reported."""


def translate_deployment(body: Node, draft: Draft, links: Links) -> None:
    draft.copy("description", body.get("description"))
    agent = body.get("agent")  # where it is missing, the check of the spec says so
    if agent is not None:
        draft.put("agent", value=agent_reference(agent, links) or _NOBODY, at=agent)
    environment = body.need("environment_id")
    if environment is not None:
        reference = links.reference(environment, "environment")
        if reference is not None:
            draft.put("environment", value=reference, at=environment)
    _events(body, draft)
    _schedule(body.get("schedule"), draft)
    _budget(body.get("budget"), draft)
    _resources(body, draft, links)
    vaults = body.get("vault_ids")
    draft.put("vaults", value=[], at=vaults or body)
    for item in vaults.items() if vaults is not None else ():
        if (reference := links.reference(item, "vault")) is not None:
            draft.add("vaults", reference, item)
    draft.copy("metadata", body.get("metadata"))


def _schedule(schedule: Node | None, draft: Draft) -> None:
    if schedule is None or not schedule.keys("type", "expression", "timezone"):
        return
    if (kind := schedule.get("type")) is not None:
        kind.one_of("cron")
    for theirs, ours in (("expression", "cron"), ("timezone", "timezone")):
        if (value := schedule.need(theirs)) is not None:
            draft.put("schedule", ours, value=value.value, at=value)


def _budget(budget: Node | None, draft: Draft) -> None:
    if budget is None:
        return
    cents = _cents(budget.value)
    if cents is None:
        draft.put("raw", "budget", value=budget.value, at=budget)
    else:
        draft.put("budget", "usd", value=Decimal(cents) / 100, at=budget)


def _cents(budget: Any) -> int | None:
    """Of the one form that has a word."""
    cost = budget.get("max_list_cost") if isinstance(budget, dict) else None
    amount = cost.get("amount") if isinstance(cost, dict) else None
    if not isinstance(amount, str) or not amount.isascii() or not amount.isdecimal():
        return None
    said = {"type": "limit", "max_list_cost": {"amount": str(int(amount)), "currency": "USD"}}
    return int(amount) if budget == said and int(amount) > 0 else None


# What its sessions begin with


def _events(body: Node, draft: Draft) -> None:
    prose, listed = body.get(PROSE), body.get("initial_events")
    draft.put("task", value=" ", at=prose or listed or body)
    if prose is None and listed is None:
        message = "The deployment has no 'initial_events'."
        body.problem(
            codes.MISSING_KEY, message, "Add `initial_events: …`, or the first message as text."
        )
        return
    items = list(listed.items()) if listed is not None else []
    events = [item.value for item in items if item.keys("type", *_EVENT_KEYS)]
    if prose is not None:
        events.insert(0, {"type": "user.message", "content": [_block(prose.value)]})
    at = prose or listed
    assert at is not None
    task = _text_of(events, "user.message")
    # Every session begins with a message; where there is none, the whole list is sent as it stands.
    if task is not None:
        draft.put("task", value=task, at=at)
    system, outcome = _text_of(events, "system.message"), _outcome(events)
    if task is None or list(initial_events(system, task, outcome)) != [
        _complete(e) for e in events
    ]:
        draft.put("raw", "initial_events", value=events, at=at)
        return
    for item in items:
        _put_event(item, draft, outcome, is_task=prose is None)


_EVENT_KEYS = ("content", "description", "rubric", "max_iterations")


def _put_event(item: Node, draft: Draft, outcome: OutcomePolicy | None, *, is_task: bool) -> None:
    """What one event says; the events are known to be those that words stand for."""
    kind = item.value["type"]
    if kind == "user.define_outcome" and outcome is not None:
        for key in ("description", "rubric", "max_iterations"):
            at = item.get(key) or item
            draft.put("outcome", key, value=getattr(outcome, key), at=at)
        return
    text = Node(
        item.document,
        (*item.path, "content", 0, "text"),
        item.value["content"][0]["text"],
        item.report,
    )
    if kind == "system.message":
        draft.put("system", value=text.value, at=text)
    elif is_task:
        draft.put("task", value=text.value, at=text)


def _block(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _text_of(events: list[Any], kind: str) -> str | None:
    """The text of the first event of a kind."""
    for event in events:
        if event.get("type") == kind:
            content = event.get("content")
            first = content[0] if isinstance(content, list) and content else None
            text = first.get("text") if isinstance(first, dict) else None
            return text if isinstance(text, str) and text else None
    return None


def _outcome(events: list[Any]) -> OutcomePolicy | None:
    nothing: dict[str, Any] = {}
    event = next((e for e in events if e.get("type") == "user.define_outcome"), nothing)
    rubric = event.get("rubric")
    text = rubric.get("content") if isinstance(rubric, dict) else None
    description, times = event.get("description"), event.get("max_iterations", 3)
    if not isinstance(text, str) or not isinstance(description, str) or not isinstance(times, int):
        return None
    if not text or not description or text == "done" or is_file(text):
        return None  # these words would mean something else
    return OutcomePolicy(description=description, rubric=text, max_iterations=times)


def _complete(event: Any) -> Any:
    """An event with what the service adds."""
    if event.get("type") == "user.define_outcome":
        return {**event, "max_iterations": event.get("max_iterations", 3)}
    return event


# What its sessions are given


def _resources(body: Node, draft: Draft, links: Links) -> None:
    """Also that there is nothing: a deployment has what it does not say from its agent."""
    resources = body.get("resources")
    at = resources or body
    for key, nothing in (("files", {}), ("repositories", {}), ("memory", [])):
        draft.put(key, value=nothing, at=at)
    for number, item in enumerate(resources.items() if resources is not None else (), 1):
        kind = item.need("type") if isinstance(item.value, dict) else None
        if kind is None:
            item.keys()
            continue
        word = kind.one_of("file", "github_repository", "memory_store")
        if word == "file":
            _file(item, draft, f"file_{number:03}")
        elif word == "github_repository":
            _repository(item, draft, f"repository-{number:03}")
        elif word == "memory_store":
            _memory(item, draft, links)


def _file(item: Node, draft: Draft, name: str) -> None:
    found = item.need("file_id") if item.keys("type", "file_id", "mount_path") else None
    if found is not None and (text := found.text()) is not None:
        draft.put("files", name, "path", value=f"id:{text}", at=found)
        if (mount := item.get("mount_path")) is not None:
            draft.put("files", name, "mount", value=mount.value, at=mount)


def _repository(item: Node, draft: Draft, name: str) -> None:
    if not item.keys("type", "url", "authorization_token", "mount_path", "checkout"):
        return
    if (url := item.need("url")) is not None:
        draft.put("repositories", name, "url", value=url.value, at=url)
    if (mount := item.get("mount_path")) is not None:
        draft.put("repositories", name, "mount", value=mount.value, at=mount)
    checkout = item.get("checkout")
    kind = (
        checkout.need("type")
        if checkout is not None and checkout.keys("type", "name", "sha")
        else None
    )
    word = kind.one_of("branch", "commit") if kind is not None else None
    if checkout is not None and word is not None:
        found = checkout.need("name" if word == "branch" else "sha")
        if found is not None:
            draft.put("repositories", name, word, value=found.value, at=found)
    if (token := item.get("authorization_token")) is not None:
        message = f"{token.called} is a secret in plain text."
        where = f"repositories: {{ {name}: {{ token: '${{secret.x}}' }} }}"
        hint = f"Remove it, and set it by an Overlay: `patch: {{ deployment/…: {{ {where} }} }}`."
        token.problem(codes.SECRET_NOT_ALLOWED, message, hint)


def _memory(item: Node, draft: Draft, links: Links) -> None:
    if not item.keys("type", "memory_store_id", "path", "access", "instructions"):
        return
    target = item.get("path") or item.need("memory_store_id")
    store = links.reference(target, "memorystore") if target is not None else None
    if target is None or store is None:
        return
    index = draft.add("memory", {}, item)
    draft.put("memory", index, "store", value=store, at=target)
    access = item.get("access")
    draft.put(
        "memory", index, "access", value=access.value if access else "read_write", at=access or item
    )
    if (instructions := item.get("instructions")) is not None:
        draft.put("memory", index, "instructions", value=instructions.value, at=instructions)
