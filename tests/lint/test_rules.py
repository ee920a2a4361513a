"""Each rule on its own examples, and the rules on prose that only looks like a problem."""

from __future__ import annotations

import pytest

from agentflow.compiler.pipeline import build
from agentflow.lint.engine import lint
from agentflow.lint.registry import RULES
from agentflow.lint.rule import Context, Rule
from tests.lint.support import PROJECT, codes_in, graph_of, lint_files, lint_text
from tests.support.memory_files import MemoryFiles


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code.id)
def test_a_rule_reports_its_bad_example(rule: Rule) -> None:
    found = [p for p in lint_text(rule.bad) if p.code == rule.code.id]
    assert found
    for problem in found:
        assert problem.severity is rule.code.severity
        assert problem.name == rule.code.name
        assert problem.span is not None
        assert problem.hint
        assert problem.message.endswith(".")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code.id)
def test_a_rule_is_content_with_its_good_example(rule: Rule) -> None:
    assert rule.code.id not in codes_in(lint_text(rule.good))


def test_codes_and_names_are_unique_and_in_order() -> None:
    codes = [rule.code.id for rule in RULES]
    names = [rule.code.name for rule in RULES]
    assert codes == sorted(set(codes), key=lambda id: int(id[2:]))
    assert len(set(names)) == len(names)


_AGENT = """\
apiVersion: agentflow/v1
kind: Agent
name: analyst
model: claude-opus-5-5
environment: lab
{fields}
prompt: |
{prompt}
---
kind: Environment
name: lab
{environment}
"""


def _lint_prompt(prompt: str, fields: str = "", environment: str = "") -> dict[str, str]:
    """Message by code, for an agent with this prompt."""
    indented = "\n".join(f"  {line}" for line in prompt.splitlines())
    text = _AGENT.format(prompt=indented, fields=fields, environment=environment)
    return {problem.code: problem.message for problem in lint_text(text)}


OUT = "outputs: { report: { path: report.md } }"

REPORTED = [
    ("AF504", "Save the report to /home/user/report.md.", "", ""),
    ("AF504", "Write your findings into `/results/findings.json`.", "", ""),
    ("AF504", "Write the summary to /results/summary and stop.", "", ""),
    ("AF504", "Write the summary to /elsewhere/summary.md and stop.", "", ""),
    ("AF504", "Store the chart under ~/charts/sales.svg when done.", "", ""),
    ("AF504", "Write the report to /workspace/report.md.", OUT, ""),
    ("AF504", "Write the report to outputs/report.md.", OUT, ""),
    ("AF504", "Export everything to /mnt/session/uploads/all.csv.", "", ""),
    ("AF504", "- Read the data\n- Save the summary\n  in C:\\reports\\summary.txt", "", ""),
    ("AF505", "You work for <your company name>.", "", ""),
    ("AF505", "TODO: describe the regions", "", ""),
    ("AF505", "The deadline is TBD.", "", ""),
    ("AF505", "Contact [insert name here] in doubt.", "", ""),
    ("AF505", "Lorem ipsum dolor sit amet.", "", ""),
    ("AF505", "Use the account YOUR_ACCOUNT_ID.", "", ""),
    ("AF505", "You work for <COMPANY>.", "", ""),
    ("AF505", "You work for [COMPANY NAME], which sells tea.", "", ""),
    ("AF505", "Call the desk at XXX in doubt.", "", ""),
    ("AF505", "<your_task>Analyse the orders.", "", ""),
    ("AF506", "Today's date is November 23, 2026.", "", ""),
    ("AF506", "The current year is 2026.", "", ""),
    ("AF506", "Current date: 23.11.2026", "", ""),
    ("AF506", "Today is Monday.", "", ""),
    ("AF507", "Never ask the user anything.", "uncertainty: ask", ""),
    ("AF507", "If the file is odd, ask me.", "uncertainty: stop", ""),
    ("AF507", "Confirm with the user before you go on.", "uncertainty: assume", ""),
    ("AF601", "You are read-only.", "tools: { bash: allow }", ""),
    ("AF601", "You have read-only access to the code.", "tools: { write: allow }", ""),
    ("AF601", "Do not change or delete any files.", "tools: { edit: auto }", ""),
    ("AF601", "Never write files.", "tools: { write: allow }", ""),
    ("AF601", "Do not modify\nany files.", "tools: { edit: allow }", ""),
    ("AF507", "If a page cannot be read, ask the user.", "uncertainty: stop", ""),
    ("AF507", "In doubt, ask\n  the user.", "uncertainty: stop", ""),
    ("AF506", "The current\ndate is 2026-11-23.", "", ""),
    ("AF604", "Use the bash tool.", "tools: { read: allow }", ""),
    ("AF604", "Run it with bash.", "tools: { read: allow }", ""),
    ("AF604", "Search with `web_search` first.", "tools: { bash: allow }", ""),
    ("AF604", "Use the `edit` tool for changes.", "tools: { edit: off }", ""),
    ("AF701", "First run:\n```\npip install -q pandas\n```", "", ""),
    ("AF701", "Run apt-get install graphviz.", "", ""),
    ("AF701", "npm i -g @mermaid/cli", "", ""),
    ("AF604", "Search the web for the prices.", "tools: { read: allow }", ""),
    ("AF604", "If in doubt, google it.", "", ""),
    ("AF604", "Use bash only for listings.", "", ""),
    ("AF604", "Use bash for that", "", ""),
    ("AF604", "Run a Python script over the rows.", "tools: { read: allow }", ""),
    ("AF505", "The owner is XXX.", "", ""),
    ("AF601", "You may only read.", "tools: { edit: allow }", ""),
    ("AF601", "Make no changes to the code.", "tools: { bash: allow }", ""),
    (
        "AF601",
        "You have read-only access to the CRM.",
        "mcp: { crm: { url: 'https://crm.dev/mcp', tools: { find: allow, update_record: allow } } }",
        "network: { mcp: inferred }",
    ),
    ("AF507", "Get confirmation from a human before you delete anything.", "uncertainty: stop", ""),
    ("AF612", "Do not use `bash`.", "tools: { bash: allow }", ""),
    ("AF612", "Never run shell commands.", "tools: { bash: allow }", ""),
    ("AF612", "Do not access the internet", "tools: { web_search: allow }", "network: open"),
    ("AF612", "- Do not use the write tool\n- Be kind", "tools: { write: allow }", ""),
    (
        "AF524",
        "Read /Data/orders.csv.",
        "files: { o: { path: 'id:file_1', mount: /Data/orders.csv } }",
        "",
    ),
    ("AF701", "Run `pip3 install pandas`.", "", ""),
    ("AF701", "python3.12 -m pip install --quiet pandas", "", ""),
    ("AF701", "uv add httpx", "", ""),
    ("AF701", "uv pip install -r requirements.txt", "", ""),
    ("AF701", "sudo apt-get -y -qq install graphviz", "", ""),
    ("AF701", "npm ci", "", ""),
    ("AF701", "Then `npx prettier --write .`", "", ""),
    ("AF701", "uvx ruff check", "", ""),
    ("AF701", "apk add curl", "", ""),
    ("AF701", "cargo install hyperfine", "", ""),
    ("AF701", "gem install rails", "", ""),
    ("AF701", "go get golang.org/x/tools", "", ""),
    ("AF701", "go install example.dev/cmd@latest", "", ""),
    ("AF701", "Install pandas and\nnumpy with pip first.", "", ""),
    ("AF701", "Use `pip` to install what is missing.", "", ""),
    ("AF701", "pip install pandas", "", "network: { hosts: [pypi.org] }"),
    ("AF702", "curl -sSf api.northwind.dev/v1/orders", "tools: { bash: allow }", ""),
    ("AF702", "Get the rates from `rates.northwind.dev`.", "tools: { bash: allow }", ""),
    ("AF702", "git clone git@github.com:northwind/shop", "tools: { bash: allow }", ""),
    ("AF702", "Fetch https://pypi.org/simple/x", "", ""),
    ("AF702", "Fetch https://api.northwind.dev/v1/orders.", "", ""),
    (
        "AF702",
        "```\ncurl -s https://northwind.dev/x\n```",
        "",
        'network: { hosts: ["*.northwind.dev"] }',
    ),
]


@pytest.mark.parametrize(("code", "prompt", "fields", "environment"), REPORTED)
def test_prose_that_is_a_problem(code: str, prompt: str, fields: str, environment: str) -> None:
    assert code in _lint_prompt(prompt, fields, environment)


HARMLESS = [
    ("AF504", "Save the report to /mnt/session/outputs/report.md.", OUT, ""),
    ("AF504", "Write intermediate files to /tmp/work.", "", ""),
    ("AF504", "Write the summary to /elsewhere/summary and stop.", "", ""),
    ("AF504", "Put scripts into /workspace/analyse.py.", OUT, ""),
    ("AF504", "Never write to /etc/passwd or below /home/user.", "", ""),
    ("AF504", "Write a report. The orders are in /mnt/session/uploads/orders.csv.", OUT, ""),
    ("AF504", "Write the report in and/or form.", "", ""),
    ("AF504", "Before you write, read the notes in /mnt/memory/notes.", "", ""),
    ("AF504", "Put caches in /var/cache/x.", "scratch: /var/cache", ""),
    ("AF504", "Create a user by a POST to /v1/users.", "", ""),
    ("AF505", "List every TODO comment of the code.", "", ""),
    ("AF505", "Keep a todo: write it down.", "", ""),
    ("AF505", "Greet with `Dear <your name>`.", "", ""),
    ("AF505", "Answer in HTML: <b>your</b> text.", "", ""),
    ("AF505", "See [your notes](https://example.com).", "", ""),
    ("AF505", "Put it into your_folder.", "", ""),
    ("AF505", "<your_task>Analyse the orders.</your_task>", "", ""),
    ("AF505", "<NAME>Northwind</NAME> sells tea.", "", ""),
    ("AF505", "Cite as [name].", "", ""),
    ("AF505", "Numbers such as ABC-XXX-1 are of the old system.", "", ""),
    ("AF505", "Films rated xxx are left out.", "", ""),
    ("AF505", "Send this header:\n\n    Authorization: Bearer YOUR_TOKEN\n\nand go on.", "", ""),
    ("AF506", "Prices changed on 2024-01-01.", "", ""),
    ("AF506", "The report says what today is like.", "", ""),
    ("AF507", "Do not ask for confirmation.", "uncertainty: ask", ""),
    ("AF507", "Do not ask\n\nThe user knows nothing.", "uncertainty: ask", ""),
    ("AF507", "If a page is odd, do not ask the operator.", "uncertainty: stop", ""),
    ("AF507", "Do not ask the user for a key.", "uncertainty: ask", ""),
    ("AF702", "Read [the guide](https://northwind.dev/guide) first.", "", ""),
    ("AF504", "Each store is mounted at `/mnt/memory/notes`.", "", ""),
    ("AF601", "Do not create any new subagents.", "tools: { bash: allow }", ""),
    ("AF507", "Do not ask the user.", "uncertainty: assume", ""),
    ("AF507", "The quote is what customers ask for.", "uncertainty: stop", ""),
    ("AF601", "Never modify any files.", "tools: { read: allow, edit: ask }", ""),
    ("AF601", "The directory /mnt/session/uploads is read-only.", "tools: { write: allow }", ""),
    ("AF601", "Never modify any files.", f"tools: {{ write: allow }}\n{OUT}", ""),
    ("AF604", "Do not use bash.", "tools: { read: allow }", ""),
    ("AF604", "Use grep on the log.", "tools: { bash: allow }", ""),
    ("AF604", "Read the file and edit the text.", "tools: { bash: allow }", ""),
    ("AF604", "Write a bash script for the user.", "tools: { write: allow }", ""),
    ("AF701", "Do not pip install anything.", "", ""),
    ("AF701", "Never do this:\n\n- pip install pandas\n- rm -rf", "", ""),
    ("AF701", "pip install pandas", "", "network: open"),
    ("AF604", "Search the web for it.", "tools: { web_search: allow }", "network: open"),
    ("AF604", "Search the web for it.", "tools: { bash: allow }", ""),
    ("AF604", "Do not search the web.", "", ""),
    ("AF604", 'People ask for "an agent that can browse the web".', "", ""),
    ("AF604", "Use Bash built-ins over external commands.", "", ""),
    ("AF604", "Run a Python script over the rows.", "tools: { bash: ask }", ""),
    (
        "AF604",
        "Run Python code with the tool.",
        "custom: { run_code: { run: 'desk.tools:pay', timeout: 9s } }",
        "",
    ),
    ("AF601", "You may only read letters that came in.", "tools: { read: allow }", ""),
    (
        "AF601",
        "You have read-only access to the CRM.",
        "mcp: { crm: { url: 'https://crm.dev/mcp', tools: { find: allow, update_record: ask } } }",
        "network: { mcp: inferred }",
    ),
    ("AF507", "Get the report by the user of the month.", "uncertainty: stop", ""),
    ("AF612", "Do not use bash for what grep can do.", "tools: { bash: allow }", ""),
    ("AF612", "Do not use bash.", "tools: { bash: ask }", ""),
    ("AF612", "Do not use bash.", "tools: { read: allow }", ""),
    ("AF612", "Never open the web of lies.", "tools: { web_search: allow }", "network: open"),
    ("AF604", "People who browse the shop are guests.", "", ""),
    (
        "AF604",
        "Search the web with the index.",
        "custom: { web_index: { run: 'desk.tools:pay', timeout: 9s } }",
        "",
    ),
    (
        "AF604",
        "Search the web of links.",
        "mcp: { links: { url: 'https://links.dev/mcp', tools: { find: allow } } }",
        "network: { mcp: inferred }",
    ),
    *(
        ("AF524", text, "files: { o: { path: 'id:file_1', mount: /data/orders.csv } }", "")
        for text in (
            "Read /mnt/session/uploads/data/orders.csv.",
            "Read /data/orders.csv.bak of last year.",
            "Read old/data/orders.csv of the tape.",
            "Read /data/orders.csv2.",
        )
    ),
    (
        "AF524",
        "Read /x.csv.",
        "files: { o: { path: 'id:file_1', mount: /mnt/session/uploads/x.csv } }",
        "",
    ),
    ("AF701", "pip install pandas", "", "hosting: self-hosted"),
    ("AF701", "npm is what the shop uses; go get help if it fails.", "", ""),
    ("AF701", "pandas was installed with pip.", "", ""),
    ("AF701", "Run `npx playwright test` in the end.", "", ""),
    ("AF701", "Use pip to list what is there.", "", ""),
    ("AF701", "The readers run `uv run` and use npm daily.", "", ""),
    ("AF702", "Fetch https://api.northwind.dev/x", "", "hosting: self-hosted"),
    ("AF702", "Fetch https://pypi.org/simple/x", "", "network: { packages: true }"),
    ("AF702", "Get it from rates.northwind.dev", "", ""),
    ("AF702", "Get the mail to desk@northwind.dev.", "tools: { bash: allow }", ""),
    ("AF702", "Read on to chapter.one.md of app.core.config.", "tools: { bash: allow }", ""),
    (
        "AF702",
        "Query https://crm.northwind.dev/mcp.",
        "mcp: { crm: { url: 'https://crm.northwind.dev/mcp', tools: { find: allow } } }",
        "network: { mcp: inferred }",
    ),
    *(
        (
            "AF707",
            "Look it up.",
            "tools: { web_fetch: { policy: allow, domains: [a.dev] } }",
            network,
        )
        for network in ("network: open", "hosting: self-hosted", "network: { hosts: [a.dev] }", "")
    ),
    ("AF704", "Look it up.", "tools: { web_search: allow }", "hosting: self-hosted"),
    ("AF701", "pip install pandas", "", "network: { packages: true }"),
    ("AF702", "The format is described at https://northwind.dev/format.", "", ""),
    ("AF702", "Fetch https://api.northwind.dev/x", "", 'network: { hosts: ["*.northwind.dev"] }'),
    ("AF702", "Fetch https://API.northwind.dev/x", "", "network: { hosts: [api.northwind.dev] }"),
    ("AF702", "Get it from https://example.com/x", "", ""),
    ("AF702", "Open http://localhost:8000", "", ""),
    ("AF702", "Never open https://northwind.dev", "", ""),
]


@pytest.mark.parametrize(("code", "prompt", "fields", "environment"), HARMLESS)
def test_prose_that_only_looks_like_a_problem(
    code: str, prompt: str, fields: str, environment: str
) -> None:
    assert code not in _lint_prompt(prompt, fields, environment)


def test_a_finding_points_at_the_word_in_the_prompt_file() -> None:
    files = {
        "agents.yaml": "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\n"
        "prompt: ./prompts/a.md\n",
        "prompts/a.md": "# Analyst\n\nAll of {{ vars.x }}: TBD.\n",
    }
    files["agents.yaml"] += "vars: { x: { default: y } }\n"
    [problem] = [p for p in lint_files(files) if p.code == "AF505"]
    assert problem.span is not None
    assert str(problem.span) == "prompts/a.md:3:22"
    assert problem.span.end_column == 25


SECRETS = [
    ("an Anthropic API key", "sk-ant-api03-" + "Ab3" * 10),
    ("a GitHub token", "ghp_" + "a1B2" * 9),
    ("an AWS access key id", "AKIA" + "ABCD1234EFGH5678"),
    ("a Slack token", "xoxb-" + "1234567890-abcdef"),
    ("a Google API key", "AIza" + "Sy0" * 11 + "ab"),
    ("a private key", "-----BEGIN RSA " + "PRIVATE KEY-----"),
    ("a Google client secret", "GOCSPX-" + "aB3" * 9),
    ("a DigitalOcean token", "dop_v1_" + "a1" * 32),
    ("a Databricks token", "dapi" + "a1" * 16),
    ("a Linear key", "lin_api_" + "aB3c" * 10),
    ("a Notion token", "ntn_" + "aB3c" * 11),
    ("a Telegram bot token", "123456789:AA" + "aB3c" * 8 + "d"),
    ("a Twilio key", "SK" + "a1" * 16),
    ("a Mailchimp key", "a1" * 16 + "-us12"),
    ("a Square token", "sq0csp-" + "aB3c" * 10),
    ("an Azure storage key", "AccountKey=" + "aB3c" * 21 + "ab" + "=="),
    ("a Discord token", "the Discord bot M" + "aB3c" * 6 + "." + "aB3cde" + "." + "aB3c" * 7),
    ("an age key", "AGE-SECRET-KEY-1" + "AB" * 29),
    ("a GitLab token", "glpat-" + "aB3c" * 6),
    ("a Slack webhook", "hooks.slack.com/services/T0AB/B0CD/" + "aB3c" * 3),
    ("a Stripe key", "sk_live_" + "aB3c" * 6),
    ("a SendGrid key", "SG." + "aB3c" * 5 + "ab." + "aB3c" * 10 + "abc"),
    ("an npm token", "npm_" + "aB3c" * 9),
    ("a PyPI token", "pypi-AgEIcHlwaS5vcmc" + "aB3c" * 13),
    ("a Hugging Face token", "hf_" + "aB3c" * 9),
    ("an OpenAI API key", "sk-proj-" + "aB3c" * 9),
    ("a JSON Web Token", "eyJ" + "aB3c" * 4 + ".eyJ" + "aB3c" * 4 + "." + "aB3c" * 4),
    ("a password in a URL", "postgres://bob:s3cr" + "etpw@db.internal/x"),
]


@pytest.mark.parametrize(("what", "secret"), SECRETS)
def test_a_secret_is_found_and_never_shown(what: str, secret: str) -> None:
    found = [
        p
        for p in lint_text(
            "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\n"
            f"description: uses {secret} for now\nprompt: x\n"
        )
        if p.code == "AF901"
    ]
    assert [what in p.message for p in found] == [True]
    for text in (found[0].message, found[0].hint or ""):
        assert secret not in text
        assert secret[5:] not in text
    assert found[0].span is not None
    assert found[0].span.line == 5


@pytest.mark.parametrize(
    "text",
    [
        "The token is what the service sends you.",
        "password: ask the operator",
        "password: at least 12 characters, with a digit",
        "password: ./secrets/password1.txt",
        "password: correcthorse7battery",
        "password: Correct-Horse-Battery",
        "The password is Changeme123 by default.",
        "password: get_password(user1)",
        "The password is kept by the desk2nd.",
        "Authorization: Bearer YOUR_TOKEN_NUMBER_1",
        "Send the header Authorization: Bearer ${secret.desk}.",
        "Authorization: Bearer <the token of 2026>",
        "Authorization: basic authentication only",
        "api_key: ${env.KEY:-none}",
        "secret: path/to/the/secret/file1.txt",
        "token_url = https://auth.example.com/oauth2/token",
        "Set API_KEY=your-key-goes-here-0123456789",
        "password=aaaaaaaaaaaaaaaaaaaaaaaa1",
        "checksum: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "https://user:${env.X}@host/",
        "https://{{ vars.user }}:{{ vars.word }}@host/",
        "sk-learn-compatible estimators with a long name and so on",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    spec = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: |\n"
    spec += "  {% raw %}" + text.replace("${", "$${") + "{% endraw %}\n"
    assert "AF901" not in codes_in(lint_text(spec))


@pytest.mark.parametrize(
    "text",
    [
        "The password is Tr0ub4dor&3.",
        "password = 'hunter2-Hunter2'",
        'passwd: "Qw7!rtzu"',
        "Log in as bob (pwd: aB3cD4eF5).",
    ],
)
def test_a_password_that_stands_in_words_is_found_and_never_shown(text: str) -> None:
    spec = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: |\n  "
    (found,) = [p for p in lint_text(spec + text + "\n") if p.code == "AF901"]
    assert "a password" in found.message
    for secret in ("Tr0ub4dor&3", "hunter2-Hunter2", "Qw7!rtzu", "aB3cD4eF5"):
        assert secret not in found.message


def test_a_secret_in_a_comment_is_found_too() -> None:
    spec = "apiVersion: agentflow/v1\nkind: Environment\nname: lab\n# old key: ghp_" + "a1B2" * 9
    assert "AF901" in codes_in(lint_text(spec))


def test_a_header_that_is_written_out_is_found_at_its_value() -> None:
    spec = (
        "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: x\n"
        "custom:\n  t:\n    description: D.\n    input_schema: { type: object }\n    http:\n"
        "      url: https://desk.example.com/\n      headers:\n"
        '        Authorization: "Basic ZGVzazpz' + 'M2NyM3Q="\n'
    )
    [found] = [p for p in lint_text(spec) if p.code == "AF901"]
    assert str(found.span) == "agents.yaml:13:31"


def test_ask_of_a_custom_tool_needs_an_answer_too() -> None:
    spec = (
        "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: x\n"
        "tools: { bash: ask }\ncustom: { pay: { run: 'desk.tools:pay', policy: ask } }\n"
        "approvals: [{ tool: '%s', ask: person }]\n"
    )
    assert "AF602" in codes_in(lint_text(spec % "bash"))
    assert "AF602" not in codes_in(lint_text(spec % "*"))


MCP = """\
apiVersion: agentflow/v1
kind: Agent
name: a
model: claude-opus-5-5
prompt: Work.
mcp: {{ crm: {{ url: "https://crm.dev", tools: {{ add: ask, get: allow }}, others: {others} }} }}
approvals: [{rules}]
"""


@pytest.mark.parametrize(
    ("others", "rules", "places"),
    [
        ("off", "", ["agents.yaml:6:53"]),
        ("off", "{ tool: crm.add, ask: person }", []),
        ("ask", "{ tool: crm.add, ask: person }", ["agents.yaml:6:80"]),
        ("ask", "{ tool: crm.add, ask: person }, { tool: crm.more, answer: deny }", []),
        ("ask", "{ tool: 'crm.*', ask: person }", []),
    ],
)
def test_tools_of_mcp_servers_that_ask_need_an_answer(
    others: str, rules: str, places: list[str]
) -> None:
    found = lint_text(MCP.format(others=others, rules=rules))
    assert [str(p.span) for p in found if p.code == "AF602"] == places


DEPLOYED = """\
apiVersion: agentflow/v1
kind: Deployment
name: d
agent: id:agent_1@2
environment: id:env_1
task: Go.
budget: {{ usd: 1 }}
schedule: {{ cron: "{cron}", timezone: {zone} }}
"""


@pytest.mark.parametrize(
    ("cron", "zone", "code", "column"),
    [
        ("0 0-4 * * *", "Europe/Berlin", "AF1001", 22),
        ("0 2 * * *", "UTC", None, 0),
        ("0 2 * * *", "Etc/GMT-1", None, 0),
        ("0 3 * * *", "Europe/Berlin", None, 0),
        ("0 * * * *", "Europe/Berlin", None, 0),
        ("55,3 4,5 * * *", "UTC", "AF1002", 20),
        ("55,3 4,6 * * *", "UTC", None, 0),
        ("55,3 23,0 * * *", "UTC", "AF1002", 20),
        ("*/10 * * * *", "UTC", None, 0),
        ("* 9 * * *", "UTC", "AF1002", 20),
    ],
)
def test_schedules(cron: str, zone: str, code: str | None, column: int) -> None:
    found = [p for p in lint_text(DEPLOYED.format(cron=cron, zone=zone)) if p.code > "AF1"]
    found = [p for p in found if p.code.startswith("AF10")]
    assert [p.code for p in found] == ([code] if code else [])
    for problem in found:
        assert str(problem.span) == f"agents.yaml:8:{column}"


def test_what_an_unfinished_agent_may_use_is_not_called_unused() -> None:
    specs = "apiVersion: agentflow/v1\nkind: Toolset\nname: t\n---\nkind: Vault\nname: v\n"
    agent = "---\nkind: Agent\nname: a\nmodel: m\nprompt: x\n"
    assert {"AF608", "AF904"} <= codes_in(lint_text(specs + agent))
    built = build(MemoryFiles({"agentflow.yaml": PROJECT + agent + "nope: 1", "t.yaml": specs}))
    assert built.value.graph is not None
    assert not {"AF608", "AF904"} & codes_in(lint(Context(built.value.graph, None)))


def test_a_policy_that_cannot_bind_is_found() -> None:
    demands = "applies: [agent/x*], targets: [prd], models: [gpt-*], require: [budgt]"
    found = lint_text(
        "apiVersion: agentflow/v1\nkind: Policy\nname: house\nchecks:\n"
        f"  rule: {{ message: Ask., {demands} }}\n---\n"
        "kind: Agent\nname: a\nmodel: claude-opus-5-5\nprompt: x\n"
    )
    assert [p.message.split()[0] for p in found if p.code == "AF1007"] == [
        "'agent/x*'",
        "'prd'",
        "'gpt-*'",
        "No",
    ]


def test_a_prefix_of_three_digits_does_not_mean_the_family_of_four() -> None:
    graph = graph_of({"d.yaml": DEPLOYED.format(cron="0 2 * * *", zone="Europe/Berlin")})
    assert "AF1001" in codes_in(lint(Context(graph, None), ignore=["AF1"]))
    for ignored in ("AF10", "AF1001", "night-schedule"):
        assert "AF1001" not in codes_in(lint(Context(graph, None), ignore=[ignored]))


@pytest.mark.parametrize(
    ("advisor", "code"),
    [
        ("claude-opus-5.5", "AF803"),
        ("claude-3-opus-20240229", "AF804"),
        ("claude-sonnet-4-5", "AF805"),
    ],
)
def test_the_model_of_an_advisor_is_looked_at_too(advisor: str, code: str) -> None:
    text = "apiVersion: agentflow/v1\nkind: Agent\nname: a\nmodel: claude-haiku-4-5\nprompt: x\n"
    (found,) = [
        p
        for p in lint_text(f"{text}team: {{ advisor: {advisor} }}\n")
        if p.code.startswith("AF80") and p.code != "AF801"
    ]
    assert found.code == code
    assert str(found.span) == "agents.yaml:6:18"


def test_a_command_ends_with_its_line() -> None:
    prompt = "Run pip install\npandas is there already."
    assert "has packages installed with pip" in _lint_prompt(prompt)["AF701"]
    assert "has 'pandas' installed with pip" in _lint_prompt("Run pip install pandas.")["AF701"]
    assert "has packages installed" in _lint_prompt("pip install -r requirements.txt")["AF701"]
    assert "with npm" in _lint_prompt("bunx prettier .")["AF701"]
    assert "with pip" in _lint_prompt("uvx ruff check")["AF701"]
