"""[io] The `.agentflow` directory of a project: where things are, and that git ignores it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["ledger_path", "local_root", "run_dir", "runs_dir", "state_dir", "workspace"]


def workspace(root: Path) -> Path:
    """`.agentflow` of the project, made if it is absent, with a `.gitignore` of its own."""
    directory = root / ".agentflow"
    directory.mkdir(mode=0o700, exist_ok=True)
    ignore = directory / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return directory


def state_dir(root: Path) -> Path:
    return workspace(root) / "state"


def local_root(root: Path) -> Path:
    """What the embedded service keeps."""
    return workspace(root) / "local"


def ledger_path(root: Path) -> Path:
    return workspace(root) / "ledger.db"


def runs_dir(root: Path) -> Path:
    return workspace(root) / "runs"


def run_dir(root: Path, run_id: str) -> Path:
    """Outputs and transcript of one run."""
    return runs_dir(root) / run_id
