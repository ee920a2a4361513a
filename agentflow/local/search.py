"""[io] grep, as a program that runs in the sandbox.

The same answers as the SDK's tool without `rg`: `path:line:text`, binary files and overlong lines left
out, `.git` and `node_modules` not entered, symbolic links not followed, the first 100 KiB. Files are
visited in the order of their names, so that the answer does not depend on the file system.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from agentflow.local.sandbox import Sandbox

__all__ = ["grep_command"]

_PROGRAM = r"""
import json, os, re, sys
LIMIT, MAX_LINE, MAX_FILES = 100 * 1024, 2000, 50_000
asked = json.loads(sys.argv[1])
left = LIMIT
def out(line):
    global left
    left -= len(line) + 1
    if left < 0:
        sys.stdout.write(f"[output truncated at {LIMIT} bytes]\n")
        sys.exit(0)
    sys.stdout.write(line + "\n")
def scan(path):
    try:
        with open(path, "rb") as file:
            if b"\0" in file.read(512):
                return
            file.seek(0)
            for number, raw in enumerate(file, 1):
                if len(raw) <= MAX_LINE:
                    line = raw.decode("utf-8", "replace").rstrip("\r\n")
                    if pattern.search(line):
                        out(f"{path}:{number}:{line}")
    except OSError:
        pass
def files(top):
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(
            name for name in folders
            if name not in (".git", "node_modules") and not os.path.islink(os.path.join(folder, name))
        )
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path
sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="\n")
try:
    pattern = re.compile(asked["pattern"])
except re.error as error:
    sys.stdout.write(f"grep: invalid regex: {error}\n")
    sys.exit(2)
top = asked["path"]
if os.path.isfile(top):
    scan(top)
elif os.path.isdir(top):
    for count, path in enumerate(files(top), 1):
        if count > MAX_FILES:
            break
        scan(path)
else:
    sys.stdout.write("grep: " + asked["shown"] + ": no such file or directory\n")
    sys.exit(2)
if left == LIMIT:
    sys.stdout.write("no matches\n")
"""


def grep_command(sandbox: Sandbox, pattern: str, path: str, *, shown: str) -> Sequence[str]:
    """The program and its arguments. `path` is as the sandbox sees it, `shown` as the agent wrote it."""
    asked = json.dumps({"pattern": pattern, "path": path, "shown": shown})
    return [sandbox.python, "-I", "-S", "-c", _PROGRAM, asked]
