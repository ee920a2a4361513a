"""Payloads of every kind: what is taken from where, and what is written out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler import late
from agentflow.compiler.manifest import Manifest, Resource
from agentflow.compiler.pipeline import build
from agentflow.compiler.render.team import team_payload
from agentflow.spec.team import TeamSpec
from tests.support.memory_files import MemoryFiles
from tests.support.sdk_types import problems_of

HEAD = "apiVersion: agentflow/v1\nkind: Project\nname: p\n"
AGENT = "---\nkind: Agent\nname: {}\nmodel: claude-opus-5-5\nprompt: Work.\n"
ENVIRONMENT = "---\nkind: Environment\nname: e\nnetwork: {mcp: inferred}\n"
SKILL = "---\nname: house-style\ndescription: How reports are written.\n---\nBe brief.\n"


def files(*documents: str, **others: str) -> MemoryFiles:
    texts = {name.replace("__", "/").replace("_", "."): text for name, text in others.items()}
    return MemoryFiles({"agentflow.yaml": HEAD + "".join(documents), **texts})


def manifest(project: MemoryFiles) -> Manifest:
    built, problems = build(project)
    assert problems == ()
    assert built.compiled is not None
    return built.compiled.manifest


def payload(project: MemoryFiles, address: str) -> dict[str, Any]:
    found = manifest(project).resource(address)
    assert found is not None
    shown: dict[str, Any] = late.readable(found.payload)
    return shown


# Teams

MEMBERS = st.lists(
    st.sampled_from(["self", "lead", "writer", "writer@3", "id:agent_01A", "id:agent_01A@2"]),
    max_size=20,
)
DELEGATIONS = st.one_of(
    st.none(),
    MEMBERS.filter(bool),
    st.builds(lambda agents: {"agents": agents, "inline": True}, MEMBERS),
)
ADVISORS = st.sampled_from([None, "claude-opus-5-5"])
TEAMS = st.one_of(
    st.fixed_dictionaries(
        {"subagents": DELEGATIONS, "workflows": DELEGATIONS, "advisor": ADVISORS}
    ).filter(lambda team: any(team.values())),
    st.fixed_dictionaries({"coordinator": MEMBERS.filter(bool), "advisor": ADVISORS}),
)


@given(TEAMS)
def test_every_member_of_a_team_is_written_out_and_is_what_the_sdk_takes(
    team: dict[str, Any],
) -> None:
    made = team_payload(TeamSpec.model_validate(team), "lead")
    known = late.fill(made, lambda address, field: "7" if field == "version" else "agent_01")
    body = {"name": "lead", "model": "claude-opus-5-5", "multiagent": known}
    assert problems_of("agent", body) == []
    if made["type"] == "coordinator":
        assert len(made["agents"]) == len(team["coordinator"]) + (team["advisor"] is not None)
        return
    assert set(made) == {"type", "advisor", "subagents", "workflows"}
    for key in ("subagents", "workflows"):
        assert (made[key]["type"] == "disabled") == (team[key] is None)
        if team[key] is not None:
            agents = team[key] if isinstance(team[key], list) else team[key]["agents"]
            inline = "disabled" if isinstance(team[key], list) else "enabled"
            assert made[key]["inline_agents"] == {"type": inline}
            assert len(made[key]["predefined_agents"]) == len(agents)


def test_an_agent_named_in_its_own_team_is_itself() -> None:
    made = team_payload(TeamSpec.model_validate({"coordinator": ["lead", "lead@2"]}), "lead")
    itself, older = made["agents"]
    assert itself == {"type": "self"}
    assert older["version"] == 2


# Deployments

CLERK = (
    AGENT.format("clerk")
    + "environment: e\ntask: Book {{ inputs.day }}.\ninputs: {day: {default: monday}}\n"
    + "files: {rates: ./rates.csv}\nmemory: ['id:memstore_01A']\nvaults: ['id:vlt_01A']\n"
    + "repositories:\n  code:\n    url: https://github.com/desk/code\n"
    + "mcp:\n  crm:\n    url: https://crm.desk.dev/mcp\n    auth: id:vlt_01B\n    others: allow\n"
    + "budget: {usd: 0.29}\ndone: [It is booked.]\noutcome: done\n"
)
DAILY = "---\nkind: Deployment\nname: daily\nagent: clerk\n"
RATES = {"rates_csv": "a,b\n"}


def deployed(deployment: str, field: str) -> Any:
    return payload(files(ENVIRONMENT, CLERK, DAILY + deployment, **RATES), "deployment/daily")[
        field
    ]


def test_what_a_deployment_does_not_say_is_its_agents() -> None:
    made = payload(files(ENVIRONMENT, CLERK, DAILY, **RATES), "deployment/daily")
    assert made["agent"] == {
        "type": "agent",
        "id": "${ref.agent.clerk.id}",
        "version": "${ref.agent.clerk.version}",
    }
    assert made["environment_id"] == "${ref.environment.e.id}"
    outcome, task = made["initial_events"]
    assert task["content"] == [{"type": "text", "text": "Book monday."}]
    assert (outcome["description"], outcome["rubric"]["content"]) == (
        "Book monday.",
        "1. It is booked.",
    )
    assert made["budget"]["max_list_cost"] == {"amount": "29", "currency": "USD"}
    assert [resource["type"] for resource in made["resources"]] == [
        "file",
        "github_repository",
        "memory_store",
    ]
    assert made["vault_ids"] == ["vlt_01A", "vlt_01B"]
    assert made["schedule"] is None


@pytest.mark.parametrize(
    ("deployment", "field", "expected"),
    [
        ("environment: id:env_01A\n", "environment_id", "env_01A"),
        ("title: Every day\n", "name", "Every day"),
        (
            "agent: clerk@4\n",
            "agent",
            {"type": "agent", "id": "${ref.agent.clerk.id}", "version": 4},
        ),
        ("vaults: []\n", "vault_ids", ["vlt_01B"]),
        ("vaults: ['id:vlt_01B', 'id:vlt_01C']\n", "vault_ids", ["vlt_01B", "vlt_01C"]),
        ("files: {}\nrepositories: {}\nmemory: []\n", "resources", []),
        (
            "schedule: {cron: '0 9 * * 1-5', timezone: UTC}\n",
            "schedule",
            {"type": "cron", "expression": "0 9 * * 1-5", "timezone": "UTC"},
        ),
        (
            "budget: {usd: 1234.5}\n",
            "budget",
            {"type": "limit", "max_list_cost": {"amount": "123450", "currency": "USD"}},
        ),
    ],
    ids=lambda value: value.split(":")[0] if isinstance(value, str) else "",
)
def test_what_a_deployment_says_itself_counts(
    deployment: str, field: str, expected: object
) -> None:
    head = DAILY.replace("agent: clerk\n", "") if "agent:" in deployment else DAILY
    project = files(ENVIRONMENT, CLERK, head + deployment, **RATES)
    assert payload(project, "deployment/daily")[field] == expected


def test_the_task_of_a_deployment_sees_its_inputs_and_the_system_speaks_last() -> None:
    own = "system: It is late.\ntask: File {{ inputs.day }}.\ninputs: {day: friday}\n"
    outcome, task, system = deployed(own, "initial_events")
    assert outcome["type"] == "user.define_outcome"
    assert task["content"][0]["text"] == "File friday."
    assert system == {
        "type": "system.message",
        "content": [{"type": "text", "text": "It is late."}],
    }


def test_a_file_given_to_a_deployment_is_uploaded_and_its_path_is_in_the_task() -> None:
    agent = AGENT.format("clerk") + "environment: e\ninputs: {orders: {type: file}}\n"
    agent += "task: Read {{ inputs.orders }}.\n"
    project = files(
        ENVIRONMENT, agent, DAILY + "inputs: {orders: ./data/orders.csv}\n", data__orders_csv="1\n"
    )
    made = manifest(project)
    deployment = made.resource("deployment/daily")
    assert deployment is not None
    assert deployment.payload["initial_events"][0]["content"][0]["text"] == (
        "Read /mnt/session/uploads/orders.csv."
    )
    (upload,) = [resource for resource in made.resources if resource.kind == "file"]
    (mount,) = deployment.payload["resources"]
    assert mount["file_id"] == late.mark("file", upload.name, "id")
    assert mount["mount_path"] == "/orders.csv"
    assert upload.address in deployment.depends_on
    assert upload.files[0].path == "data/orders.csv"


def test_a_deployment_of_an_agent_with_errors_has_none_of_its_own() -> None:
    broken = CLERK.replace("prompt: Work.", "prompt: '{{ nope }}'")
    _, problems = build(files(ENVIRONMENT, broken, DAILY + "inputs: {day: friday}\n", **RATES))
    assert [problem.code for problem in problems] == ["AF302"]
    _, problems = build(files(ENVIRONMENT, CLERK + "nope: 1\n", DAILY, **RATES))
    assert [problem.code for problem in problems] == ["AF110"]


# Uploads and skills


def resources(project: MemoryFiles, kind: str) -> list[Resource]:
    return [resource for resource in manifest(project).resources if resource.kind == kind]


def test_one_content_is_uploaded_once_and_named_by_its_first_path() -> None:
    spec = "files: {one: ./b.csv, two: ./a.csv, other: ./c.csv}\n"
    project = files(AGENT.format("x") + spec, a_csv="1\n", b_csv="1\n", c_csv="2\n")
    uploads = resources(project, "file")
    assert sorted(upload.payload["filename"] for upload in uploads) == ["a.csv", "c.csv"]
    mounts = manifest(project).agents["agent/x"].session.resources
    assert [mount["mount_path"] for mount in mounts] == ["/b.csv", "/c.csv", "/a.csv"]
    assert mounts[0]["file_id"] == mounts[2]["file_id"] != mounts[1]["file_id"]


def skill(folder: str, text: str = SKILL) -> Resource:
    spec = f"---\nkind: Skill\nname: style\nfolder: ./{folder}\n"
    project = MemoryFiles(
        {"agentflow.yaml": HEAD + spec, f"{folder}/SKILL.md": text, f"{folder}/more/x.md": "x"}
    )
    (found,) = resources(project, "skill")
    return found


def test_a_skill_is_the_names_and_bytes_of_its_files_wherever_they_lie() -> None:
    made = skill("style")
    assert [file.name for file in made.files] == ["house-style/SKILL.md", "house-style/more/x.md"]
    moved, edited = skill("elsewhere/style"), skill("style", SKILL + "Very.\n")
    assert moved.digest == made.digest
    assert edited.digest != made.digest
    assert edited.payload == made.payload


def test_frontmatter_may_have_line_ends_of_windows() -> None:
    assert skill("style", SKILL.replace("\n", "\r\n")).files[0].name == "house-style/SKILL.md"


# References in a circle


def test_references_between_kinds_that_need_each_other_are_reported_once() -> None:
    agent = AGENT.format("a") + "metadata: {deployment: '${ref.deployment.d.id}'}\n"
    deployment = "---\nkind: Deployment\nname: d\nagent: a\nenvironment: id:env_01A\ntask: Go.\n"
    _, problems = build(files(agent, deployment))
    (problem,) = problems
    assert problem.code == "AF261"
    assert problem.message == (
        "No order of creation is possible: agent/a needs deployment/d needs agent/a."
    )
    assert problem.span is not None
    assert (problem.span.line, problem.span.column) == (13, 8)


def test_what_needs_a_vault_needs_its_credentials() -> None:
    head = HEAD + "secrets: {t: 'env:T'}\n"
    vault = "---\nkind: Vault\nname: keys\ncredentials:\n  crm:\n"
    vault += "    url: https://crm.desk.dev/mcp\n    bearer: ${secret.t}\n"
    deployment = "---\nkind: Deployment\nname: d\nagent: id:agent_01A\nenvironment: id:env_01A\n"
    deployment += "task: Go.\nvaults: [keys]\n"
    made = manifest(MemoryFiles({"agentflow.yaml": head + vault + deployment}))
    found = {resource.address: resource for resource in made.resources}
    assert found["deployment/d"].depends_on == ("vault/keys", "vault/keys.crm")
    assert found["vault/keys.crm"].depends_on == ("vault/keys",)
    assert found["vault/keys.crm"].parent == "vault/keys"
    assert late.secrets(found["vault/keys.crm"].payload) == {"t"}
