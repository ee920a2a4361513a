"""Work that is spread over copies of a process: all of it is done or told to be missing, and none stay behind.

Each test is a process of its own, because one with threads, as that of the tests may be, is not copied.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="one process elsewhere")

HEAD = """\
import os, signal, sys
from agentflow.operations.spread import Done, spread

def said(jobs, work, number=40):
    found = spread(number, work, jobs=jobs)
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return {item: data.decode() for item, data in found.items()}
    raise SystemExit("a copy is left")
"""


def run(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", HEAD + script],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout


def test_everything_is_done_once_by_any_number_of_processes(tmp_path: Path) -> None:
    script = f"""
def work(item, is_copy):
    with open({str(tmp_path / "done")!r}, "a") as file:
        file.write(f"{{item}} ")
    return Done(b"x" * item + b"\\n%d" % item)

for jobs in (1, 2, 5):
    assert said(jobs, work) == {{item: "x" * item + f"\\n{{item}}" for item in range(40)}}
assert said(3, work, number=0) == {{}}
"""
    run(script)
    done = (tmp_path / "done").read_text(encoding="utf-8").split()
    assert sorted(map(int, done)) == sorted([*range(40)] * 3)


@pytest.mark.parametrize(
    "end",
    ["os.kill(os.getpid(), signal.SIGKILL)", "raise MemoryError", "sys.exit('no')", "os._exit(0)"],
)
def test_what_a_copy_did_not_end_is_missing_and_nothing_else(end: str) -> None:
    script = f"""
def work(item, is_copy):
    if is_copy:
        {end}
    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)  # the copy has taken one before
    return Done(b"")

print(len(said(2, work)))
"""
    assert run(script) == "39\n"


def test_what_a_copy_had_written_down_counts_though_it_was_killed() -> None:
    script = """
done = []
def work(item, is_copy):
    done.append(item)
    if is_copy and len(done) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    if not is_copy:  # takes no second one before the copy is gone
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    return Done(b"copy" if is_copy else b"first")

found = [*said(2, work).values()]
print(found.count("copy"), found.count("first"))
"""
    assert run(script) == "3 36\n"


@pytest.mark.parametrize("by_copy", [True, False])
def test_who_has_enough_ends_it_for_all(by_copy: bool) -> None:
    script = f"""
reading, writing = os.pipe()
def work(item, is_copy):
    if is_copy is {by_copy}:
        return Done(b"enough", is_enough=True)
    if is_copy:
        os.close(writing)
        os.read(reading, 1)  # until the other has enough
    else:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    return Done(b"more")

def first(item, is_copy):
    done = work(item, is_copy)
    if not is_copy and done.is_enough:
        os.close(writing)
    return done

found = [*said(2, first).values()]
print(found.count("enough"), found.count("more") <= 1)
"""
    assert run(script) == "1 True\n"


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "RuntimeError"])
def test_whoever_is_interrupted_leaves_no_copy(error: str) -> None:
    """The script ends only if the copies, which would wait for ever, are gone."""
    script = f"""
def work(item, is_copy):
    while is_copy:
        signal.pause()
    raise {error}

try:
    said(4, work)
except {error}:
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        print("alone")
"""
    assert run(script) == "alone\n"


def test_copies_end_with_the_process_they_are_of() -> None:
    script = """
first, (reading, writing) = os.getpid(), os.pipe()
def work(item, is_copy):
    if not is_copy:
        signal.pause()
    os.close(writing)
    os.write(1, b"at work\\n")
    os.read(reading, 1)  # until the other has left
    while os.getppid() == first:
        pass
    return Done(b"")

said(2, work)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD + script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"at work\n"
    process.kill()
    # All that is said, until nobody is left to say anything: it did not take a second one.
    assert process.communicate(timeout=60) == (b"", b"")


def test_a_process_with_threads_is_not_copied() -> None:
    script = """
import threading
end = threading.Event()
thread = threading.Thread(target=end.wait)
thread.start()
print(spread(3, lambda item, is_copy: Done(b""), jobs=2))
end.set()
"""
    assert run(script) == "{}\n"


def test_without_open_files_to_spare_nobody_is_copied() -> None:
    script = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))
print(spread(3, lambda item, is_copy: Done(b""), jobs=20), len(os.listdir("/proc/self/fd")))
"""
    assert run(script) == "{} 4\n"
