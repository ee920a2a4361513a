"""The C parser comes without the rest of its library, and the rest comes when somebody asks for it."""

from __future__ import annotations

import subprocess
import sys


def ran(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_rest_is_not_loaded() -> None:
    code = "import sys, agentflow.source.yaml; print('ruamel.yaml.main' in sys.modules)"
    assert ran(code) == "False"


def test_the_rest_is_there_for_who_asks() -> None:
    for asks in (
        "from ruamel.yaml import YAML",
        "import ruamel.yaml; YAML = ruamel.yaml.YAML",
        "from ruamel.yaml.main import YAML",
        "from ruamel.yaml import *",
    ):
        code = (
            f"import agentflow.source.yaml\n{asks}\n"
            "import ruamel.yaml\n"
            "print(YAML(typ='safe').load('a: 1'), YAML().load('b: 2 # x')['b'])\n"
            "print(type(ruamel.yaml).__name__, ruamel.yaml.error.YAMLError.__name__)\n"
        )
        assert ran(code).splitlines() == ["{'a': 1} 2", "module YAMLError"], asks


def test_what_was_loaded_before_stays() -> None:
    code = (
        "import ruamel.yaml as before, agentflow.source.yaml, ruamel.yaml as after; "
        "print(before is after, type(after).__name__)"
    )
    assert ran(code) == "True module"


def test_stand_ins_last_until_the_package_runs() -> None:
    code = (
        "import sys, agentflow.source.libyaml as libyaml, _ruamel_yaml as extension\n"
        "loaded = {'ruamel.yaml.scanner', 'ruamel.yaml.nodes'} & set(sys.modules)\n"
        "stood_in = extension.ParserError\n"
        "from ruamel.yaml.parser import ParserError\n"
        "from ruamel.yaml import YAML, nodes, tokens\n"
        "print(len(loaded), stood_in is ParserError, extension.ParserError is ParserError)\n"
        "print(extension.ScalarNode is nodes.ScalarNode, extension.KeyToken is tokens.KeyToken)\n"
    )
    assert ran(code).splitlines() == ["0 False True", "True True"]


def test_errors_read_the_same_before_the_package_runs_and_after() -> None:
    code = (
        "from agentflow.source.libyaml import C_PARSER, YAMLError\n"
        "def said(text):\n"
        "    try:\n"
        "        list(iter(C_PARSER(text).get_event, None))\n"
        "    except YAMLError as error:\n"
        "        return str(error)\n"
        "texts = ['a: [', 'a: b: c', '*a', 'a: \\t- b']\n"
        "before = [said(text) for text in texts]\n"
        "print(said(b'\\xff\\xfe\\0'))\n"
        "from ruamel.yaml import YAML\n"
        "print(before == [said(text) for text in texts], None in before)\n"
    )
    assert ran(code).splitlines() == ["incomplete UTF-16 character", "True True"]


def test_events_hold_what_the_library_has_them_hold() -> None:
    code = (
        "import inspect\n"
        "from ruamel.yaml import YAML\n"
        "from ruamel.yaml.events import MappingStartEvent, ScalarEvent\n"
        "def seen():\n"
        "    made = [*YAML(typ='safe', pure=True).parse('a: &b !c |\\n  d\\ne: {f: [g]}\\n')]\n"
        "    made += [ScalarEvent(1, 2, 3, 4), MappingStartEvent(1, 2, 3, nr_items=4)]\n"
        "    names = ('anchor', 'ctag', 'implicit', 'value', 'style', 'flow_style', 'comment', 'nr_items')\n"
        "    return [(type(e), *(str(getattr(e, n, '-')) for n in names)) for e in made]\n"
        "before = seen(), inspect.signature(ScalarEvent).parameters.keys()\n"
        "import agentflow.source.libyaml\n"
        "print(before == (seen(), inspect.signature(ScalarEvent).parameters.keys()))\n"
    )
    assert ran(code) == "True"
