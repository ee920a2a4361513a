"""Errors of the service, and failures that look like success."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from agentflow.audit.checks.words import plural, short
from agentflow.audit.finding import Facts, Hit, audit
from agentflow.audit.story import Fault, Story
from agentflow.diagnostics import Severity

__all__: list[str] = []

_BLOCKED = re.compile(
    r"(?P<proxy>(?:x-deny-reason|host[_ ]not[_ ](?:in[_ ])?allowed?|not in (?:the )?allow(?:ed|[ -]?list)|"
    r"blocked by (?:the )?(?:network|egress|proxy)|egress (?:denied|restricted)|sandbox_egress_restricted))|"
    r"(?:403 Forbidden|CONNECT tunnel failed, response 403|Received HTTP code 403 from proxy|"
    r"Tunnel connection failed: 403)",
    re.IGNORECASE,
)
_MARKS = ("403", "deny", "allow", "blocked by", "egress")
"""In lower case: a result without any of them tells of no block."""
_HOST = re.compile(r"https?://([\w.-]+)|(?:host|Host):?\s+['\"]?([\w-]+(?:\.[\w-]+)+)")


@audit("AU501", "blocked-host", Severity.ERROR)
def blocked_host(story: Story, facts: Facts) -> Iterator[Hit]:
    """A request was blocked by the network, and looked like success.

    The proxy answers with a page and status 403, so the command ends with 0: the agent reads an error
    page as if it were the data.
    """
    for call in story.calls:
        if call.is_error or call.name != "bash":
            continue
        if not any(map(call.result.lower().__contains__, _MARKS)):
            continue
        found = _BLOCKED.search(call.result)
        if found is None:
            continue
        host = _HOST.search(call.text("command")) or _HOST.search(call.result)
        name = next((part for part in host.groups() if part), None) if host else None
        yield Hit(
            f"A request {f'to {name} ' if name else ''}was blocked, and the command succeeded all the "
            f"same: {short(found[0])}",
            call.evidence[::-1],
            f"Add {name or 'the host'} to `network.hosts` of the environment, or take it out of the task.",
            facts.source("environment", "prompt"),
            call.turn,
        )


_REFUSED = ("url_not_allowed", "url_not_in_prior_context", "domain_not_allowed")


@audit("AU502", "refused-url", Severity.WARNING)
def refused_url(story: Story, facts: Facts) -> Iterator[Hit]:
    """A web tool refused an address.

    It opens only what its `domains` allow, and `web_fetch` only what the conversation has named.
    """
    for tool in ("web_fetch", "web_search"):
        calls = [
            call
            for call in story.calls
            if call.name == tool and any(word in call.result for word in _REFUSED)
        ]
        if calls:
            where = calls[0].text("url") or calls[0].text("query")
            yield Hit(
                f"{tool} refused {plural(len(calls), 'address' if len(calls) == 1 else 'addresse')}: "
                f"{short(where)}",
                tuple(id for call in calls for id in call.evidence),
                f"Allow the site in `tools.{tool}.domains`, or name the address in the task.",
                facts.source(f"tools.{tool}"),
                calls[0].turn,
            )


@audit("AU503", "service-errors", Severity.WARNING)
def service_errors(story: Story, facts: Facts) -> Iterator[Hit]:
    """The service reported errors, and went on by itself."""
    passing = [
        fault for fault in story.faults if fault.retry == "retrying" and fault.server is None
    ]
    for type_, times in Counter(fault.type for fault in passing).items():
        ours = [fault for fault in passing if fault.type == type_]
        yield Hit(
            f"{type_} {_times(times)}, which the service retried: {short(ours[0].message)}",
            tuple(fault.id for fault in ours),
            _ADVICE.get(type_, "Nothing to change, unless it goes on."),
            facts.source("session.repositories", "session") if "repository" in type_ else None,
            ours[0].turn,
        )


_ADVICE = {
    "repository_authentication_error": "The session ran without the repository: renew its token.",
    "repository_not_found_error": "The session ran without the repository: see its address.",
    "repository_forbidden_error": "The session ran without the repository: see what its token may.",
    "repository_checkout_error": "The session ran without the repository: see its branch or commit.",
    "repository_clone_error": "The session ran without the repository: run it again.",
    "credential_host_unreachable_error": "Add the credential's host to the environment's hosts.",
    "billing_error": "Out of credit or at a spend limit: see the organisation's billing.",
}


def _times(number: int) -> str:
    return {1: "came once", 2: "came twice"}.get(number, f"came {number} times")


@audit("AU504", "ended-by-an-error", Severity.ERROR)
def ended_by_an_error(story: Story, facts: Facts) -> Iterator[Hit]:
    """The service gave up: its retries were exhausted, or the session was terminated."""
    for fault in story.faults:
        if fault.retry in ("exhausted", "terminal") and fault.server is None:
            yield Hit(
                f"{fault.type} ended the turn ({fault.retry}): {short(fault.message, 160)}",
                (fault.id,),
                _ADVICE.get(fault.type, "Run it again; the session's work so far is kept."),
                None,
                fault.turn,
            )
    for stop in story.stops:
        if stop.reason == "retries_exhausted" and not story.faults:
            yield Hit(
                "The service gave up after its retries, without an error event.",
                (stop.id,),
                "Run it again; the session's work so far is kept.",
                None,
                stop.turn,
            )
    if story.terminated is not None and not story.stops and not story.faults:
        yield Hit(
            "The session was terminated before it came to rest.",
            (story.terminated,),
            "Look at who archived it, and run the task in a new session.",
        )


@audit("AU505", "mcp-failed", Severity.ERROR)
def mcp_failed(story: Story, facts: Facts) -> Iterator[Hit]:
    """An MCP server could not be reached, or did not let the session in.

    The session goes on without its tools.
    """
    failed: dict[str, list[Fault]] = {}
    for fault in story.faults:
        if fault.type.startswith("mcp_") or fault.server is not None:
            failed.setdefault(fault.server or "an MCP server", []).append(fault)
    for server, faults in failed.items():
        first = faults[0]
        auth = "authentication" in first.type
        yield Hit(
            f"{server} failed {plural(len(faults), 'time')}: {first.type}: {short(first.message)}",
            tuple(fault.id for fault in faults),
            "Renew its credential in the vault; agentflow doctor compares addresses."
            if auth
            else "See its address, and that the environment's network lets it through.",
            facts.source(f"mcp.{server}.{'auth' if auth else 'url'}"),
            first.turn,
        )


@audit("AU506", "refusal", Severity.ERROR)
def refusal(story: Story, facts: Facts) -> Iterator[Hit]:
    """The model refused to go on."""
    for stop in story.stops:
        if stop.reason == "refusal":
            category = stop.details.get("category") or "no category named"
            why = stop.details.get("explanation")
            yield Hit(
                f"The model refused ({category})" + (f": {short(str(why), 160)}" if why else "."),
                (stop.id,),
                "Say in the prompt who asks and why, or take the step out of the task.",
                facts.source("task", "prompt"),
                stop.turn,
            )


@audit("AU507", "rescheduled", Severity.INFO)
def rescheduled(story: Story, facts: Facts) -> Iterator[Hit]:
    """The service moved the session: it was rescheduled."""
    if story.rescheduled:
        yield Hit(
            f"The session was rescheduled {plural(len(story.rescheduled), 'time')}.",
            tuple(story.rescheduled),
            "Nothing to change, unless it goes on.",
        )


@audit("AU508", "interrupted", Severity.INFO)
def interrupted(story: Story, facts: Facts) -> Iterator[Hit]:
    """Somebody interrupted the session."""
    for id, _ in story.interrupts:
        yield Hit(
            "The session was interrupted: what the agent had begun may be half done.",
            (id,),
            "See its outputs before the task is given again.",
        )


@audit("AU509", "ended-at-work", Severity.WARNING)
def ended_at_work(story: Story, facts: Facts) -> Iterator[Hit]:
    """The events end while the session works.

    It may still work, and be billed; or the record was cut.
    """
    if facts.followed or story.terminated is not None:
        return
    if story.running_since_s is not None and story.events:
        yield Hit(
            "The events end while the session is running: how it ended is not known.",
            (story.last_id,),
            "Go on with it: agentflow run --resume RUN, or end it: agentflow sessions interrupt RUN",
            None,
            len(story.turns) or None,
        )


@audit("AU510", "unknown-events", Severity.INFO)
def unknown_events(story: Story, facts: Facts) -> Iterator[Hit]:
    """Events came whose type this version does not know."""
    for type_, times in story.unknown.items():
        yield Hit(
            f"{type_ or 'An event without a type'} came {plural(times, 'time')}, and is not known to this version.",
            (story.unknown_ids[type_],),
            "Update agentflow.",
        )


@audit("AU511", "thread-left", Severity.WARNING)
def thread_left(story: Story, facts: Facts) -> Iterator[Hit]:
    """The session came to rest while a thread of it still worked."""
    if not story.stops or story.running_since_s is not None:
        return
    for thread, status in story.threads.items():
        if status in ("running", "rescheduled"):
            yield Hit(
                f"Thread {thread} is still {status} though the session rests.",
                (story.stops[-1].id,),
                "Follow the session until its threads are idle; agentflow does.",
                facts.source("team", "tools"),
                story.stops[-1].turn,
            )
