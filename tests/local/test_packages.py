"""Layers of pip packages, installed by the real pip from a package made here."""

from __future__ import annotations

import asyncio
import fcntl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from agentflow.errors import PackagesFailed
from agentflow.local import packages
from agentflow.local.packages import layer_for, refusal
from tests.local.tools import Tools


def make_wheel(folder: Path, *, version: str = "1.0") -> None:
    """A package `tinything` with a module and a script."""
    folder.mkdir(exist_ok=True)
    info = f"tinything-{version}.dist-info"
    files = {
        "tinything.py": f"VERSION = {version!r}\n\ndef main():\n    print('tiny', VERSION)\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tinything\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\ntinything = tinything:main\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"tinything-{version}-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is all pip sees."""
    folder = tmp_path / "wheels"
    make_wheel(folder)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def layer(requirements: list[str], cache: Path) -> Path:
    made = asyncio.run(layer_for(requirements, cache))
    assert made is not None
    return made


@pytest.mark.usefixtures("index")
def test_tools_can_use_a_layer_and_not_change_it(
    tmp_path: Path, open_tools: Callable[..., Tools]
) -> None:
    tools = open_tools(layer=layer(["tinything==1.0"], tmp_path / "cache"))
    assert tools.run("python3 -c 'import tinything; print(tinything.VERSION)'") == "1.0"
    assert tools.run("tinything") == "tiny 1.0"
    assert tools.bash("echo x >> /mnt/packages/tinything.py").is_error
    assert tools.bash("rm /mnt/packages/tinything.py").is_error


def test_a_layer_is_built_once_whatever_the_order(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    told: list[str] = []
    first = asyncio.run(layer_for(["tinything >= 1.0"], cache, progress=told.append))
    monkeypatch.setattr(
        "agentflow.local.packages.subprocess.Popen", None
    )  # pip cannot be started any more
    again = asyncio.run(
        layer_for(["tinything  >= 1.0", "tinything >= 1.0"], cache, progress=told.append)
    )
    assert first == again
    assert told == ["Installing tinything >= 1.0."]
    assert index.is_dir()


@pytest.mark.usefixtures("index")
def test_a_failed_installation_leaves_nothing_and_names_no_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "https://me:s3cret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(PackagesFailed) as caught:
        layer(["no-such-thing==9"], tmp_path / "cache")
    assert "no-such-thing==9" in caught.value.message
    assert "s3cret" not in caught.value.message
    assert "127.0.0.1" not in caught.value.message
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_no_packages_no_layer(tmp_path: Path) -> None:
    assert asyncio.run(layer_for([], tmp_path / "cache")) is None
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "requirement",
    [
        "-e .",
        "-r requirements.txt",
        "--index-url=https://example.com",
        "./folder",
        "/etc",
        "../x",
        "x @ https://example.com/x.whl",
        "https://me:s3cret@example.com/x.whl",
        "git+https://example.com/x",
        "file:///x",
        "x.whl/..",
        "",
        " ",
        "a b",
        "x==1\n-e .",
        "x;\n-e .",
        "x==",
        "$HOME",
        "x --pre",
    ],
)
def test_what_is_not_a_package_is_refused(requirement: str, tmp_path: Path) -> None:
    problem = refusal(requirement)
    assert problem is not None
    assert "s3cret" not in problem
    if requirement.strip():
        with pytest.raises(PackagesFailed, match="not a package"):
            layer([requirement], tmp_path / "cache")
        assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "requirement",
    [
        "pandas",
        "pandas==2.3.3",
        "rich[jupyter]>=13,<15",
        "a.b-c_d ~= 1.0",
        'tomli>=2; python_version < "3.11"',
        "x===1.0+local",
        "x!=1.*",
    ],
)
def test_what_is_a_package_is_taken(requirement: str) -> None:
    assert refusal(requirement) is None


@pytest.mark.usefixtures("index")
def test_two_builders_build_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = packages._Installation._install

    def counted(self: packages._Installation, target: Path) -> None:
        calls.append(target)
        original(self, target)

    monkeypatch.setattr(packages._Installation, "_install", counted)

    async def both() -> list[Path | None]:
        cache = tmp_path / "cache"
        return await asyncio.gather(*(layer_for(["tinything"], cache) for _ in range(3)))

    made = asyncio.run(both())
    assert len(set(made)) == 1
    assert len(calls) == 1


@pytest.mark.usefixtures("index")
def test_waiting_for_another_builder_can_be_cancelled(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    wanted = layer(["tinything"], cache)
    wanted.rename(cache / "aside")
    waiting = threading.Event()

    async def cancelled() -> None:
        job = asyncio.ensure_future(
            layer_for(["tinything"], cache, progress=lambda _: waiting.set())
        )
        await asyncio.to_thread(waiting.wait)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job

    with wanted.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asyncio.run(cancelled())
    assert not wanted.exists()


def test_pip_of_the_installation_serves_an_environment_made_without(
    index: Path, tmp_path: Path
) -> None:
    """A virtual environment without pip, which is what this test makes, installs all the same."""
    home = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    visible = [path for path in sys.path if path]
    program = (
        f"import sys; sys.path[:0] = {visible!r}\n"
        "import asyncio, pathlib; from agentflow.local.packages import layer_for\n"
        f"print(asyncio.run(layer_for(['tinything'], pathlib.Path({str(tmp_path / 'cache')!r}))))"
    )
    done = subprocess.run(
        [home / "bin" / "python", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (Path(done.stdout.strip()) / "tinything.py").is_file()
    assert index.is_dir()


def test_no_pip_at_all_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentflow.local.packages.sys.executable", "/bin/false")
    monkeypatch.setattr(packages, "interpreter", lambda: "/bin/false")
    with pytest.raises(PackagesFailed, match="No pip belongs to /bin/false"):
        layer(["tinything"], tmp_path / "cache")


def test_pip_is_given_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "s3cret")
    assert "s3cret" not in packages._environment().values()
