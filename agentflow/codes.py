"""The catalogue of codes that stages report.

AF0 reading, AF1 shape, AF2 references, AF3 templates, AF4 plan and state. Lint rules (AF5 to AF10)
are in `lint/rules/`.

A code is never renumbered and never reused.
"""

from __future__ import annotations

from agentflow.diagnostics import Code, Severity

__all__ = ["CODES"]

_E = Severity.ERROR
_W = Severity.WARNING

# AF0: reading files

FILE_MISSING = Code(
    "AF001",
    "file-missing",
    _E,
    "File does not exist.",
    "A spec names a file that is not there. Text that starts with `./` or `../` is a "
    "file beside the spec that names it."
    "\n\nBad:\n    prompt: ./prompts/analist.md\nGood:\n    prompt: ./prompts/analyst.md",
)
NOT_A_FILE = Code(
    "AF002",
    "not-a-file",
    _E,
    "Path is not a regular file.",
    "A directory, a pipe or a device stands where a file was expected. Only regular "
    "files are read."
    "\n\nBad:\n    prompt: ./prompts\nGood:\n    prompt: ./prompts/analyst.md",
)
OUTSIDE_PROJECT = Code(
    "AF003",
    "outside-project",
    _E,
    "File lies outside of the project.",
    "Specs read only what is below the directory of `agentflow.yaml`, so that a "
    "checkout is complete and a spec cannot pull in other files of the machine. Links "
    "that lead out count as outside."
    "\n\nBad:\n    prompt: ../../shared/analyst.md\nGood:\n    prompt: ./prompts/analyst.md",
)
FILE_TOO_LARGE = Code(
    "AF004",
    "file-too-large",
    _E,
    "File is too large.",
    "Specs and prompts may have 1 MiB, schemas and code 5 MiB. Larger files are data: "
    "they belong among the inputs of a run.",
)
NOT_UTF8 = Code(
    "AF005",
    "not-utf8",
    _E,
    "File is not UTF-8.",
    "Every file is read as UTF-8. Save it in this encoding.",
)
FILE_UNREADABLE = Code(
    "AF006",
    "file-unreadable",
    _E,
    "File cannot be read.",
    "The operating system refused to read the file. Check its permissions.",
)
YAML_SYNTAX = Code(
    "AF010",
    "yaml-syntax",
    _E,
    "YAML syntax is broken.",
    "The text is not YAML from this place on, so the rest of the file was not read. "
    "Problems after it show up once it is mended."
    '\n\nBad:\n    prompt: Note: be brief.\nGood:\n    prompt: "Note: be brief."',
)
TAB = Code(
    "AF011",
    "tab-indentation",
    _E,
    "Tab used for indentation.",
    "YAML allows only spaces in front of keys and values, because tabs have no agreed width.",
)
DUPLICATE_KEY = Code(
    "AF012",
    "duplicate-key",
    _E,
    "Key is set twice.",
    "Most YAML readers keep one of the two values silently. Here it is an error, "
    "because the other value was meant to count too."
    "\n\nBad:\n    tools: { bash: ask }\n    prompt: Work.\n    tools: { read: allow }\nGood:\n"
    "    tools: { bash: ask, read: allow }\n    prompt: Work.",
)
TAG = Code(
    "AF013",
    "yaml-tag",
    _E,
    "YAML tag used.",
    "Specs are plain data. Tags such as `!Ref` or `!!python/name` have no meaning here."
    "\n\nBad:\n    prompt: !file prompts/analyst.md\nGood:\n    prompt: ./prompts/analyst.md",
)
KEY_NOT_TEXT = Code(
    "AF014",
    "key-not-text",
    _E,
    "Key is not text.",
    "Keys are text: numbers, `true`, `null`, lists and mappings must be quoted to "
    "become keys. A line that starts with `{{` is read as a mapping too, and has to "
    "be quoted."
    '\n\nBad:\n    prompt: {{ vars.company }}\nGood:\n    prompt: "{{ vars.company }}"',
)
MERGE_KEY = Code(
    "AF015",
    "merge-key",
    _E,
    "Merge key used.",
    "`<<` belongs to an older YAML, and its order of precedence surprises. Write the "
    "keys out or use a variable."
    "\n\nBad:\n    budget:\n      <<: *limits\n      turns: 20\nGood:\n    budget:\n"
    "      usd: 2\n      turns: 20",
)
BAD_ALIAS = Code(
    "AF016",
    "bad-alias",
    _E,
    "Alias names nothing that can be repeated.",
    "An alias repeats a value that an anchor named before it, and can neither come "
    "first nor contain itself."
    "\n\nBad:\n    scratch: *tmp\nGood:\n    scratch: /tmp",
)
ALIAS_EXPANSION = Code(
    "AF017",
    "alias-expansion",
    _E,
    "Aliases expand to too much.",
    "A few nested aliases can stand for millions of values. The limit keeps such a "
    "file from filling the memory.",
)
TOO_DEEP = Code(
    "AF018",
    "too-deep",
    _E,
    "Values are nested too deeply.",
    "No spec needs that many levels; the file is broken or hostile.",
)
CONTROL_CHARACTER = Code(
    "AF019",
    "control-character",
    _E,
    "Control character in the file.",
    "YAML files hold text. Null bytes and other control characters usually mean that "
    "the file is binary or was damaged. Half of a surrogate pair cannot be sent, and U+FDD0 and "
    "U+FDD1, which Unicode leaves to programs, mark references and secrets: these are refused "
    "in every text, also as an escape or from the environment.",
)
BAD_NUMBER = Code(
    "AF020",
    "bad-number",
    _E,
    "Number cannot be used.",
    "Infinity, not-a-number and numbers with dozens of digits have no meaning in a "
    "spec. Quote the value if it is text."
    "\n\nBad:\n    budget: { usd: .inf }\nGood:\n    budget: { usd: 20 }",
)
YAML_VERSION = Code(
    "AF021",
    "yaml-version",
    _E,
    "Other version of YAML declared.",
    "Specs are YAML 1.2: `yes`, `no`, `on` and `off` are text. A directive for "
    "another version would promise something else."
    "\n\nBad:\n    %YAML 1.1\n    ---\n    apiVersion: agentflow/v1\n    kind: Environment\n"
    "    name: box\nGood:\n    apiVersion: agentflow/v1\n    kind: Environment\n    name: box",
)
EMPTY_FILE = Code(
    "AF022",
    "empty-file",
    _E,
    "File holds no spec.",
    "The file is empty or has only comments. Delete it or write a spec.",
)
TOO_MANY_PROBLEMS = Code(
    "AF023",
    "too-many-problems",
    _E,
    "Too many problems to show.",
    "After a hundred problems of one kind in one file the rest is left out: it is usually the same "
    "mistake again, or a file that was never meant to be a spec.",
)

NOT_FORMATTED = Code(
    "AF024",
    "not-formatted",
    _E,
    "File cannot be formatted.",
    "`agentflow fmt` reads what it wrote and compares it with the file it was made from. A file that "
    "would say something else afterwards is left as it is, and so is one with line breaks that "
    "editors do not show as such (U+0085, U+2028, U+2029).\n\n"
    'Bad:\n    description: one<U+2028>two\nGood:\n    description: "one\\Ltwo"',
)

FRONTMATTER = Code(
    "AF025",
    "frontmatter",
    _E,
    "Frontmatter of a Markdown file cannot be read.",
    "An agent may be one Markdown file: its keys stand between two lines `---` at the top, and the text "
    "below them is the prompt.\n\nGood:\n    ---\n    apiVersion: agentflow/v1\n    kind: Agent\n"
    "    name: writer\n    model: claude-opus-5-5\n    ---\n    You write reports.",
)

# AF1: the shape of a spec

API_VERSION_MISSING = Code(
    "AF101",
    "api-version-missing",
    _E,
    "`apiVersion` is missing.",
    "The first document of each file says which version of the language it is written "
    "in: `apiVersion: agentflow/v1`."
    "\n\nBad:\n    kind: Environment\n    name: box\nGood:\n    apiVersion: agentflow/v1\n"
    "    kind: Environment\n    name: box",
)
API_VERSION_UNKNOWN = Code(
    "AF102",
    "api-version-unknown",
    _E,
    "`apiVersion` is not known.",
    "This version of agentflow reads `agentflow/v1`. A file in an older or newer language is not read at "
    "all, because the same words may mean something else there. When there is a second language, "
    "`agentflow migrate` will rewrite files of the first; until then there is nothing to migrate."
    "\n\nBad:\n    apiVersion: agentflow/1.0\n    kind: Environment\n    name: box\n"
    "Good:\n    apiVersion: agentflow/v1\n    kind: Environment\n    name: box",
)
KIND_MISSING = Code(
    "AF103",
    "kind-missing",
    _E,
    "`kind` is missing.",
    "Each document says what it declares by its `kind`."
    "\n\nBad:\n    apiVersion: agentflow/v1\n    name: writer\nGood:\n"
    "    apiVersion: agentflow/v1\n    kind: Agent\n    name: writer",
)
KIND_UNKNOWN = Code(
    "AF104",
    "kind-unknown",
    _E,
    "`kind` is not known.",
    "The kinds are listed in the README. They are written with a capital letter."
    "\n\nBad:\n    kind: environment\n    name: box\nGood:\n    kind: Environment\n    name: box",
)
NOT_A_MAPPING = Code(
    "AF105",
    "not-a-mapping",
    _E,
    "Document is not a mapping.",
    "A spec is a mapping of keys to values, not a list or a single text."
    "\n\nBad:\n    kind: Environment\n    name: box\n    ---\n    - kind: Agent\n      name: writer\n"
    "Good:\n    kind: Environment\n    name: box\n    ---\n    kind: Agent\n    name: writer",
)
DUPLICATE_ADDRESS = Code(
    "AF106",
    "duplicate-address",
    _E,
    "Two specs have the same address.",
    "Kind and name together are the identity of a spec, in the project and on the "
    "service. They have to be unique, whichever files the specs are in."
    "\n\nBad:\n    kind: Agent\n    name: writer\n    ---\n    kind: Agent\n    name: writer\n"
    "Good:\n    kind: Agent\n    name: writer\n    ---\n    kind: Agent\n    name: editor",
)
SECOND_PROJECT = Code(
    "AF107",
    "second-project",
    _E,
    "Project is declared twice.",
    "A project has one document of kind Project, in `agentflow.yaml`. A directory "
    "with its own `agentflow.yaml` is a project of its own.",
)
PROJECT_MISSING = Code(
    "AF108",
    "project-missing",
    _E,
    "No document of kind Project.",
    "`agentflow.yaml` names the project and its targets. `agentflow init` writes one.",
)
UNKNOWN_KEY = Code(
    "AF110",
    "unknown-key",
    _E,
    "Key is not known.",
    "Unknown keys are errors, because a misspelt limit that is ignored is worse than none."
    "\n\nBad:\n    toolz: { bash: ask }\nGood:\n    tools: { bash: ask }",
)
MISSING_KEY = Code(
    "AF111",
    "missing-key",
    _E,
    "Key is missing.",
    "The key has no default."
    "\n\nBad:\n    outputs: { report: {} }\nGood:\n    outputs: { report: { path: report.md } }",
)
WRONG_TYPE = Code(
    "AF112",
    "wrong-type",
    _E,
    "Value has the wrong type.",
    "Text, numbers, true or false, lists and mappings are not converted into each "
    "other. Quote a value to make it text."
    "\n\nBad:\n    description: [Writes reports.]\nGood:\n    description: Writes reports.",
)
UNKNOWN_WORD = Code(
    "AF113",
    "unknown-word",
    _E,
    "Word is not one of the allowed ones.",
    "The field takes one of a few words."
    "\n\nBad:\n    tools: { bash: always }\nGood:\n    tools: { bash: allow }",
)
MALFORMED = Code(
    "AF114",
    "malformed-value",
    _E,
    "Value is malformed.",
    "The value has the right type but not the form its field needs."
    "\n\nBad:\n    budget: { usd: $2, wall: 20 }\nGood:\n    budget: { usd: 2, wall: 20m }",
)
OUT_OF_RANGE = Code(
    "AF115",
    "out-of-range",
    _E,
    "Value is out of range.",
    "The value is too large, too small, too long or too short."
    "\n\nBad:\n    repair: 11\nGood:\n    repair: 2",
)

BAD_MODEL_SCRIPT = Code(
    "AF140",
    "bad-model-script",
    _E,
    "Model script has the wrong shape.",
    "A model script plays the turns of the model for the local service. It holds `agents` by name "
    "or `turns`, and a turn holds `say`, `tools`, `expect`, `usage`, `stop` or `error`. What goes wrong on "
    "purpose, as `faults` or in a file of its own, is held to the same code."
    "\n\nBad:\n    agents: { writer: [{ say: Done. }] }\nGood:\n"
    "    agents: { writer: { turns: [{ say: Done. }] } }",
)

PROMPT_TOO_LONG = Code(
    "AF150",
    "prompt-too-long",
    _E,
    "System prompt is too long.",
    "The service takes 100,000 characters. The policy sections count too. A prompt that long "
    "is also paid for in every turn: reference material belongs in files that the agent "
    "reads.",
)
BAD_DOMAIN = Code(
    "AF151",
    "bad-domain",
    _E,
    "Domain of a web tool is refused by the service.",
    "Domains of `web_search` and `web_fetch` are plain public host names: no scheme, port, IP "
    "address, wildcard or single label. Subdomains are covered. Only `web_search` takes a "
    "path."
    "\n\nBad:\n    tools: { web_fetch: { policy: allow, domains: ['https://docs.dev/api'] } }\n"
    "Good:\n    tools: { web_fetch: { policy: allow, domains: [docs.dev] } }",
)
BAD_HOST = Code(
    "AF152",
    "bad-host",
    _E,
    "Host of an environment is refused by the service.",
    "`network.hosts` takes bare host names, without scheme, port and path. `*.example.com` "
    "covers the subdomains of example.com and not example.com itself."
    "\n\nBad:\n    network: { hosts: ['https://docs.dev/api'] }\nGood:\n"
    "    network: { hosts: [docs.dev] }",
)
PACKAGES_BLOCKED = Code(
    "AF153",
    "packages-blocked",
    _E,
    "Packages are declared, but package managers are blocked.",
    "An environment with a limited network refuses packages unless `network.packages` is "
    "true, because they are installed through the same network."
    "\n\nBad:\n    packages: { pip: [pandas] }\nGood:\n    packages: { pip: [pandas] }\n"
    "    network: { packages: true }",
)
OUTPUT_PATH = Code(
    "AF154",
    "output-path",
    _E,
    "Output is not a plain file in the outputs directory.",
    "The service collects the files of /mnt/session/outputs/ and drops subdirectories: two "
    "files with one name would overwrite each other. An absolute path below that directory is "
    "fine."
    "\n\nBad:\n    outputs: { report: { path: monthly/report.md } }\nGood:\n"
    "    outputs: { report: { path: report.md } }",
)
OUTPUT_COLLISION = Code(
    "AF155",
    "output-collision",
    _E,
    "Two outputs are the same file.",
    "Each output needs a file name of its own, compared without regard to case, because "
    "results are downloaded to machines that do not tell them apart."
    "\n\nBad:\n    outputs: { long: { path: report.md }, short: { path: Report.md } }\nGood:\n"
    "    outputs: { long: { path: report.md }, short: { path: summary.md } }",
)
OUTPUT_FORMAT = Code(
    "AF156",
    "output-format",
    _E,
    "Output cannot be verified as declared.",
    "`schema` verifies a JSON file and `sections` the headings of a Markdown file."
    "\n\nBad:\n    outputs: { report: { path: report.md, schema: ./report.schema.json } }\n"
    "Good:\n    outputs: { report: { path: report.json, schema: ./report.schema.json } }",
)
SCRATCH_PATH = Code(
    "AF157",
    "scratch-path",
    _E,
    "Scratch directory is delivered or read-only.",
    "Files below /mnt/session/outputs are delivered, those below /mnt/session/uploads are "
    "inputs. Intermediate files belong elsewhere, such as in /tmp."
    "\n\nBad:\n    scratch: /mnt/session/outputs/tmp\nGood:\n    scratch: /tmp",
)
BAD_SCHEMA = Code(
    "AF158",
    "bad-schema",
    _E,
    "Schema of an output is not valid JSON Schema.",
    "The schema is checked against the metaschema of the draft it names (2020-12 if it names "
    "none). A `$ref` stays inside the schema: nothing is fetched."
    "\n\nBad:\n    outputs: { rows: { path: rows.json, schema: { type: list } } }\nGood:\n"
    "    outputs: { rows: { path: rows.json, schema: { type: array } } }",
)
TOOL_NAME = Code(
    "AF160",
    "tool-name",
    _E,
    "Custom tools are named or counted in a way the service refuses.",
    "Names of custom tools are unique, also among the built-in tools and `ask_user`, which "
    "`uncertainty: ask` adds. An agent has at most 128 entries of tools."
    "\n\nBad:\n    custom: { bash: { run: 'desk.tools:shell' } }\nGood:\n"
    "    custom: { desk_shell: { run: 'desk.tools:shell' } }",
)
TOOL_SCHEMA = Code(
    "AF161",
    "tool-schema",
    _E,
    "Input schema of a custom tool is refused by the service.",
    "It is an object schema without `$ref`, without `oneOf`, `anyOf` or `allOf` at the top, "
    "and with property names of letters, digits, `_`, `.` and `-`."
    "\n\nBad:\n    input_schema: { type: array, items: { type: string } }\nGood:\n"
    "    input_schema: { type: object, properties: { names: { type: array } } }",
)
TOOL_WITHOUT_DESCRIPTION = Code(
    "AF162",
    "tool-without-description",
    _E,
    "Custom tool has no description.",
    "The description is what the model decides by whether and how to use the tool; the "
    "service requires one. It is taken from the docstring unless the spec gives one."
    "\n\nBad:\n    def rate(currency: str) -> float: ...\nGood:\n"
    '    def rate(currency: str) -> float:\n        """The rate of a currency in euro."""',
)
EMPTY_RULE = Code(
    "AF163",
    "empty-rule",
    _E,
    "Rule of an argument says nothing.",
    "A rule has `allow`, `deny` or both. One without either looks like a restriction and is none."
    "\n\nBad:\n    arguments: { currency: {} }\nGood:\n"
    '    arguments: { currency: { allow: ["EUR", "USD"] } }',
)
INPUT_VALUE = Code(
    "AF164",
    "input-value",
    _E,
    "Default or choice of an input does not fit it.",
    "A default has the declared type and is one of the choices, if there are any. In YAML, "
    '`1` is a number and `"1"` is text.'
    "\n\nBad:\n    inputs: { days: { type: integer, default: seven } }\nGood:\n"
    "    inputs: { days: { type: integer, default: 7 } }",
)
BUDGET = Code(
    "AF165",
    "budget",
    _E,
    "Budget limits nothing, or cannot take effect.",
    "A budget names at least one limit, and each limit can be reached before another makes it "
    "moot."
    "\n\nBad:\n    budget: { active: 2h, wall: 1h }\nGood:\n"
    "    budget: { active: 1h, wall: 2h }",
)
MODEL_SPEED = Code(
    "AF166",
    "model-speed",
    _E,
    "Model has no fast mode.",
    "Fast mode exists for some models; for others the service refuses the agent."
    "\n\nBad:\n    model: { id: claude-haiku-4-5, speed: fast }\nGood:\n"
    "    model: { id: claude-haiku-4-5 }",
)
OPEN_NETWORK = Code(
    "AF167",
    "open-network",
    _E,
    "Open network is restricted too.",
    "`open` lifts every restriction, so hosts beside it look like a limit and are none."
    "\n\nBad:\n    network: { open: true, hosts: [docs.dev] }\nGood:\n"
    "    network: { hosts: [docs.dev] }",
)
RESERVED_METADATA = Code(
    "AF168",
    "reserved-metadata",
    _E,
    "Metadata key belongs to agentflow.",
    "Keys that start with `agentflow.` say which project and spec a resource belongs to. A "
    "spec that sets them would make apply lose track of what it owns."
    "\n\nBad:\n    metadata: { agentflow.project: desk }\nGood:\n"
    "    metadata: { desk.project: rates }",
)
TOOL_WITHOUT_SCHEMA = Code(
    "AF169",
    "tool-without-schema",
    _E,
    "Custom tool has no input schema.",
    "The service requires the JSON Schema of the arguments. It is read from a Python function; a "
    "tool with `command` or `http` writes its `input_schema`, an object with `properties`."
    "\n\nBad:\n    custom: { now: { command: [date], description: The time. } }\nGood:\n"
    "    custom: { now: { command: [date], description: The time., input_schema: { type: object } } }",
)
OUTCOME_RUBRIC = Code(
    "AF170",
    "outcome-rubric",
    _E,
    "Outcome has nothing to hold the result against.",
    "A grader reads the rubric and nothing else of the spec: the points of `done` that are text, a "
    "file beside the spec, or the text itself, of at most 262,144 characters.\n\n"
    'Bad:\n    done: [{ check: "desk.checks:totals" }]\n    outcome: done\n'
    "Good:\n    done: [Every figure can be found in totals.json.]\n    outcome: done",
)
BAD_SKILL = Code(
    "AF171",
    "bad-skill",
    _E,
    "Folder is no skill that the service takes.",
    "A skill is a folder of less than 30 MB with SKILL.md in it, which begins with `name` (64 lower-case "
    "letters, digits and hyphens, without `anthropic` and `claude`) and `description` (1,024 "
    "characters), between two lines `---`.\n\n"
    "Bad:\n    # Report style\n"
    "Good:\n    ---\n    name: report-style\n    description: How reports are laid out.\n    ---\n"
    "    # Report style",
)

# AF2: references and substitution

UNKNOWN_REFERENCE = Code(
    "AF201",
    "unknown-reference",
    _E,
    "Reference names nothing.",
    "A spec refers to another by its name. References are looked up in the whole "
    "project, whichever file a spec is in; `id:…` names something that agentflow does "
    "not manage."
    "\n\nBad:\n    environment: boxx\nGood:\n    environment: box",
)
BAD_SUBSTITUTION = Code(
    "AF202",
    "bad-substitution",
    _E,
    "Substitution is malformed.",
    "`${var.x}`, `${env.X}`, `${env.X:-default}`, `${env.X:?message}`, `${secret.x}` "
    "and `${ref.agent.name.id}` are replaced when the project is read. Write `$${` "
    "for a literal `${`."
    '\n\nBad:\n    metadata: { team: "${team}" }\nGood:\n    metadata: { team: "${var.team}" }',
)
UNKNOWN_VARIABLE = Code(
    "AF203",
    "unknown-variable",
    _E,
    "Variable is not declared.",
    "Variables are declared below `vars` of the project or of the agent that uses them."
    "\n\nBad:\n    prompt: Work for ${var.compny}.\nGood:\n    prompt: Work for ${var.company}.",
)
ENV_MISSING = Code(
    "AF204",
    "environment-variable-missing",
    _E,
    "Environment variable is not set.",
    "`${env.X}` needs the variable; `${env.X:-default}` works without it."
    '\n\nBad:\n    metadata: { stage: "${env.STAGE}" }\nGood:\n'
    '    metadata: { stage: "${env.STAGE:-dev}" }',
)
VARIABLE_UNSET = Code(
    "AF205",
    "variable-without-value",
    _E,
    "Variable has no value.",
    "A variable without a default needs a value from the command line (`--var "
    "name=value`) or from the target."
    "\n\nBad:\n    vars: { region: {} }\nGood:\n    vars: { region: { default: north } }",
)
VARIABLE_CYCLE = Code(
    "AF206",
    "variable-cycle",
    _E,
    "Variables refer to each other in a circle.",
    "The default of a variable may use other variables, as long as the chain ends."
    '\n\nBad:\n    vars: { a: { default: "${var.b}" }, b: { default: "${var.a}" } }\nGood:\n'
    '    vars: { a: { default: "${var.b}" }, b: { default: north } }',
)
VARIABLE_VALUE = Code(
    "AF207",
    "variable-value",
    _E,
    "Value does not fit the variable.",
    "The value has to be of the declared type, and one of the listed values where "
    "there is an `enum`."
    "\n\nBad:\n    vars: { days: { type: integer, default: seven } }\nGood:\n"
    "    vars: { days: { type: integer, default: 7 } }",
)
SECRET_NOT_ALLOWED = Code(
    "AF208",
    "secret-not-allowed",
    _E,
    "Secret used where it would be stored.",
    "`${secret.x}` is legal only in fields that keep secrets. Everything else becomes "
    "part of a payload, a plan and a log."
    "\n\nBad:\n    prompt: The key is ${secret.crm}.\nGood:\n"
    '    credentials: { crm: { url: "https://crm.northwind.dev/mcp", bearer: "${secret.crm}" } }',
)
UNKNOWN_TARGET = Code(
    "AF209",
    "unknown-target",
    _E,
    "Target does not exist.",
    "Targets are declared below `targets` of the project; `local` always exists."
    "\n\nBad:\n    kind: Overlay\n    name: small\n    target: prdo\nGood:\n    kind: Overlay\n"
    "    name: small\n    target: prod",
)
UNDECLARED_VALUE = Code(
    "AF210",
    "undeclared-value",
    _E,
    "Value is set for a variable that nobody declares.",
    "A value on the command line or in a target is for a declared variable; otherwise "
    "a typing mistake would go unnoticed."
    "\n\nBad:\n    agentflow compile --var regoin=north\nGood:\n"
    "    agentflow compile --var region=north",
)

EXTENDS_CYCLE = Code(
    "AF220",
    "extends-cycle",
    _E,
    "Spec extends itself.",
    "Each spec starts from the values of the one it extends; in a circle none of them is the first. "
    "Take one `extends` out."
    "\n\nBad:\n    kind: Agent\n    name: base\n    extends: writer\n    ---\n    kind: Agent\n"
    "    name: writer\n    extends: base\nGood:\n    kind: Agent\n    name: base\n    ---\n"
    "    kind: Agent\n    name: writer\n    extends: base",
)
TOOLSETS_DISAGREE = Code(
    "AF221",
    "toolsets-disagree",
    _E,
    "Two toolsets say different things.",
    "Toolsets below `use` have no order, so none of two different values wins. Say it in one of "
    "them, or in the agent, which wins over both. Their lists do not disagree: all items count."
    "\n\nBad:\n    # One toolset has tools: { read: allow }, the other tools: { read: ask }\n"
    "    use: [one, other]\nGood:\n    use: [one, other]\n    tools: { read: ask }",
)
OVERLAYS_DISAGREE = Code(
    "AF222",
    "overlays-disagree",
    _E,
    "Two overlays say different things.",
    "Overlays of one target have no order, because that of files means nothing. Of two different "
    "values none wins: say it in one overlay. A patch of `agent/x` does win over one of `agent/*`.",
)
BAD_OPERATOR = Code(
    "AF223",
    "bad-operator",
    _E,
    "`key+` stands where nothing can be appended.",
    "`key+: [...]` appends to a list that an earlier layer gave. Maps merge without it, and scalars "
    "are replaced.\n\nBad:\n    tools+: { bash: ask }\nGood:\n    tools: { bash: ask }",
)
NOTHING_TO_REMOVE = Code(
    "AF224",
    "nothing-to-remove",
    _E,
    "`key-` names something that is not there.",
    "`key-: [...]` takes items out of a list, or keys out of a map, that earlier layers gave. What is "
    "not there cannot be taken out: the layer below has changed, or there is a typing mistake."
    "\n\nBad:\n    tools: { read: ask }\n    tools-: [bash]\nGood:\n    tools: { read: ask }",
)
FIXED_KEY = Code(
    "AF225",
    "fixed-key",
    _E,
    "Key can only stand in the spec itself.",
    "`apiVersion`, `kind`, `name`, `title`, `extends` and `abstract` say which spec it is. Defaults, "
    "overlays and `--set` do not change them."
    "\n\nBad:\n    patch: { agent/writer: { name: author } }\nGood:\n"
    "    patch: { agent/writer: { description: Writes as an author. } }",
)
PATCHES_NOTHING = Code(
    "AF226",
    "patches-nothing",
    _E,
    "Patch is for a spec that does not exist.",
    "An overlay or `--set` names a spec by its address: `agent/writer`, or `agent/*` in an overlay. "
    "A patch that changes nothing would be a change that silently never happens."
    "\n\nBad:\n    patch: { agent/writr: { budget: { usd: 1 } } }\nGood:\n"
    "    patch: { agent/writer: { budget: { usd: 1 } } }",
)
LOOSENED = Code(
    "AF227",
    "loosened",
    _E,
    "Overlay loosens what the spec says.",
    "A reviewed spec says what an agent may touch and spend. An overlay or `--set` that adds tools or "
    "hosts, lets a tool run without asking, or raises a budget needs the target's permission: "
    "`loosen: [tools, hosts, budget]`."
    "\n\nBad:\n    targets: { dev: { service: local } }\nGood:\n    targets: { dev: { service: local, loosen: [tools] } }",
)
BAD_SET = Code(
    "AF228",
    "bad-set",
    _E,
    "`--set` is malformed.",
    "Write an address, a path and a value: `--set agent/writer.budget.usd=3`. The value is YAML, so "
    "`[a, b]` is a list; `done+=[...]` appends."
    "\n\nBad:\n    agentflow compile --set budget.usd=3\nGood:\n"
    "    agentflow compile --set agent/writer.budget.usd=3",
)
UNKNOWN_SECRET = Code(
    "AF229",
    "unknown-secret",
    _E,
    "Secret is not declared.",
    "`${secret.x}` needs an entry `x` below `secrets` of the project, which says where it is read: "
    "`env:NAME`, `file:PATH` or `keyring:service/user`. The secret itself is only read by apply."
    '\n\nBad:\n    bearer: "${secret.crm}"\nGood:\n    secrets: { crm: "env:CRM_TOKEN" }',
)
ABSTRACT_USED = Code(
    "AF230",
    "abstract-used",
    _E,
    "Reference to an abstract spec.",
    "A spec with `abstract: true` is there to be extended. It is not created on a service, so nothing "
    "can run it or run in it."
    "\n\nBad:\n    team: { subagents: [base] }\nGood:\n    team: { subagents: [writer] }",
)

UNKNOWN_MODULE = Code(
    "AF250",
    "unknown-module",
    _E,
    "A reference to code names no module of the project.",
    "`run:` and `check:` name Python code as `package.module:function`. The module is looked up as "
    "`package/module.py` or `package/module/__init__.py` from the project directory."
    "\n\nBad:\n    custom: { rate: { run: 'dsek.tools:rate' } }\nGood:\n"
    "    custom: { rate: { run: 'desk.tools:rate' } }",
)
UNKNOWN_FUNCTION = Code(
    "AF251",
    "unknown-function",
    _E,
    "The module has no such function.",
    "The name stands at the top level of the module, for a function and not for a class: defined, "
    "imported or made there."
    "\n\nBad:\n    class Desk:\n        def rate(currency: str) -> float: ...\nGood:\n"
    "    def rate(currency: str) -> float:\n"
    '        """The rate of a currency in euro."""',
)
CALLABLE_SIGNATURE = Code(
    "AF252",
    "callable-signature",
    _E,
    "The function's parameters have no JSON form.",
    "The schema of a custom tool is read from type hints: str, int, float, bool, list[X], "
    "dict[str, X], Literal, X | None, Annotated, dataclasses, typed dictionaries, enums, and what "
    "pydantic knows. A type that is made of itself has none, as the service takes no `$ref`. For "
    "other signatures write `input_schema`."
    "\n\nBad:\n    def rate(currency) -> float: ...\nGood:\n"
    "    def rate(currency: str) -> float:\n"
    '        """The rate of a currency in euro."""',
)
BAD_PYTHON = Code(
    "AF253",
    "bad-python",
    _E,
    "A module that a spec names is not valid Python.",
    "The module would fail to load when the tool is called.",
)
APPROVAL_TOOL = Code(
    "AF254",
    "approval-tool",
    _E,
    "Approval rule names no tool that asks.",
    "A rule decides what happens when a tool asks. For a tool that the agent does not have, "
    "or that is always allowed, it decides nothing. What an overlay takes away may keep its rules."
    "\n\nBad:\n    tools: { bash: allow }\n    approvals: [{ tool: bash, answer: deny }]\n"
    "Good:\n    tools: { bash: ask }\n    approvals: [{ tool: bash, answer: deny }]",
)
APPROVAL_ARGUMENT = Code(
    "AF255",
    "approval-argument",
    _E,
    "Approval rule matches an argument that the tool does not have.",
    "The rule could never match, so the call would be denied. The built-in file tools call "
    "their path `file_path`."
    "\n\nBad:\n    tools: { read: ask }\n"
    "    approvals: [{ tool: read, match: { path: /tmp/* }, answer: allow }]\n"
    "Good:\n    tools: { read: ask }\n    approvals: [{ tool: read, match: { file_path: /tmp/* }, answer: allow }]",
)
APPROVAL_UNREACHABLE = Code(
    "AF256",
    "approval-unreachable",
    _E,
    "Approval rule is never reached.",
    "The first rule that matches wins. A rule behind a wider one decides nothing, which is "
    "dangerous if it was meant to deny."
    "\n\nBad:\n    tools: { bash: ask, read: ask }\n"
    '    approvals: [{ tool: "*", answer: allow }, { tool: bash, answer: deny }]\n'
    'Good:\n    tools: { bash: ask, read: ask }\n    approvals: [{ tool: bash, answer: deny }, { tool: "*", answer: allow }]',
)
UNKNOWN_ARGUMENT = Code(
    "AF257",
    "unknown-argument",
    _E,
    "Rule names an argument that the tool does not have.",
    "`arguments` restricts arguments of a custom tool by their names. A rule for another name "
    "restricts nothing."
    "\n\nBad:\n    arguments: { curency: { deny: [XXX] } }\nGood:\n"
    "    arguments: { currency: { deny: [XXX] } }",
)
UNKNOWN_RECORD = Code(
    "AF258",
    "unknown-record",
    _E,
    "Assumptions are recorded in a file that is no output.",
    "`uncertainty.record` names an output, by its name or its path, so that what is written "
    "there is delivered."
    "\n\nBad:\n    outputs: { report: { path: report.md } }\n"
    "    uncertainty: { mode: assume, record: assumptions }\nGood:\n"
    "    outputs: { report: { path: report.md } }\n"
    "    uncertainty: { mode: assume, record: report }",
)
BAD_SCHEMA_FILE = Code(
    "AF259",
    "bad-schema-file",
    _E,
    "Schema file cannot be read as a schema.",
    "The file holds one JSON or YAML object: the JSON Schema of the output."
    '\n\nBad:\n    [{ "type": "object" }]\nGood:\n    { "type": "object" }',
)
CALLABLE_MISMATCH = Code(
    "AF260",
    "callable-mismatch",
    _E,
    "Function cannot be called as the spec says.",
    "A custom tool is called with the properties of its input schema as keyword arguments, a "
    "check with one argument: the outputs by name, as paths. A call that does not fit fails "
    "in every run."
    "\n\nBad:\n    def complete(): ...\nGood:\n    def complete(outputs): ...",
)
REFERENCE_CYCLE = Code(
    "AF261",
    "reference-cycle",
    _E,
    "Resources need each other's ids.",
    "`${ref.…}` is filled in with the id of a resource that exists already. Resources that refer to "
    "each other in a circle, or to themselves, cannot be created in any order."
    "\n\nBad:\n    kind: Agent\n    name: writer\n"
    '    metadata: { me: "${ref.agent.writer.id}" }\nGood:\n    kind: Agent\n    name: writer\n'
    '    metadata: { box: "${ref.environment.box.id}" }',
)
CALLABLE_IMPORT = Code(
    "AF262",
    "callable-import",
    _E,
    "Module of a function cannot be imported.",
    "The schema of a custom tool is read from the source where that tells it. Where it does not, for "
    "types of other packages or a function that a decorator makes, the module is imported in a "
    "process of its own, which has ten seconds. It needs the packages it imports, and must not do "
    "its work on import. With `input_schema` and `description` written out nothing is imported.",
)

MCP_AUTH = Code(
    "AF263",
    "mcp-auth",
    _E,
    "Credential is not for this MCP server.",
    "The service finds the credential of a server by its URL: scheme, host, port and path have to be "
    "the same; case of the host, a default port and a slash at the end do not count. Variables are "
    "for programs in the sandbox, not for MCP servers.\n\n"
    "Bad:\n    mcp: { crm: { url: 'https://crm.northwind.dev/mcp', auth: desk.crm } }\n"
    '    credentials: { crm: { url: "https://crm.northwind.dev", bearer: "${secret.crm}" } }\n'
    'Good:\n    credentials: { crm: { url: "https://crm.northwind.dev/mcp", bearer: "${secret.crm}" } }',
)
MCP_SERVERS = Code(
    "AF264",
    "mcp-servers",
    _E,
    "MCP servers are more than the service takes, or the same twice.",
    "An agent has at most 20 servers, 128 entries of tools and 256 tools. One server under two names "
    "would offer each of its tools twice, with two policies.\n\n"
    "Bad:\n    mcp: { a: { url: 'https://x.dev/mcp' }, b: { url: 'https://X.dev/mcp/' } }\n"
    "Good:\n    mcp: { a: { url: 'https://x.dev/mcp' } }",
)
TEAM_MEMBER = Code(
    "AF265",
    "team-member",
    _E,
    "Agent cannot be a member of the team.",
    "The members of a team are different agents without a team of their own: work is handed on once, "
    "never further. An agent puts copies of itself to work as `self`.\n\n"
    "Bad:\n    team: { subagents: [writer, agent/writer] }\n"
    "Good:\n    team: { subagents: [writer, self] }",
)
GEO_DIFFERS = Code(
    "AF266",
    "geo-differs",
    _E,
    "Members of a team run in different places.",
    "The service refuses a team whose agents do not all name the same `geo` below `model`, or all "
    "none.\n\n"
    "Bad:\n    model: { id: claude-opus-5-5, geo: us }   # and a member without `geo`\n"
    "Good:\n    model: { id: claude-opus-5-5, geo: us }   # in each of them",
)
WEAK_ADVISOR = Code(
    "AF267",
    "weak-advisor",
    _E,
    "Advisor is less capable than the agent's own model.",
    "The service takes an advisor only if it is at least as capable as the model it advises.\n\n"
    "Bad:\n    model: claude-opus-5-5\n    team: { advisor: claude-haiku-4-5 }\n"
    "Good:\n    model: claude-sonnet-5-5\n    team: { advisor: claude-opus-5-5 }",
)
SKILL_UNUSABLE = Code(
    "AF268",
    "skill-unusable",
    _E,
    "Skill cannot be used as declared.",
    "A skill is a folder of files that the agent reads: the service refuses skills without the tool "
    "`read`. Each skill is named once.\n\n"
    "Bad:\n    skills: [anthropic/xlsx]\n"
    "Good:\n    skills: [anthropic/xlsx]\n    tools: { read: allow }",
)
CREDENTIAL_TWICE = Code(
    "AF269",
    "credential-twice",
    _E,
    "Vault has two credentials for the same thing.",
    "Within a vault the URL of an MCP server, and the name of a variable, is the key of a credential: "
    "the service refuses a second one.\n\n"
    "Bad:\n    credentials:\n"
    '      read: { url: "https://x.dev/mcp", bearer: "${secret.read}" }\n'
    '      write: { url: "https://x.dev/mcp/", bearer: "${secret.write}" }\n'
    "Good:\n    kind: Vault\n    name: reader\n"
    '    credentials: { x: { url: "https://x.dev/mcp", bearer: "${secret.read}" } }\n'
    "    ---\n    kind: Vault\n    name: writer\n"
    '    credentials: { x: { url: "https://x.dev/mcp", bearer: "${secret.write}" } }',
)
POLICY_VIOLATED = Code(
    "AF270",
    "policy-violated",
    _E,
    "Spec does not meet a policy of the project.",
    "A Policy says what specs of the project may not do on a target, whatever overlays and `--set` "
    "say. The message shows its reason. Change the spec, or have the policy changed.\n\n"
    "Bad:\n    budget: { usd: 50 }   # where a policy has `max_budget: { usd: 5 }`\n"
    "Good:\n    budget: { usd: 5 }",
)
SELF_HOSTED = Code(
    "AF271",
    "self-hosted",
    _E,
    "Self-hosted environment does not take this.",
    "On machines of your own the service mounts no files and repositories, puts in no variables of "
    "vaults and collects no outputs: your workers have the files, and deliver.\n\n"
    "Bad:\n    environment: own   # with `hosting: self-hosted`\n    files: { rates: ./rates.csv }\n"
    "Good:\n    environment: cloud\n    files: { rates: ./rates.csv }",
)
MOUNT = Code(
    "AF272",
    "mount-collision",
    _E,
    "Two things would be mounted at the same place.",
    "Every file, repository and memory store of a session has a path of its own, and none lies inside "
    "of another one.\n\n"
    "Bad:\n    files: { a: ./a/data.csv, b: ./b/data.csv }\n"
    "Good:\n    files: { a: ./a/data.csv, b: { path: ./b/data.csv, mount: /b.csv } }",
)
CREDENTIAL_HOST = Code(
    "AF273",
    "credential-host",
    _E,
    "Variable is for a host that the environment does not reach.",
    "The value of a variable is put in on the way to the hosts its credential names. The environment "
    "has to let every one of them through, or the session reports `credential_host_unreachable`.\n\n"
    'Bad:\n    variable: { name: TOKEN, value: "${secret.t}", hosts: [api.northwind.dev] }\n'
    "    # in an environment with `network: {}`\n"
    "Good:\n    network: { hosts: [api.northwind.dev] }",
)
SESSION_LIMIT = Code(
    "AF274",
    "session-limit",
    _E,
    "Session is given more than the service takes.",
    "A session takes at most 500 files and repositories, 8 memory stores, each once, and 50 vaults. "
    "Vaults that `mcp` names by `auth` count too.\n\n"
    "Bad:\n    memory: [notes, memorystore/notes]\n"
    "Good:\n    memory: [notes]",
)
SCHEDULE = Code(
    "AF275",
    "bad-schedule",
    _E,
    "Schedule is not a cron expression of five fields.",
    "Minute, hour, day of month, month and day of week (0 to 7, both ends Sunday), each `*`, a number, a "
    "name (`MON`, `JAN`), a range, a list or a step. Seconds, `L`, `W`, `#`, `?` and shortcuts such as "
    "`@daily` are not taken.\n\n"
    'Bad:\n    schedule: { cron: "@daily", timezone: Europe/Berlin }\n'
    'Good:\n    schedule: { cron: "0 9 * * *", timezone: Europe/Berlin }',
)
TIMEZONE = Code(
    "AF276",
    "unknown-timezone",
    _E,
    "Time zone is not known.",
    "A zone is an IANA name, such as Europe/Berlin or UTC: an offset or an abbreviation would not know "
    "about summer time.\n\n"
    "Bad:\n    timezone: CEST\n"
    "Good:\n    timezone: Europe/Berlin",
)
DEPLOYMENT_INCOMPLETE = Code(
    "AF277",
    "deployment-incomplete",
    _E,
    "Deployment does not say what it needs.",
    "Nobody is there to ask when a deployment starts: it says its environment and its task, or its agent "
    "does.\n\n"
    "Bad:\n    kind: Deployment\n    agent: analyst   # whose spec has no `task`\n"
    "Good:\n    kind: Deployment\n    agent: analyst\n    task: Analyse the orders of last month.",
)
GIVEN_INPUT = Code(
    "AF278",
    "given-input",
    _E,
    "Given inputs are not those of the agent.",
    "Deployments, tests and steps of flows give values to the inputs that their agent declares: each by "
    "its name, of its type, one of its choices, and those without a default always.\n\n"
    "Bad:\n    inputs: { regoin: emea }\n"
    "Good:\n    inputs: { region: emea }",
)
UNANSWERED = Code(
    "AF279",
    "unattended-question",
    _E,
    "Nobody answers what the deployment will wait for.",
    "A session waits without end for the answer to a tool that asks, to a custom tool and to a question. "
    "A deployment starts by itself, so it says who answers: `answered_by` names a process that listens, "
    "or a person.\n\n"
    "Bad:\n    kind: Deployment\n    agent: clerk   # with `tools: { bash: ask }`\n"
    "Good:\n    kind: Deployment\n    agent: clerk\n    answered_by: the desk's worker on host a7",
)
STEP_NEEDS = Code(
    "AF280",
    "step-needs",
    _E,
    "Steps of a flow cannot be brought into an order.",
    "`needs` names other steps of the flow, and no chain of them leads back.\n\n"
    "Bad:\n    steps: { a: { agent: x, needs: [b] }, b: { agent: y, needs: [a] } }\n"
    "Good:\n    steps: { a: { agent: x }, b: { agent: y, needs: [a] } }",
)
STEP_PATH = Code(
    "AF281",
    "step-path",
    _E,
    "Path leads to nothing that a step can have.",
    "A step takes values from `inputs.NAME` of the flow and from `steps.NAME.outputs.OUTPUT` of the steps "
    "it needs, also through other steps; of JSON outputs also what is inside. A step that is not in "
    "`needs` may not have run.\n\n"
    "Bad:\n    inputs: { text: { from: steps.draft.report } }\n"
    "Good:\n    needs: [draft]\n    inputs: { text: { from: steps.draft.outputs.report } }",
)
CONDITION = Code(
    "AF282",
    "bad-condition",
    _E,
    "Condition cannot be read.",
    "`when` compares paths and literals with `==`, `!=`, `<`, `<=`, `>`, `>=` and `in`, joined by `and`, "
    "`or`, `not` and parentheses. Text is quoted; lists are written `[1, 2]`.\n\n"
    "Bad:\n    when: steps.check.outputs.verdict = ok\n"
    'Good:\n    when: steps.check.outputs.verdict == "ok"',
)
TEST_EXPECTS = Code(
    "AF283",
    "test-expectation",
    _E,
    "Test expects what its agent does not have.",
    "A test names tools, outputs and arguments of its agent. One that expects others could only fail, or "
    "hold without having tested anything.\n\n"
    "Bad:\n    expect: { tools: { never: [bsh] } }\n"
    "Good:\n    expect: { tools: { never: [bash] } }",
)

MCP_UNREACHABLE = Code(
    "AF284",
    "mcp-unreachable",
    _E,
    "Environment does not let an MCP server through.",
    "In a limited network a session reaches the MCP servers of its agent, and of that agent's team, "
    "only if the environment says so: `mcp: inferred` lets all of them through, an entry of `hosts` "
    "one.\n\n"
    "Bad:\n    network: { hosts: [docs.python.org] }\n"
    "Good:\n    network: { hosts: [docs.python.org], mcp: inferred }",
)

SYSTEM_UNSUPPORTED = Code(
    "AF285",
    "system-unsupported",
    _E,
    "Model takes no message of the system.",
    "`system` of a deployment is sent beside its task, which older models refuse: the session would not "
    "start. The system prompt of the agent reaches every model.\n\n"
    "Bad:\n    kind: Deployment\n    agent: clerk   # with `model: claude-sonnet-4-5`\n"
    "    system: Today nobody is at the desk.\n"
    "Good:\n    kind: Deployment\n    agent: clerk   # with `model: claude-sonnet-5-5`\n"
    "    system: Today nobody is at the desk.",
)

UNKNOWN_POOL = Code(
    "AF286",
    "unknown-pool",
    _E,
    "Pool is not one of the project.",
    "`budget.pools` of an agent names pools that the project declares below `pools`: what the runs of "
    "several agents may spend together. Each is named once."
    "\n\nBad:\n    budget: { usd: 2, pools: [dsk] }\nGood:\n    budget: { usd: 2, pools: [desk] }",
)

# AF3: templates

TEMPLATE_SYNTAX = Code(
    "AF301",
    "template-syntax",
    _E,
    "The template cannot be parsed.",
    'Prompts and tasks are Jinja: `{{ value }}`, `{% if %}`, `{% for %}`, `{% include "./part.md" %}`. '
    "Text that happens to hold delimiters goes between `{% raw %}` and `{% endraw %}`."
    "\n\nBad:\n    {% if vars.strict %}Be strict.\nGood:\n"
    "    {% if vars.strict %}Be strict.{% endif %}",
)
TEMPLATE_UNDEFINED = Code(
    "AF302",
    "template-undefined",
    _E,
    "The template uses a name that is not defined.",
    "A prompt sees `vars` and the policy sections, a task sees `vars` and `inputs`, a fragment its "
    "`params` too, and the wording of a section the policies as data. An undefined name "
    "is an error, because an empty place in a prompt is seen by nobody. A value that may be missing "
    "is written `{{ vars.x | default('…') }}` or asked for with `{% if vars.x is defined %}`."
    "\n\nBad:\n    Work for {{ vars.compny }}.\nGood:\n    Work for {{ vars.company }}.",
)
TEMPLATE_INPUTS_IN_PROMPT = Code(
    "AF303",
    "template-inputs-in-prompt",
    _E,
    "The system prompt uses an input of a run.",
    "The system prompt is part of the agent, which is created once and serves many runs; inputs are "
    "known when a run starts. What depends on an input belongs in `task`. This also keeps the prompt "
    "the same for every run, so that it is read from the cache. A fragment that uses `inputs` can be "
    "put into tasks only."
    '\n\nBad:\n    prompt: "Report on {{ inputs.region }}."\nGood:\n'
    '    prompt: You write reports.\n    task: "Report on {{ inputs.region }}."',
)
TEMPLATE_INCLUDE = Code(
    "AF304",
    "template-include",
    _E,
    "An include does not name a file beside the template.",
    "An include is a literal path that starts with `./` or `../`, relative to the file it stands in, "
    "and stays inside the project; or `fragment/name`. Names that are computed cannot be checked "
    "before a run."
    '\n\nBad:\n    {% include "rules.md" %}\nGood:\n    {% include "./rules.md" %}',
)
TEMPLATE_INCLUDE_CYCLE = Code(
    "AF305",
    "template-include-cycle",
    _E,
    "Templates include each other in a circle.",
    "The chain is given in the message, with fragments by their address. Move what both need into a "
    "file or a fragment of its own.",
)
TEMPLATE_FORBIDDEN = Code(
    "AF306",
    "template-forbidden",
    _E,
    "The template uses something that templates may not use.",
    "Templates are rendered in a sandbox: no imports, no inheritance, no recursive loops, no private "
    "attributes, and only the methods that read text, lists and maps."
    '\n\nBad:\n    {% extends "./base.md" %}\nGood:\n    {% include "./base.md" %}',
)
TEMPLATE_UNKNOWN_FILTER = Code(
    "AF307",
    "template-unknown-filter",
    _E,
    "The template uses a filter or test that does not exist.",
    "The filters are: abs, capitalize, count, default, dictsort, first, float, indent, int, items, "
    "join, last, length, list, lower, map, max, min, reject, rejectattr, replace, reverse, round, "
    "select, selectattr, sort, string, sum, title, tojson, trim, unique, upper, wordcount. The tests "
    "are those of Jinja, such as `is defined` and `is none`."
    "\n\nBad:\n    {{ vars.company | uper }}\nGood:\n    {{ vars.company | upper }}",
)
TEMPLATE_TOO_LARGE = Code(
    "AF308",
    "template-too-large",
    _E,
    "Rendering the template passes a limit.",
    "A rendered text has at most 100,000 characters, which is what the service takes as a system "
    "prompt; includes and fragments are nested at most ten deep; a text has at most 30,000 words and "
    "signs in its tags; loops, macros, operators, filters and methods are metered, so that no template "
    "takes more than a moment."
    "\n\nBad:\n    {% for n in range(1000000) %}{{ n }}{% endfor %}\nGood:\n"
    "    {% for n in range(10) %}{{ n }}{% endfor %}",
)
TEMPLATE_FAILED = Code(
    "AF309",
    "template-failed",
    _E,
    "The template failed while it was rendered.",
    "Usually an operator or filter met a value of a type it cannot take."
    "\n\nBad:\n    {{ vars.company / 2 }}\nGood:\n    {{ vars.days / 2 }}",
)
TEMPLATE_SECTION = Code(
    "AF310",
    "template-section",
    _E,
    "A policy section does not reach the model exactly once.",
    "A section such as `{{ outputs_section }}` may be placed once, as it is. A prompt that does not "
    "place it gets it at the end. Placed twice, or changed on the way, what the model is told and "
    "what the runtime enforces would come apart. For the same reason a wording of your own, below "
    "`sections`, has to say something where the policy is declared."
    "\n\nBad:\n    {{ outputs_section | upper }}\nGood:\n    {{ outputs_section }}",
)
TEMPLATE_EMPTY = Code(
    "AF311",
    "template-empty",
    _E,
    "The rendered text is empty.",
    "An agent without instructions, or a run without a task, does nothing that was asked for."
    "\n\nBad:\n    {# Write this later. #}\nGood:\n    You write reports.",
)

FRAGMENT_PARAMETER = Code(
    "AF312",
    "fragment-parameter",
    _E,
    "A parameter of a fragment does not fit.",
    "A fragment declares its parameters with types below `params`. A parameter without a default must "
    "be given, and nothing else can be.\n\n"
    'Bad:\n    {{ fragment("evidence-rules", strict="high") }}\n'
    'Good:\n    {{ fragment("evidence-rules", strictness="high") }}',
)
FRAGMENT_CALL = Code(
    "AF313",
    "fragment-call",
    _E,
    "A fragment is not used in a way that can be checked.",
    'A fragment is put in with `{% include "fragment/name" %}` or `{{ fragment("name", x=1) }}`: by a '
    "literal name, with named parameters, and alone between the braces. So a wrong name or parameter "
    "is found when the project is compiled, and nothing can change the text on the way.\n\n"
    'Bad:\n    {{ fragment("rules") | upper }}\n'
    'Good:\n    {{ fragment("rules") }}',
)

# AF4: plan and state

DRIFT = Code(
    "AF401",
    "drift",
    _E,
    "The resource was changed on the service.",
    "Somebody changed it outside agentflow after it was last applied, for instance in the Console. "
    "Applying the spec would undo that without a word, so plan stops here. Take the change into the "
    "spec, or say what should win: `--overwrite-drift` sends the spec, `--accept-drift` leaves the "
    "resource as it is and records that this was decided.",
)
DRIFT_AND_EDIT = Code(
    "AF402",
    "drift-and-edit",
    _E,
    "The resource was changed on the service and in the spec.",
    "Both sides moved since it was last applied. The differences show what applying the spec would "
    "replace; take what should stay into the spec, then apply with `--overwrite-drift`. There is no "
    "`--accept-drift` here: it would leave the edit of the spec unapplied.",
)
TWO_OWNERS = Code(
    "AF403",
    "two-resources-of-one-address",
    _E,
    "Two resources on the service belong to one address.",
    "The ownership metadata of both names the same project, target and address, so it cannot be told "
    "which one is meant; a resource that was copied with its metadata looks like this. Archive one, "
    "or remove its `agentflow.` metadata.",
)
WRONG_WORKSPACE = Code(
    "AF404",
    "wrong-workspace",
    _E,
    "The key belongs to another workspace.",
    "Either the target names a workspace, or it was applied to one before; this key belongs to "
    "another. Everything would be created a second time there. Use the key of the right workspace. If "
    "the move is meant, change `workspace` of the target, or delete its file in `.agentflow/state/`.",
)
STATE_REBUILT = Code(
    "AF405",
    "state-rebuilt",
    _W,
    "The state file was damaged and is made again.",
    "The file is a cache: the service knows what belongs to the project, by ownership metadata. The "
    "next apply writes a new one; nothing is created twice.",
)
FIXED_ON_SERVICE = Code(
    "AF406",
    "fixed-on-service",
    _E,
    "The service never changes this once the resource exists.",
    "An environment stays what it was created as: in the cloud, or on machines of your own. The "
    "update would be refused halfway through the plan. Give the spec another name, so that a new "
    "environment is made, and archive the old one once no session needs it."
    "\n\nBad:\n    kind: Environment\n    name: build # applied as cloud\n    hosting: self-hosted\n"
    "Good:\n    kind: Environment\n    name: build-own\n    hosting: self-hosted",
)

CODES: dict[str, Code] = {
    code.id: code for code in list(globals().values()) if isinstance(code, Code)
}
"""By id."""
