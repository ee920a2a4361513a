"""The other side of the tool that is a request: start it with `python3 tools/register.py`.

It keeps the answers in memory, each once: a call that is repeated after a crash has the same
Idempotency-Key, and gets the same number again.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ENTRIES: dict[str, dict] = {}
"""Every answer, by the key of the call that brought it."""


class Register(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        key = self.headers["Idempotency-Key"]
        ENTRIES[key] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"entry": list(ENTRIES).index(key) + 1}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8771
    server = ThreadingHTTPServer(("127.0.0.1", port), Register)
    print(f"http://127.0.0.1:{server.server_port}/answers", flush=True)
    server.serve_forever()
