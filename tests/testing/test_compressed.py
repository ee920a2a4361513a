"""What is compressed cannot be searched for secrets: cassettes leave it out, and say so."""

from __future__ import annotations

import asyncio
import bz2
import gzip
import hashlib
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow import secret
from agentflow.cli.main import main
from agentflow.operations.check import open_project
from agentflow.ports import RemoteFile
from agentflow.runtime.cassette import CassetteWriter, Tape
from agentflow.runtime.file_bodies import COMPRESSED, file_body, is_compressed, tape_bytes
from agentflow.runtime.recording import RecordingSessions
from agentflow.testing.bench import Bench
from agentflow.testing.clock import HandClock, run_jumping
from agentflow.testing.player import CassetteSessions
from agentflow.testing.results import Result
from agentflow.testing.suite import run_cases
from tests.testing.desk import ROOM

CANARY = "canary-7Qm2Vx-inside"
TEXT = f"city,key\nRome,{CANARY}\n" * 20


def zipped() -> bytes:
    """As xlsx and docx are too."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        sheet = zipfile.ZipInfo("xl/worksheets/sheet1.xml", (2026, 11, 20, 9, 0, 0))
        archive.writestr(sheet, TEXT, zipfile.ZIP_DEFLATED)
    return file.getvalue()


PACKED = {
    "zip": zipped(),
    "zip behind a program": b"#!/usr/bin/env python3\n" + zipped(),
    "gzip": gzip.compress(TEXT.encode()),
    "gzip in a tar": b"a.gz".ljust(512, b"\0") + gzip.compress(TEXT.encode()),
    "bzip2": bz2.compress(TEXT.encode()),
    "xz": lzma.compress(TEXT.encode()),
    "lzma": lzma.compress(TEXT.encode(), lzma.FORMAT_ALONE),
    "zlib": zlib.compress(TEXT.encode()),
    "pdf": b"%PDF-1.7\n1 0 obj <</Filter/FlateDecode>> stream\n" + zlib.compress(TEXT.encode()),
    "a text in a picture": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR....zTXtnote\0\0" + zlib.compress(b"x"),
}


@pytest.mark.parametrize("kind", PACKED)
def test_nothing_that_is_compressed_gets_onto_a_cassette(kind: str) -> None:
    data = PACKED[kind]
    assert file_body(data) == {
        "omitted": COMPRESSED,
        "size_bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert tape_bytes(file_body(data, compressed=True)) == data


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_texts_are_never_left_out(text: str) -> None:
    assert not is_compressed(f"x{text}".encode())


@pytest.mark.parametrize("data", [b"x^2 + y", b"PAR1", b"a\x1f\x8bb", b"\x89PNG\r\n\x1a\nIDAT\xff"])
def test_what_only_looks_like_it_is_kept(data: bytes) -> None:
    assert tape_bytes(file_body(data)) == data


class Delivering(CassetteSessions):
    """A service that has one file, which is a zip with a secret in it."""

    async def files(self, session_id: str) -> Sequence[RemoteFile]:
        return [
            RemoteFile(
                id="file_1", filename="orders.xlsx", size_bytes=len(zipped()), mime_type="",
                downloadable=True, created_at="",
            )
        ]  # fmt: skip

    async def download(self, file_id: str, to: Path) -> None:
        await asyncio.to_thread(to.write_bytes, zipped())


@pytest.mark.parametrize("compressed", [False, True])
def test_a_secret_in_a_zip(
    compressed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found nowhere on the cassette, packed or not; asked for, the file is there as it is."""
    monkeypatch.setattr(secret, "_shown", {})
    secret.protect("key", CANARY)
    path = tmp_path / "run.jsonl"

    async def record() -> None:
        with CassetteWriter(path, HandClock(), {"agent": "agent/a"}) as writer:
            service = Delivering(Tape(path=tmp_path, head={}, lines=()))
            sessions = RecordingSessions(service, writer, compressed=compressed)
            [file] = await sessions.files("sesn_1")
            await sessions.download(file.id, tmp_path / "got.xlsx")

    run_jumping(record())
    assert (tmp_path / "got.xlsx").read_bytes() == zipped()
    listed, download = (
        json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[1:3]
    )
    assert listed["out"][0]["filename"] == "orders.xlsx"
    assert ("omitted" in download["out"]) is not compressed
    kept = b"" if not compressed else tape_bytes(download["out"])
    assert kept == (zipped() if compressed else b"")
    assert CANARY not in path.read_text(encoding="utf-8")


PROJECT = (
    ROOM
    + """\
kind: Agent
name: clerk
model: claude-opus-5-5
environment: room
prompt: You pack.
task: Pack it.
tools: { write: allow }
outputs:
  book: { path: book.xlsx }
  note: { path: note.md, sections: [Findings] }
done: [The note has findings.]
uncertainty: assume
budget: { usd: 1, turns: 5, wall: 1h }
---
"""
)
TEST = "kind: Test\nname: packed\nlayer: {layer}\nagent: clerk\n{source}\n"
SCRIPT = """\
turns:
  - tools:
      - { name: write, id: b, input: { file_path: /mnt/session/outputs/book.xlsx, content: "PK\\x03\\x04 BOOK" } }
      - name: write
        id: n
        input: { file_path: /mnt/session/outputs/note.md, content: "# Findings\\nNone.\\n" }
  - say: Packed.
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project and a cassette of it, one of whose outputs is left out."""
    root = tmp_path_factory.mktemp("packed")
    (root / "agentflow.yaml").write_text(
        PROJECT + TEST.format(layer="loop", source="script: ./script.yaml"), encoding="utf-8"
    )
    (root / "script.yaml").write_text(SCRIPT, encoding="utf-8")
    (root / "checks.py").write_text("def ok(outputs):\n    return None\n", encoding="utf-8")
    assert main(["test", "-C", str(root), "--record", str(root / "run.jsonl"), "-q"]) == 0
    downloads = [
        line["out"] for line in lines_of(root / "run.jsonl") if line.get("op") == "download"
    ]
    assert sorted("omitted" in body for body in downloads) == [False, True]
    return root


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def replayed(root: Path, expect: str) -> Result:
    test = TEST.format(layer="replay", source=f"cassette: ./run.jsonl\nexpect: {expect}")
    (root / "agentflow.yaml").write_text(PROJECT + test, encoding="utf-8")
    bench = Bench.of(open_project(root))
    [result] = run_cases(bench, bench.cases(), jobs=1)
    return result


DIGEST = hashlib.sha256(b"PK\x03\x04 BOOK").hexdigest()
EXPECTED: Mapping[str, str | None] = {
    "{ verdict: completed }": None,
    "{ outputs: { note: { sections: [Findings] } } }": None,
    "{ outputs: { book: { exists: true } } }": None,
    f"{{ outputs: {{ book: {{ sha256: {DIGEST} }} }} }}": None,
    f"{{ outputs: {{ book: {{ sha256: '{'0' * 64}' }} }} }}": "The bytes of the output 'book' are others",
    "{ outputs: { book: { exists: false } } }": "The output 'book' was delivered",
    "{ outputs: { book: { contains: [Rome] } } }": "The output 'book' is not on the tape",
    "{ outputs: valid }": "so it was not verified: content omitted: compressed",
    "{ checks: ['checks:ok'] }": "not on the tape are book",
}


@pytest.mark.parametrize("expect", EXPECTED)
def test_a_replay_says_what_it_could_not_verify(expect: str, packed: Path) -> None:
    result = replayed(packed, expect)
    said = EXPECTED[expect]
    if said is None:
        assert result.outcome == "passed", result.failures
        assert "not on the tape, so not verified: book" in (result.note or "")
    else:
        assert result.outcome == "failed"
        assert said in result.failures[-1].message


@pytest.mark.parametrize("verb", ["run", "test"])
def test_the_flag_needs_a_cassette(
    verb: str, packed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replayed(packed, "{ verdict: completed }")
    assert main([verb, "-C", str(packed), "--record-compressed"]) == 2
    assert "--record FILE" in capsys.readouterr().err


def test_whoever_records_is_told(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replayed(packed, "{ verdict: completed }")
    here = ["-C", str(packed)]
    run = ["run", *here, "--script", str(packed / "script.yaml"), "--record"]
    assert main([*run, str(packed / "a.jsonl")]) == 0
    told = capsys.readouterr()
    said = "Not on the cassette, because they are compressed: book.xlsx. --record-compressed keeps"
    assert said in told.out + told.err
    for more, kept in ([], False), (["--compressed"], True):
        copy = packed / f"copy-{kept}.jsonl"
        assert main(["sessions", "record", "last", str(copy), *here, *more]) == 0
        assert ("contents omitted" in capsys.readouterr().out) is not kept
        bodies = [line["out"] for line in lines_of(copy) if line.get("op") == "download"]
        assert sorted("omitted" in body for body in bodies) == [False, not kept]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_a_secret_is_found_in_every_encoding(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret, "_shown", {})
    secret.protect("key", "canary-żółw-7Qm2Vx")
    value = "canary-żółw-7Qm2Vx"
    for head in (b"", b"\xff\x00"):
        kept = tape_bytes(file_body(head + f"Rome,{value}\n".encode(encoding)))
        assert kept == head + "Rome,[key]\n".encode(encoding)
