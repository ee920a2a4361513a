"""Compile is the same byte for byte, whatever the order of files, documents and keys, and wherever it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.compiler.explain import explain
from agentflow.compiler.manifest import _encoder_of_json, canonical_json
from agentflow.compiler.pipeline import build
from agentflow.operations.project import ProjectFiles
from agentflow.output.compiled import manifest_data, pretty
from agentflow.spec.kinds import KINDS
from tests.support.memory_files import MemoryFiles
from tests.support.rich import DOCUMENTS, ENVIRON, TARGET, project_of

ROOT = Path(__file__).parents[2]


def manifest_text(files: Any) -> str:
    built, problems = build(files, target=TARGET, environ=ENVIRON)
    assert problems == ()
    assert built.compiled is not None
    return canonical_json(built.compiled.manifest.to_json())


EXPECTED = manifest_text(project_of(DOCUMENTS))


def shuffled(value: Any, random: Random) -> Any:
    """The same value with the keys of every mapping in another order."""
    if isinstance(value, dict):
        entries = [(key, shuffled(item, random)) for key, item in value.items()]
        random.shuffle(entries)
        return dict(entries)
    return [shuffled(item, random) for item in value] if isinstance(value, list) else value


def test_the_project_has_every_kind() -> None:
    assert {document["kind"] for document in DOCUMENTS} == set(KINDS)


@pytest.mark.parametrize("seed", range(25))
def test_files_documents_and_keys_in_any_order(seed: int) -> None:
    random = Random(seed)
    specs = shuffled(DOCUMENTS, random)
    random.shuffle(specs)
    split = random.sample(range(1, len(specs)), seed % 6)
    files = project_of(specs, split=split)
    assert len(files.specs()) == 1 + len(split)
    assert manifest_text(files) == EXPECTED


@pytest.mark.parametrize("seed", range(5))
def test_what_is_explained_is_the_same_too(seed: int) -> None:
    random = Random(seed)
    specs = shuffled(DOCUMENTS, random)
    random.shuffle(specs)
    graph = build(project_of(specs), target=TARGET, environ=ENVIRON).value.graph
    expected = build(project_of(DOCUMENTS), target=TARGET, environ=ENVIRON).value.graph
    assert graph is not None
    assert expected is not None
    assert graph.composed.keys() == expected.composed.keys()
    for address, document in expected.composed.items():
        found = graph.composed[address].data
        assert {**found, "apiVersion": None} == {**document.data, "apiVersion": None}
        assert explain(graph, address) is not None


def write(files: MemoryFiles, root: Path) -> None:
    for path, text in files.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


_PROGRAM = """
import os, sys
from pathlib import Path
from agentflow.compiler.pipeline import build
from agentflow.operations.project import ProjectFiles
from agentflow.output.compiled import manifest_data, pretty
made = build(ProjectFiles(Path(sys.argv[1])), target="dev", environ={"DESK": "north"})
assert made.problems == (), made.problems
sys.stdout.buffer.write(pretty(manifest_data(made.value.compiled.manifest)).encode())
"""


def environments() -> Iterator[dict[str, str]]:
    yield {"PYTHONHASHSEED": "0", "LC_ALL": "C", "PYTHONUTF8": "0", "TZ": "Asia/Tokyo"}
    yield {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "America/New_York"}
    yield {"PYTHONHASHSEED": "4242", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}


@pytest.mark.parametrize("environ", list(environments()), ids=lambda e: e["PYTHONHASHSEED"])
def test_the_hash_seed_the_locale_and_the_zone_change_nothing(
    environ: dict[str, str], tmp_path: Path
) -> None:
    write(project_of(DOCUMENTS, split=[3, 8]), tmp_path)
    made = build(ProjectFiles(tmp_path), target=TARGET, environ=ENVIRON).value.compiled
    assert made is not None
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)],
        env={**os.environ, **environ},
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert done.stdout == pretty(manifest_data(made.manifest)).encode()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.decimals(-1000, 1000, places=2),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=9,
)


@given(JSON)
def test_canonical_json_is_that_of_the_library(value: Any) -> None:
    assert canonical_json(value) == _encoder_of_json()(value)


@pytest.mark.parametrize(
    "value",
    [float("nan"), [float("inf")], object(), {"a": {1, 2}}],
    ids=["nan", "inf", "object", "set"],
)
def test_what_is_no_json_has_no_canonical_form(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical_json(value)
