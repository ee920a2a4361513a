"""AF50x: what an agent is asked to deliver, when it is done, and what it does when unsure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentflow.diagnostics import Diagnostic, Severity
from agentflow.lint.abilities import helpers
from agentflow.lint.edits import remove
from agentflow.lint.rule import Context, rule

__all__ = ["no_done_criteria", "no_outputs", "no_uncertainty_policy", "unused_input"]


@rule("AF501", "no-done-criteria", Severity.WARNING)
def no_done_criteria(ctx: Context) -> Iterator[Diagnostic]:
    """The agent is never told when it is finished.

    An autonomous agent decides by itself that its work is done. Without criteria it stops early, or
    goes on polishing until its budget is gone. `done` is put into the prompt, and what is code is
    run on the outputs.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        done:
          - Every figure in the report can be found in the orders.
    """
    for agent in ctx.agents:
        if not agent.spec.done:
            yield ctx.problem(
                agent.span("name"),
                f"Agent {agent.spec.name!r} has no criteria for when it is done.",
                hint='Add `done:` with a list of checkable sentences, such as "- The script runs '
                'without errors."',
            )


@rule("AF502", "no-uncertainty-policy", Severity.WARNING)
def no_uncertainty_policy(ctx: Context) -> Iterator[Diagnostic]:
    """Nobody said what the agent does when it is unsure.

    Nobody watches the run: an agent that asks in a message gets no answer, and one that guesses
    does so silently. `uncertainty: assume` makes it decide and write the assumption down, `ask`
    routes the question to a person, `stop` ends the work with what is missing.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        uncertainty: assume
    """
    for agent in ctx.agents:
        if agent.spec.uncertainty is None:
            yield ctx.problem(
                agent.span("name"),
                f"Agent {agent.spec.name!r} is not told what to do when it is unsure.",
                hint="Add `uncertainty: assume`, `uncertainty: ask` or `uncertainty: stop`.",
            )


@rule("AF503", "no-outputs", Severity.WARNING)
def no_outputs(ctx: Context) -> Iterator[Diagnostic]:
    """The agent has to deliver nothing.

    Only files below /mnt/session/outputs/ leave the session. Without a declared output nothing is
    verified, nothing is downloaded, and a run that did nothing counts as complete. A member of a
    team without a task of its own answers the agent that leads, and needs none.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: Analyse the orders.
        tools: { write: allow }
        outputs:
          report: { path: report.md, sections: [Findings] }
    """
    answers_its_lead = helpers(ctx.graph)
    for agent in ctx.agents:
        if not agent.spec.outputs and agent.address not in answers_its_lead:
            yield ctx.problem(
                agent.span("name"),
                f"Agent {agent.spec.name!r} declares no output, so a run verifies nothing.",
                hint="Add `outputs: { report: { path: report.md } }`.",
            )


@rule("AF508", "unused-input", Severity.WARNING)
def unused_input(ctx: Context) -> Iterator[Diagnostic]:
    """An input never reaches the agent.

    Only `task` sees inputs. One that it does not mention is asked for, checked, even uploaded, and
    the agent never learns of it.

    Bad:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: You analyse orders.
        inputs:
          orders: { type: file }
          region: { type: string }
        task: Analyse {{ inputs.orders }}.
    Good:
        apiVersion: agentflow/v1
        kind: Agent
        name: analyst
        model: claude-opus-5-5
        prompt: You analyse orders.
        inputs:
          orders: { type: file }
          region: { type: string }
        task: Analyse {{ inputs.orders }} for {{ inputs.region }}.
    """
    for agent in ctx.agents:
        task = agent.task.text if agent.task is not None else ""
        names = [name for name in agent.spec.inputs if f"{{{{ inputs.{name} }}}}" not in task]
        if not names:
            continue
        if re.search(r"\{%-?\s*(?:include|import|from)\b|\binputs\b(?!\s*[.\[])", task):
            continue  # the whole mapping, or another file: what is used cannot be seen here
        for name in names:
            used = rf"\binputs\s*(?:\.\s*{name}\b|\[\s*['\"]{name}['\"]\s*\])"
            if not re.search(used, task):
                where = "its task does not mention it" if task else "it has no task"
                yield ctx.problem(
                    agent.span("inputs", name, key=True),
                    f"Agent {agent.spec.name!r} never sees the input {name!r}: {where}.",
                    hint=f"Use `{{{{ inputs.{name} }}}}` in `task`, or remove the input.",
                    fix=remove(agent, ("inputs", name), f"the input {name!r}", safe=False),
                )
