"""The other side of the tool that is a request: start it with `python3 tools/register.py`.

It keeps the answers in memory, each once: a call that is repeated after a crash has the same
Idempotency-Key, and gets the same number again.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Register(BaseHTTPRequestHandler):
    entries: dict[str, dict] = {}

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        entry = json.loads(self.rfile.read(length))
        self.entries[self.headers["Idempotency-Key"]] = entry
        number = list(self.entries).index(self.headers["Idempotency-Key"]) + 1
        body = json.dumps({"entry": number}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8771
    print(f"http://127.0.0.1:{port}/answers", flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), Register).serve_forever()
