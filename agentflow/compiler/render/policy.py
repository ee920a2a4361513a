"""The policy of an agent: what the runtime enforces, in exact and flat values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentflow.compiler.delivery import default_file, headings, plain
from agentflow.compiler.graph import AgentNode
from agentflow.compiler.manifest import (
    AgentPolicy,
    ApprovalPolicy,
    ArgumentPolicy,
    BudgetPolicy,
    CustomToolPolicy,
    DonePolicy,
    HttpPolicy,
    InputPolicy,
    OutputPolicy,
    PoolPolicy,
    SessionPolicy,
    UncertaintyPolicy,
    WebhookPolicy,
)
from agentflow.compiler.sections import ASK_USER, record_path
from agentflow.compiler.toolcard import ASK_USER_CARD, ToolCard, command_line
from agentflow.spec.agent import AgentSpec, ApprovalRule, InputSpec
from agentflow.spec.budget import AgentBudget, PoolSpec
from agentflow.spec.custom import HttpTool
from agentflow.spec.tool import declared_tools
from agentflow.spec.webhook import Webhook

__all__ = ["agent_policy"]

ASK_USER_WAIT_S = 86_400.0
"""A person may be asleep. The run's own `wall` limit still holds."""


def agent_policy(
    node: AgentNode,
    *,
    task: str | None,
    paths: Mapping[str, str],
    schemas: Mapping[str, Mapping[str, Any]],
    custom: Mapping[str, ToolCard],
    session: SessionPolicy,
    pools: Mapping[str, PoolSpec],
) -> AgentPolicy:
    """The policy of one agent.

    Args:
        task: as `bind_task` made it.
        paths: by output, relative to the outputs directory.
        schemas: by output, as JSON data, where there is one.
        custom: a card for every custom tool.
        session: what its sessions are created with.
        pools: of the project; those that the agent names are among them.
    """
    spec = node.spec
    return AgentPolicy(
        environment=node.environment,
        model=spec.model.id,
        task=task,
        inputs={name: _input(item, default_file(node, name)) for name, item in spec.inputs.items()},
        outputs={
            name: OutputPolicy(
                path=paths[name],
                required=output.required,
                schema=schemas.get(name),
                sections=headings(output.sections),
            )
            for name, output in spec.outputs.items()
        },
        done=tuple(_done(node, index) for index in range(len(spec.done))),
        uncertainty=_uncertainty(spec, paths),
        repair=spec.repair,
        approvals=tuple(_approval(rule) for rule in spec.approvals),
        budget=None if spec.budget is None else _budget(spec.budget, pools),
        custom=_custom(node, custom),
        tools=_tools(spec),
        scratch=spec.scratch,
        session=session,
        required_servers=tuple(name for name, one in sorted(spec.mcp.items()) if one.required),
    )


def _tools(spec: AgentSpec) -> dict[str, str]:
    """What the service runs; `server.*` are the tools of a server that have no entry."""
    found: dict[str, str] = {}
    found |= {name: tool.policy for name, tool in declared_tools(spec.tools).items()}
    for name, server in sorted(spec.mcp.items()):
        said = {tool: one.policy for tool, one in server.tools.items()} | {"*": server.others}
        found |= {f"{name}.{tool}": policy for tool, policy in said.items() if policy != "off"}
    return found


def _input(spec: InputSpec, file: str | None) -> InputPolicy:
    """`file` is the project-relative path of a default file."""
    return InputPolicy(
        type=spec.type,
        required=spec.default is None,
        default=plain(spec.default) if file is None else file,
        enum=None if spec.enum is None else tuple(plain(spec.enum)),
        description=spec.description,
    )


def _done(node: AgentNode, index: int) -> DonePolicy:
    item = node.spec.done[index]
    if isinstance(item, str):
        return DonePolicy(text=item, check=None)
    check = item.check
    if check.run is None:
        words = command_line(node, ("done", index, "check", "command"), check.command or ())
        return DonePolicy(text=None, check=None, command=words, timeout_s=check.timeout)
    module, _, function = check.run.replace(":", ".").rpartition(".")
    return DonePolicy(text=None, check=f"{module}:{function}", timeout_s=check.timeout)


def _uncertainty(spec: AgentSpec, paths: Mapping[str, str]) -> UncertaintyPolicy | None:
    if spec.uncertainty is None:
        return None
    unsure = spec.uncertainty
    return UncertaintyPolicy(
        mode=unsure.mode,
        record=record_path(spec, paths),
        webhook=_webhook(unsure.ask),
        wait_s=unsure.wait,
    )


def _webhook(asked: str | Webhook | None) -> WebhookPolicy | None:
    return (
        WebhookPolicy(url=asked.webhook, secret=asked.secret)
        if isinstance(asked, Webhook)
        else None
    )


def _approval(rule: ApprovalRule) -> ApprovalPolicy:
    return ApprovalPolicy(
        tool=rule.tool,
        match=dict(rule.match),
        answer=rule.answer,
        message=rule.message,
        wait_s=rule.wait,
        webhook=_webhook(rule.ask),
        on_timeout=rule.on_timeout,
    )


def _budget(spec: AgentBudget, pools: Mapping[str, PoolSpec]) -> BudgetPolicy:
    return BudgetPolicy(
        usd=None if spec.usd is None else f"{spec.usd:.2f}",
        tokens=spec.tokens,
        turns=spec.turns,
        tool_calls=spec.tool_calls,
        active_s=spec.active,
        wall_s=spec.wall,
        warn_at=str(spec.warn_at),
        pools=tuple(_pool(name, pools[name]) for name in spec.pools or ()),
        same_error=None if spec.same_error == "off" else spec.same_error,
    )


def _pool(name: str, spec: PoolSpec) -> PoolPolicy:
    return PoolPolicy(
        name=name,
        usd=None if spec.usd is None else f"{spec.usd:.2f}",
        tokens=spec.tokens,
        per=spec.per,
        timezone=spec.timezone,
    )


def _custom(node: AgentNode, cards: Mapping[str, ToolCard]) -> dict[str, CustomToolPolicy]:
    spec = node.spec
    tools = {name: _custom_tool(node, name, cards[name]) for name in spec.custom}
    if spec.uncertainty is not None and spec.uncertainty.mode == "ask":
        tools[ASK_USER] = CustomToolPolicy(
            run=None,
            command=None,
            http=None,
            input_schema=ASK_USER_CARD.input_schema,
            timeout_s=ASK_USER_WAIT_S,
            max_calls=None,
            idempotent=True,
            policy="allow",
            arguments={},
        )
    return tools


def _http(spec: HttpTool) -> HttpPolicy:
    expect = spec.expect
    if expect is not None:
        expect = [expect] if isinstance(expect, int) else expect
    return HttpPolicy(
        url=spec.url,
        headers=dict(spec.headers),
        expect=None if expect is None else tuple(sorted(set(expect))),
    )


def _custom_tool(node: AgentNode, name: str, card: ToolCard) -> CustomToolPolicy:
    tool = node.spec.custom[name]
    rules = {
        name: ArgumentPolicy(
            allow=None if rule.allow is None else tuple(rule.allow), deny=tuple(rule.deny or ())
        )
        for name, rule in tool.arguments.items()
    }
    return CustomToolPolicy(
        run=tool.run,
        command=None
        if tool.command is None
        else command_line(node, ("custom", name, "command"), tool.command),
        http=None if tool.http is None else _http(tool.http),
        input_schema=card.input_schema,
        timeout_s=tool.timeout,
        max_calls=tool.max_calls,
        idempotent=tool.idempotent,
        policy=tool.policy,
        arguments=rules,
        max_result=tool.max_result,
        env=dict(tool.env),
    )
