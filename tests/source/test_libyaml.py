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
