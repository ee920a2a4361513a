"""docs/audit.md: the guide, with the table of codes."""

from __future__ import annotations

from agentflow.audit.catalogue import tables

__all__ = ["audit_page"]

_GUIDE = """\
# Looking at sessions

What a session did is in its events. A run keeps them in its transcript, `.agentflow/runs/RUN/transcript.jsonl`; the
service has them too. Everything here works from either, and from a file: a transcript, a [cassette](testing.md#cassettes), an
export, or one event a line. A file needs no project and no network.

    agentflow sessions show sesn_01Ab…
    agentflow sessions audit last
    agentflow sessions audit last --html session.html
    agentflow sessions cost --by agent
    agentflow sessions timeline last
    agentflow sessions events last --type agent.message
    agentflow sessions diff RUN RUN

`SESSION` is a run of this project (its id, the end of it, or `last`), the id of a session of the target's service, or a file.
`--service` reads the events from the service where a transcript would do.

`show` says of a session that no ledger here knows what its service, or a file, says: status, agent, version and model, times,
tokens and cost, what it waits for, the end of its timeline, and the commands to go on with. `--format json` is described by
`schemas/session.json`.

## Audit

`audit` says what went wrong, what cost too much, and what to change in which line of the spec. Each finding has a stable code,
names the events that show it, and is an error, a warning or a note. With an error the command ends with 1, unless
`--exit-zero`; `--format json` is described by `schemas/audit.json`. `agentflow explain AU301` explains a code.

What a finding rests on beside the events is what the run was started with, so that the audit of an old run speaks of the spec of
its time. A file has events, and perhaps what the service said of the session: what needs the spec is not looked at.

## One page

`--html FILE` writes a page that loads nothing: findings, tokens and dollars by turn, when turns, tools and waits took place, time in
tools, and the transcript with search and filters. A finding leads to its events. It works by keyboard: `/` searches, `j` and `k`
go from row to row, `n` goes to the next finding, Enter opens.

![A session of the example sales-report as a page](session-page.png)

## Traces

`agentflow sessions trace RUN` sends the spans of a session that is over to a collector of OpenTelemetry, with the times of its
events: to `--otlp URL`, or to where the runs of the target [are told to](telemetry.md).

## Cost

`cost` adds up four classes of tokens, running time and web searches, by turn, run, agent, flow, day or project, as a table, JSON
(`schemas/cost.json`) or CSV. *Estimate* is from list prices; *service* is the list cost that the service reports, in whole cents;
*saved* is what the same tokens would have cost without the cache, less what they cost. A model without a list price
makes an estimate unknown, never zero. Cassettes name the model that the service reported; for exports that name none there is
`--model ID`.

A flow is what runs have in common that are steps of one piece of work: `agentflow run --flow ID`, or `flow=` in Python. They share
pools `per: flow`. Runs of no flow are a line of their own, and what only a service or an export tells of is `unknown`.

## From Python

```python
import agentflow

audited = agentflow.audit_session("last")
for finding in audited.findings:
    print(finding.code, finding.severity, finding.message, finding.evidence, finding.source)
print(audited.cost.estimate_usd, audited.cost.tokens.cache_read)

for line in agentflow.session_costs(by="agent"):
    print(line.label, line.runs, line.estimate_usd)
```

What is not known is `None`: the price of a model without a list price, the spec of a session that comes from a file.

## Codes
"""


def audit_page() -> str:
    return "\n".join([_GUIDE, *tables()]).rstrip() + "\n"
