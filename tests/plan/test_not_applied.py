"""Resources of kinds that are not applied yet, and what needs their ids: said, and left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.manifest import Resource
from agentflow.compiler.plan import APPLIED_KINDS, NotApplied, Verb
from tests.plan.support import EMPTY, Service, agent, environment, manifest, resource

VAULT = resource("vault/keys", {"display_name": "Keys"})


def needing(made: Resource, *addresses: str) -> Resource:
    return replace(made, depends_on=addresses)


def test_a_kind_and_what_needs_it_are_left_alone_and_the_rest_is_planned() -> None:
    skilled = needing(agent("skilled"), "skill/style")
    lead = needing(agent("lead"), "agent/skilled", "agent/plain")
    style = resource("skill/style", {"display_name": "House style"})
    file = resource("file/0123456789abcdef", {"filename": "terms.csv"})
    made = Service().plan(manifest(skilled, lead, agent("plain"), style, file, environment()))
    assert [action.address for action in made.actions] == ["agent/plain", "environment/e"]
    assert made.not_applied == (
        NotApplied(address="agent/lead", kind="agent", name="lead", needs=("agent/skilled",)),
        NotApplied(address="agent/skilled", kind="agent", name="skilled", needs=("skill/style",)),
        NotApplied(address="file/0123456789abcdef", kind="file", name="terms.csv", needs=()),
        NotApplied(address="skill/style", kind="skill", name="House style", needs=()),
    )
    assert made.summary == "Plan: 2 to create, 0 to update, 0 unchanged, 4 not applied."
    assert not made.blocked


def test_what_only_is_not_applied_is_nothing_to_do() -> None:
    made = Service().plan(manifest(VAULT))
    assert made.is_empty
    assert made.summary == "Plan: 0 to create, 0 to update, 0 unchanged, 1 not applied."


def test_an_agent_that_was_applied_before_it_needed_a_vault_is_no_orphan() -> None:
    service = Service()
    state = service.apply(service.plan(manifest(agent())), EMPTY)
    made = service.plan(manifest(needing(agent(), "vault/keys"), VAULT), state)
    assert made.actions == ()
    assert made.orphans == ()
    assert [left.address for left in made.not_applied] == ["agent/a", "vault/keys"]
    # Without the need it is planned again, and nothing has changed.
    again = service.plan(manifest(agent()), state)
    assert [action.verb for action in again.actions] == [Verb.NONE]


KINDS: list[Callable[[str], Resource]] = [
    agent,
    environment,
    lambda name: resource(f"vault/{name}", {"display_name": name}),
]


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sets(st.integers(0, 7))), max_size=8))
def test_every_address_is_either_planned_or_left_and_nothing_planned_needs_what_is_left(
    drawn: list[tuple[Callable[[str], Resource], set[int]]],
) -> None:
    made: list[Resource] = []
    for number, (make, needs) in enumerate(drawn):
        addresses = tuple(sorted(made[n].address for n in needs if n < number))
        made.append(needing(make(f"x{number}"), *addresses))
    planned = Service().plan(manifest(*made))
    actions = {action.address: action for action in planned.actions}
    left = {item.address: item for item in planned.not_applied}
    assert actions.keys() | left.keys() == {item.address for item in made}
    assert not actions.keys() & left.keys()
    assert all(action.kind in APPLIED_KINDS for action in actions.values())
    assert not any(left.keys() & set(action.depends_on) for action in actions.values())
    for item in left.values():
        assert (item.needs == ()) == (item.kind not in APPLIED_KINDS)
        assert left.keys() >= set(item.needs)
