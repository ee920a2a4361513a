"""The C parser of ruamel.yaml and what it makes, without the rest of the library.

Its package imports thirty modules: parsers and writers in Python, which a check of a project does not
use, and which take longer to load than a project to read. So the package is entered without being
run; it runs when somebody asks it for something, and is then what it always was.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

__all__ = [
    "C_PARSER",
    "AliasEvent",
    "DocumentEndEvent",
    "DocumentStartEvent",
    "MappingEndEvent",
    "MappingStartEvent",
    "MarkedYAMLError",
    "ScalarEvent",
    "SequenceEndEvent",
    "SequenceStartEvent",
    "YAMLError",
]

_PACKAGE = "ruamel.yaml"


class _Unrun(ModuleType):
    """A package whose own code has not been run. Its modules can be imported all the same."""

    def __getattr__(self, name: str) -> Any:
        spec = self.__spec__
        assert spec is not None
        assert spec.loader is not None
        self.__class__ = ModuleType  # type: ignore[assignment]
        spec.loader.exec_module(self)
        return getattr(self, name)


def _enter() -> None:
    if _PACKAGE in sys.modules:
        return
    spec = find_spec(_PACKAGE)
    if spec is None:
        return
    package = module_from_spec(spec)
    package.__class__ = _Unrun
    sys.modules[_PACKAGE] = package
    setattr(import_module("ruamel"), "yaml", package)  # noqa: B010 - it has no such name for type checkers


_enter()

# The modules of the package that was entered. `from ruamel.yaml import …` would ask it for something.
from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: E402
from ruamel.yaml.events import (  # noqa: E402
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

try:
    # The class itself: `YAML(typ="safe")` falls back to its Python parser without a word if its C
    # extension has another name, and is twenty times slower then.
    from _ruamel_yaml import CParser as C_PARSER
except ImportError:  # pragma: no cover - a platform without wheels
    C_PARSER = None
