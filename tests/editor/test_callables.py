"""What is known of functions that nobody imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentflow.codes import CALLABLE_IMPORT
from agentflow.diagnostics import Span
from agentflow.editor.callables import SourceAlone, without_unknown
from agentflow.errors import CallableRefused
from agentflow.operations.project import ProjectFiles


def test_parameters_are_of_any_type(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        'def price(item: "x.Item", *, tax: "x.Tax" = None):\n    """Tell it.\n\n    Args:\n'
        '        item: which.\n    """\n\n\nrate = price\n',
        encoding="utf-8",
    )
    source = SourceAlone(ProjectFiles(tmp_path))
    said = source.describe("shop:price")
    assert said["doc"] == "Tell it."
    assert [(p["name"], p["required"], p["schema"]) for p in said["parameters"]] == [
        ("item", True, {}),
        ("tax", False, {}),
    ]
    with pytest.raises(CallableRefused) as refused:
        source.describe("shop:rate")
    place = Span.start_of("a.yaml")
    unknown = CALLABLE_IMPORT.at(place, f"It cannot be imported: {refused.value.message}")
    other = CALLABLE_IMPORT.at(place, "It cannot be imported: it ends the process.")
    assert without_unknown([unknown, other]) == [other]
