"""docs/prompts.md shows a spec and the prompt it becomes: both are held here."""

from __future__ import annotations

import os
import re
from pathlib import Path

from agentflow.compiler.jinja_filters import FILTERS
from agentflow.compiler.pipeline import build
from agentflow.compiler.template import SECTIONS
from tests.support.memory_files import MemoryFiles

PAGE = Path(__file__).parents[2] / "docs" / "prompts.md"


def test_the_page_shows_the_prompt_that_its_spec_becomes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    [spec] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    result = build(MemoryFiles({"agentflow.yaml": spec}))
    assert result.problems == ()
    assert result.value.compiled is not None
    system = result.value.compiled.manifest.resources[0].payload["system"]
    before, after = re.split(r"```markdown\n.*?```", text, maxsplit=1, flags=re.DOTALL)
    shown = f"{before}```markdown\n{system}\n```{after}"
    if os.environ.get("AGENTFLOW_UPDATE") == "1":
        PAGE.write_text(shown, encoding="utf-8")
        text = shown
    assert text == shown


def test_the_page_names_every_filter_and_section() -> None:
    text = PAGE.read_text(encoding="utf-8")
    [listed] = re.findall(r"these filters: (.*?)\. A tag", text)
    assert set(listed.split(", ")) == set(FILTERS) - {"d"}
    assert all(f"`{section}`" in text for section in SECTIONS)
