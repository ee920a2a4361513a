"""What prompts hold that changes or is not there, and what networks let through."""

from __future__ import annotations

import pytest

from tests.lint.projects import found_in

NET = "environment: lab\n{}\n---\nkind: Environment\nname: lab\nnetwork: {{ {} }}\n"
HOSTS = "description: x\n---\nkind: Environment\nname: lab\nnetwork: {{ hosts: [{}] }}\n"
READS = "prompt: Read /mnt/session/uploads/{} first.\ntools: {{ read: allow }}\n"
FILE = "files: {{ f: {{ path: 'id:file_1', mount: {} }} }}\n"
OUTPUTS = "tools: {{ write: allow }}\noutputs: {{ a: {{ path: a.md, sections: [A] }}, r: {{ path: r.csv{} }} }}"
MEMBER = "\n---\nkind: Agent\nname: lead\nmodel: claude-opus-5-5\nprompt: Lead.\n"

REPORTED = [
    ("AF519", "description: Build ${env.CI_COMMIT_SHA:-x}"),
    ("AF519", "prompt: x\ndone: ['The day is ${env.TODAY:-x}.']"),
    ("AF519", "prompt: 'Work. ${env.GITHUB_RUN_ID:-1}'"),
    ("AF521", OUTPUTS.format("")),
    ("AF522", READS.format("orders.csv")),
    ("AF522", READS.format("data/orders.csv") + FILE.format("/orders.csv")),
    ("AF523", "prompt: Put charts into /mnt/session/outputs/charts/."),
    ("AF523", "prompt: Write.\ntask: Save to /mnt/session/outputs/a/b/c.csv"),
    ("AF708", HOSTS.format("'*.S3.amazonaws.com'")),
    ("AF708", HOSTS.format("'*.execute-api.eu-central-1.amazonaws.com'")),
    ("AF708", HOSTS.format("webhook.site")),
    ("AF708", HOSTS.format("'*.vercel.app', vercel.com")),
    ("AF709", HOSTS.format("a.dev, A.dev")),
    ("AF709", HOSTS.format("'*.a.dev', '*.b.a.dev'")),
    ("AF710", NET.format("description: x", "packages: true")),
    ("AF711", NET.format("description: x", "mcp: inferred")),
]
HARMLESS = [
    ("AF519", "metadata: { commit: '${env.CI_COMMIT_SHA:-x}' }"),
    ("AF519", "description: Works for ${env.COMPANY:-Northwind}"),
    ("AF519", "description: Costs $${env.SHA}"),
    ("AF519", "environment: ${env.SHARED_DATE_LAB:-other}"),
    ("AF521", OUTPUTS.format(", description: rows")),
    ("AF521", "prompt: Put the rows into r.csv.\n" + OUTPUTS.format("")),
    ("AF521", "tools: { write: allow }\noutputs: { r: { path: r.csv } }"),
    ("AF522", READS.format("orders.csv") + FILE.format("/Orders.csv")),
    ("AF522", READS.format("data") + FILE.format("/data/orders.csv")),
    ("AF522", READS.format("orders.csv") + "files: { f: 'id:file_1' }"),
    ("AF522", READS.format("orders.csv") + "inputs: { o: { type: file } }\ntask: '{{ inputs.o }}'"),
    ("AF522", READS.format("orders.csv") + MEMBER + "team: { subagents: [a] }\n"),
    (
        "AF522",
        READS.format("orders.csv")
        + "environment: other\ntask: Go.\n---\nkind: Deployment\nname: d\nagent: a\n"
        + "files: { f: 'id:file_1' }",
    ),
    ("AF522", "prompt: Never read /mnt/session/uploads/orders.csv."),
    ("AF523", "prompt: Put charts into /mnt/session/outputs/."),
    ("AF523", "prompt: Put it into `/mnt/session/outputs/a.md`/b."),
    ("AF523", "prompt: Never write to /mnt/session/outputs/charts/a.csv."),
    ("AF708", HOSTS.format("'*.northwind.dev', northwind.vercel.app")),
    ("AF708", HOSTS.format("'*.northwind.s3.amazonaws.com'")),
    ("AF709", HOSTS.format("'*.a.dev', a.dev, b.dev, '*.ba.dev'")),
    ("AF710", NET.format("prompt: Install what you need.", "packages: true")),
    ("AF710", NET.format("description: x", "packages: true") + "packages: { pip: [x==1] }\n"),
    ("AF710", NET.format("description: x", "packages: false")),
    ("AF711", NET.format("mcp: { crm: { url: 'https://crm.dev' } }", "mcp: inferred")),
    ("AF711", NET.format("raw: { mcp_servers: [] }", "mcp: inferred")),
    (
        "AF711",
        NET.format("team: { subagents: [b] }", "mcp: inferred")
        + "---\nkind: Agent\nname: b\nmodel: claude-opus-5-5\nprompt: Work.\n"
        + "mcp: { crm: { url: 'https://crm.dev' } }\n",
    ),
    ("AF711", "description: x\n---\nkind: Environment\nname: lab\nnetwork: { mcp: inferred }\n"),
]


@pytest.mark.parametrize(("code", "text"), REPORTED)
def test_what_is_not_as_it_seems(code: str, text: str) -> None:
    assert len(found_in(text, code)) == 1


@pytest.mark.parametrize(("code", "text"), HARMLESS)
def test_what_is(code: str, text: str) -> None:
    assert found_in(text, code) == []
