"""A process that answers as a vLLM server does, as far as `Servers` asks: started by `Child` in place of one.

A reply is one token and the end: the seed's, or that seed's plus 1,000 once whole weights were loaded. A
seed of 666 is answered with an error of the server, the first of 555 in half, the first of 556 with no
completion, one of 777 never: `/held` counts those that came, and
those whose asker has left.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

adapters: set[str] = set()
loaded: list[str] = []
once = {555, 556}
held = {"came": 0, "left": 0}
count = threading.Lock()
options = dict(zip(sys.argv[1:], sys.argv[2:], strict=False))


def answer(path: str, body: dict[str, Any]) -> tuple[int, Any]:
    if path == "/version":
        return 200, {"version": "fake"}
    if path == "/v1/models":
        return 200, {"data": [{"id": "m", "root": options["--model"], "max_model_len": 1024}]}
    if path == "/tokenize":
        return 200, {"tokens": [7] * len(body["prompt"])}
    if path == "/v1/load_lora_adapter":
        adapters.add(body["lora_name"])
        return 200, {}
    if path == "/collective_rpc":
        loaded.append(body["kwargs"]["weights_path"])
        return 200, {}
    if path == "/v1/completions":
        return completion(body)
    return 200, held if path == "/held" else {}


def completion(body: dict[str, Any]) -> tuple[int, Any]:
    time.sleep(0.01)
    if body["seed"] == 666:
        return 500, {"error": "what"}
    if body["model"] != "m" and body["model"] not in adapters:
        return 404, {"error": "no such adapter"}
    tokens = [body["seed"] + 1000 * bool(loaded), 1]
    return 200, {"choices": [{"token_ids": tokens, "logprobs": {"token_logprobs": [-1.0, -2.0]}}]}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = json.loads(body or b"{}")
        if asked.get("seed") == 777:
            with count:
                held["came"] += 1
            self.rfile.read(1)  # until the other end is closed
            with count:
                held["left"] += 1
            return
        status, found = answer(self.path, asked)
        data = json.dumps(found).encode()
        size, seed = len(data), asked.get("seed")
        if seed in once:
            once.discard(seed)
            data = data[: size // 2] if seed == 555 else b'{"choices": null}'
            size = size if seed == 555 else len(data)
        self.send_response(status)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


class Server(ThreadingHTTPServer):
    request_queue_size = 1024


if __name__ == "__main__":
    Server(("127.0.0.1", int(options["--port"])), Handler).serve_forever()
