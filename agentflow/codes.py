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
    "file beside the spec that names it.",
)
NOT_A_FILE = Code(
    "AF002",
    "not-a-file",
    _E,
    "Path is not a regular file.",
    "A directory, a pipe or a device stands where a file was expected. Only regular "
    "files are read.",
)
OUTSIDE_PROJECT = Code(
    "AF003",
    "outside-project",
    _E,
    "File lies outside of the project.",
    "Specs read only what is below the directory of `agentflow.yaml`, so that a "
    "checkout is complete and a spec cannot pull in other files of the machine. Links "
    "that lead out count as outside.",
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
    "Problems after it show up once it is mended.",
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
    "because the other value was meant to count too.",
)
TAG = Code(
    "AF013",
    "yaml-tag",
    _E,
    "YAML tag used.",
    "Specs are plain data. Tags such as `!Ref` or `!!python/name` have no meaning here.",
)
KEY_NOT_TEXT = Code(
    "AF014",
    "key-not-text",
    _E,
    "Key is not text.",
    "Keys are text: numbers, `true`, `null`, lists and mappings must be quoted to "
    "become keys. A line that starts with `{{` is read as a mapping too, and has to "
    "be quoted.",
)
MERGE_KEY = Code(
    "AF015",
    "merge-key",
    _E,
    "Merge key used.",
    "`<<` belongs to an older YAML, and its order of precedence surprises. Write the "
    "keys out or use a variable.",
)
BAD_ALIAS = Code(
    "AF016",
    "bad-alias",
    _E,
    "Alias names nothing that can be repeated.",
    "An alias repeats a value that an anchor named before it, and can neither come "
    "first nor contain itself.",
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
    "the file is binary or was damaged.",
)
BAD_NUMBER = Code(
    "AF020",
    "bad-number",
    _E,
    "Number cannot be used.",
    "Infinity, not-a-number and numbers with dozens of digits have no meaning in a "
    "spec. Quote the value if it is text.",
)
YAML_VERSION = Code(
    "AF021",
    "yaml-version",
    _E,
    "Other version of YAML declared.",
    "Specs are YAML 1.2: `yes`, `no`, `on` and `off` are text. A directive for "
    "another version would promise something else.",
)
EMPTY_FILE = Code(
    "AF022",
    "empty-file",
    _E,
    "File holds no spec.",
    "The file is empty or has only comments. Delete it or write a spec.",
)

# AF1: the shape of a spec

API_VERSION_MISSING = Code(
    "AF101",
    "api-version-missing",
    _E,
    "`apiVersion` is missing.",
    "The first document of each file says which version of the language it is written "
    "in: `apiVersion: agentflow/v1`.",
)
API_VERSION_UNKNOWN = Code(
    "AF102",
    "api-version-unknown",
    _E,
    "`apiVersion` is not known.",
    "This version of agentflow reads `agentflow/v1`.",
)
KIND_MISSING = Code(
    "AF103",
    "kind-missing",
    _E,
    "`kind` is missing.",
    "Each document says what it declares by its `kind`.",
)
KIND_UNKNOWN = Code(
    "AF104",
    "kind-unknown",
    _E,
    "`kind` is not known.",
    "The kinds are listed in the README. They are written with a capital letter.",
)
NOT_A_MAPPING = Code(
    "AF105",
    "not-a-mapping",
    _E,
    "Document is not a mapping.",
    "A spec is a mapping of keys to values, not a list or a single text.",
)
DUPLICATE_ADDRESS = Code(
    "AF106",
    "duplicate-address",
    _E,
    "Two specs have the same address.",
    "Kind and name together are the identity of a spec, in the project and on the "
    "service. They have to be unique, whichever files the specs are in.",
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
    "Unknown keys are errors, because a misspelt limit that is ignored is worse than none.",
)
MISSING_KEY = Code(
    "AF111",
    "missing-key",
    _E,
    "Key is missing.",
    "The key has no default.",
)
WRONG_TYPE = Code(
    "AF112",
    "wrong-type",
    _E,
    "Value has the wrong type.",
    "Text, numbers, true or false, lists and mappings are not converted into each "
    "other. Quote a value to make it text.",
)
UNKNOWN_WORD = Code(
    "AF113",
    "unknown-word",
    _E,
    "Word is not one of the allowed ones.",
    "The field takes one of a few words.",
)
MALFORMED = Code(
    "AF114",
    "malformed-value",
    _E,
    "Value is malformed.",
    "The value has the right type but not the form its field needs.",
)
OUT_OF_RANGE = Code(
    "AF115",
    "out-of-range",
    _E,
    "Value is out of range.",
    "The value is too large, too small, too long or too short.",
)

# AF2: references and substitution

UNKNOWN_REFERENCE = Code(
    "AF201",
    "unknown-reference",
    _E,
    "Reference names nothing.",
    "A spec refers to another by its name. References are looked up in the whole "
    "project, whichever file a spec is in; `id:…` names something that agentflow does "
    "not manage.",
)
BAD_SUBSTITUTION = Code(
    "AF202",
    "bad-substitution",
    _E,
    "Substitution is malformed.",
    "`${var.x}`, `${env.X}`, `${env.X:-default}`, `${env.X:?message}`, `${secret.x}` "
    "and `${ref.agent.name.id}` are replaced when the project is read. Write `$${` "
    "for a literal `${`.",
)
UNKNOWN_VARIABLE = Code(
    "AF203",
    "unknown-variable",
    _E,
    "Variable is not declared.",
    "Variables are declared below `vars` of the project or of the agent that uses them.",
)
ENV_MISSING = Code(
    "AF204",
    "environment-variable-missing",
    _E,
    "Environment variable is not set.",
    "`${env.X}` needs the variable; `${env.X:-default}` works without it.",
)
VARIABLE_UNSET = Code(
    "AF205",
    "variable-without-value",
    _E,
    "Variable has no value.",
    "A variable without a default needs a value from the command line (`--var "
    "name=value`) or from the target.",
)
VARIABLE_CYCLE = Code(
    "AF206",
    "variable-cycle",
    _E,
    "Variables refer to each other in a circle.",
    "The default of a variable may use other variables, as long as the chain ends.",
)
VARIABLE_VALUE = Code(
    "AF207",
    "variable-value",
    _E,
    "Value does not fit the variable.",
    "The value has to be of the declared type, and one of the listed values where "
    "there is an `enum`.",
)
SECRET_NOT_ALLOWED = Code(
    "AF208",
    "secret-not-allowed",
    _E,
    "Secret used where it would be stored.",
    "`${secret.x}` is legal only in fields that keep secrets. Everything else becomes "
    "part of a payload, a plan and a log.",
)
UNKNOWN_TARGET = Code(
    "AF209",
    "unknown-target",
    _E,
    "Target does not exist.",
    "Targets are declared below `targets` of the project; `local` always exists.",
)
UNDECLARED_VALUE = Code(
    "AF210",
    "undeclared-value",
    _E,
    "Value is set for a variable that nobody declares.",
    "A value on the command line or in a target is for a declared variable; otherwise "
    "a typing mistake would go unnoticed.",
)

# AF3: templates

TEMPLATE_SYNTAX = Code(
    "AF301",
    "template-syntax",
    _E,
    "The template cannot be parsed.",
    "Prompts and tasks are Jinja: `{{ value }}`, `{% if %}`, `{% for %}`, `{% include \"./part.md\" %}`. "
    "Text that happens to hold delimiters goes between `{% raw %}` and `{% endraw %}`.",
)
TEMPLATE_UNDEFINED = Code(
    "AF302",
    "template-undefined",
    _E,
    "The template uses a name that is not defined.",
    "A prompt sees `vars` and the policy sections, a task sees `vars` and `inputs`. An undefined name "
    "is an error, because an empty place in a prompt is seen by nobody. A value that may be missing "
    "is written `{{ vars.x | default('…') }}` or asked for with `{% if vars.x is defined %}`.",
)
TEMPLATE_INPUTS_IN_PROMPT = Code(
    "AF303",
    "template-inputs-in-prompt",
    _E,
    "The system prompt uses an input of a run.",
    "The system prompt is part of the agent, which is created once and serves many runs; inputs are "
    "known when a run starts. What depends on an input belongs in `task`. This also keeps the prompt "
    "the same for every run, so that it is read from the cache.",
)
TEMPLATE_INCLUDE = Code(
    "AF304",
    "template-include",
    _E,
    "An include does not name a file beside the template.",
    "An include is a literal path that starts with `./` or `../`, relative to the file it stands in, "
    "and stays inside the project. Names that are computed cannot be checked before a run.",
)
TEMPLATE_INCLUDE_CYCLE = Code(
    "AF305",
    "template-include-cycle",
    _E,
    "Templates include each other in a circle.",
    "The chain is given in the message. Move what both need into a file of its own.",
)
TEMPLATE_FORBIDDEN = Code(
    "AF306",
    "template-forbidden",
    _E,
    "The template uses something that templates may not use.",
    "Templates are rendered in a sandbox: no imports, no inheritance, no recursive loops, no private "
    "attributes, and only the methods that read text, lists and maps.",
)
TEMPLATE_UNKNOWN_FILTER = Code(
    "AF307",
    "template-unknown-filter",
    _E,
    "The template uses a filter or test that does not exist.",
    "The filters are: abs, capitalize, count, default, dictsort, first, float, indent, int, items, "
    "join, last, length, list, lower, map, max, min, reject, rejectattr, replace, reverse, round, "
    "select, selectattr, sort, string, sum, title, tojson, trim, unique, upper, wordcount. The tests "
    "are those of Jinja, such as `is defined` and `is none`.",
)
TEMPLATE_TOO_LARGE = Code(
    "AF308",
    "template-too-large",
    _E,
    "Rendering the template passes a limit.",
    "A rendered text has at most 100,000 characters, which is what the service takes as a system "
    "prompt; includes are nested at most ten deep; loops, macros and operators are metered, so that "
    "no template takes more than a moment.",
)
TEMPLATE_FAILED = Code(
    "AF309",
    "template-failed",
    _E,
    "The template failed while it was rendered.",
    "Usually an operator or filter met a value of a type it cannot take.",
)
TEMPLATE_SECTION = Code(
    "AF310",
    "template-section",
    _E,
    "A policy section does not reach the model exactly once.",
    "A section such as `{{ outputs_section }}` may be placed once, as it is. A prompt that does not "
    "place it gets it at the end. Placed twice, or changed on the way, what the model is told and "
    "what the runtime enforces would come apart.",
)
TEMPLATE_EMPTY = Code(
    "AF311",
    "template-empty",
    _E,
    "The rendered text is empty.",
    "An agent without instructions, or a run without a task, does nothing that was asked for.",
)

# AF4: plan and state

CODES: dict[str, Code] = {
    code.id: code for code in list(globals().values()) if isinstance(code, Code)
}
"""By id."""
