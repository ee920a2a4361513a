"""docs/prompts.md shows specs and the prompts they become, and lists all there is: held here."""

from __future__ import annotations

import os
import re
from pathlib import Path

from agentflow.compiler.jinja_filters import filter_table
from agentflow.compiler.pipeline import build
from agentflow.compiler.template import SECTION_DATA, SECTIONS
from tests.support.memory_files import MemoryFiles

PAGE = Path(__file__).parents[2] / "docs" / "prompts.md"
EXAMPLE = re.compile(r"(```yaml\n)(.*?)(```.*?```markdown\n)(.*?)(```)", re.DOTALL)
FILTERS = re.compile(r"(<!-- filters -->\n).*?(<!-- end of filters -->)", re.DOTALL)


def system(spec: str) -> str:
    result = build(MemoryFiles({"agentflow.yaml": spec}))
    assert result.problems == ()
    assert result.value.compiled is not None
    [resource] = result.value.compiled.manifest.resources
    return str(resource.payload["system"])


def made(text: str) -> str:
    """The page as it has to be: every prompt rendered, every filter listed."""
    text = EXAMPLE.sub(lambda m: f"{m[1]}{m[2]}{m[3]}{system(m[2])}\n{m[5]}", text)
    return FILTERS.sub(lambda m: f"{m[1]}\n{filter_table()}\n{m[2]}", text)


def test_the_page_shows_the_prompts_that_its_specs_become_and_every_filter() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(EXAMPLE.findall(text)) == 2
    expected = made(text)
    if os.environ.get("AGENTFLOW_UPDATE") == "1":
        PAGE.write_text(expected, encoding="utf-8")
        text = expected
    assert text == expected


def test_the_page_names_everything_a_template_sees() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (*SECTIONS, *SECTION_DATA))
