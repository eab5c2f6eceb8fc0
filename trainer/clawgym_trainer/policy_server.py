"""Serves a policy over OpenAI's chat completions, with token ids and log-probabilities.

    python -m clawgym_trainer.policy_server --model DIR --template FILE --port 0 --port-file F

For small models on CPU and for tests of the wire; the fields beyond OpenAI's are those of vLLM.
"""

from __future__ import annotations

import argparse
import hmac
import json
import select
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .chat_answer import completion, events
from .chat_request import RequestRefused, parse_chat_request
from .chat_template import read_template
from .durable import write_file
from .failures import RunFailure
from .model_load import choose_device, limit_threads
from .served_policy import Policy, ServedPolicy, load_policy

MAX_BODY = 64 * 1024 * 1024


class PolicyServer(ThreadingHTTPServer):
    """A thread a connection; the policy itself answers one request after the other."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], served: ServedPolicy, token: str | None) -> None:
        self.served = served
        self.token = token
        super().__init__(address, Handler)


class Handler(BaseHTTPRequestHandler):
    """Routes of the server."""

    server: PolicyServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Health, metrics and the list of models."""
        served = self.server.served
        if self.path == "/health":
            return self._send(200, b"", "text/plain")
        if not self._allowed():
            return None
        if self.path == "/metrics":
            text = served.metrics.text(served.name, served.current.version)
            return self._send(200, text.encode(), "text/plain; version=0.0.4")
        if self.path == "/v1/models":
            model = {
                "id": served.name,
                "object": "model",
                "created": 0,
                "owned_by": "clawgym",
                "max_model_len": served.current.context,
                "policy_version": served.current.version,
            }
            return self._json(200, {"object": "list", "data": [model]})
        return self._refuse(
            RequestRefused(f"no such path: {self.path}", status=404, code="not_found")
        )

    def do_POST(self) -> None:
        """Chat completions and the loading of another policy."""
        try:
            body = self._body()
            if not self._allowed():
                return
            if self.path == "/v1/chat/completions":
                self._chat(body)
            elif self.path == "/v1/load_policy":
                self._load(body)
            else:
                raise RequestRefused(f"no such path: {self.path}", status=404, code="not_found")
        except RequestRefused as refused:
            self._refuse(refused)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception as error:
            self._refuse(RequestRefused(f"the server failed: {error}", status=500, code="internal"))

    def _chat(self, body: Any) -> None:
        served = self.server.served
        request = parse_chat_request(body, served.name)
        answered, token_of = served.answer(request, self._left)
        value = completion(request, answered, token_of)
        if not request.stream:
            return self._json(200, value)
        frames = b"".join(events(value, request.stream_usage))
        return self._send(200, frames, "text/event-stream")

    def _load(self, body: Any) -> None:
        path = body.get("path") if isinstance(body, dict) else None
        version = body.get("version") if isinstance(body, dict) else None
        if not isinstance(path, str):
            raise RequestRefused("path: expected the folder of a model", "path")
        if isinstance(version, bool) or not isinstance(version, int) or version < 0:
            raise RequestRefused("version: expected a whole number of at least 0", "version")
        try:
            policy = self.server.served.replace(Path(path), version)
        except RunFailure as error:
            raise RequestRefused(str(error), "path") from error
        self._json(200, {"path": path, "version": policy.version})

    def _body(self) -> Any:
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            raise RequestRefused(f"a body of at most {MAX_BODY} bytes with its length is needed")
        try:
            return json.loads(self.rfile.read(int(length)))
        except ValueError as error:
            raise RequestRefused(f"the request body is not JSON: {error}") from error

    def _allowed(self) -> bool:
        if self.server.token is None:
            return True
        given = self.headers.get("authorization", "").removeprefix("Bearer ")
        if hmac.compare_digest(given.encode(), self.server.token.encode()):
            return True
        self._refuse(RequestRefused("a valid bearer token is needed", None, 401, "invalid_api_key"))
        return False

    def _left(self) -> bool:
        """Whether the client hung up: nobody reads what would be sampled."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def _refuse(self, refused: RequestRefused) -> None:
        kind = "invalid_request_error" if refused.status < 500 else "server_error"
        error = {
            "message": str(refused),
            "type": kind,
            "param": refused.param,
            "code": refused.code,
        }
        self._json(refused.status, {"error": error})

    def _json(self, status: int, value: Any) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: metrics say what happens here."""


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="clawgym-policy-server")
    parser.add_argument("--model", type=Path, required=True, help="folder of a full model")
    parser.add_argument("--template", type=Path, required=True, help="chat template")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="gets the port once requests are answered")
    parser.add_argument("--served-model-name", default="policy")
    parser.add_argument("--policy-version", type=int, default=0)
    parser.add_argument("--token-file", type=Path, help="bearer token that clients must send")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--max-model-len", type=int, help="tokens of prompt and answer")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT."""
    given = parse_arguments(arguments)
    try:
        limit_threads(most=1)
        device = choose_device(given.device)

        def load(folder: Path, version: int) -> Policy:
            return load_policy(folder, version, device, given.max_model_len)

        first = load(given.model, given.policy_version)
        template = read_template(given.template)
        token = given.token_file.read_text("utf-8").strip() if given.token_file else None
    except (RunFailure, OSError) as error:
        print(f"policy server: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 2)
    served = ServedPolicy(first, template, given.served_model_name, load)
    server = PolicyServer((given.host, given.port), served, token)
    for number in (signal.SIGTERM, signal.SIGINT):
        # The loop ends only from another thread.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    if given.port_file is not None:
        write_file(given.port_file, f"{server.server_address[1]}\n".encode())
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
