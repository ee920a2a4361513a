"""The command that starts the language server."""

from __future__ import annotations

import importlib.util

import pytest

from agentflow.cli.main import main


def test_what_to_install_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find(name: str, package: str | None = None) -> None:
        assert name == "pygls"

    monkeypatch.setattr("agentflow.cli.lsp_command.find_spec", find)
    assert main(["lsp", "--stdio"]) == 2
    assert capsys.readouterr().err == (
        "error: The language server needs a package that is not installed: pygls.\n"
        "  hint: pip install 'agentflow[lsp]'\n"
    )


def test_what_editors_pass_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    assert importlib.util.find_spec("pygls") is not None
    targets: list[str] = []
    monkeypatch.setattr("agentflow.editor.server.serve", lambda *, target: targets.append(target))
    assert main(["lsp"]) == 0
    assert main(["lsp", "--stdio", "--clientProcessId=1", "-t", "prod"]) == 0
    assert targets == ["local", "prod"]
