"""Serves the operator's page on 127.0.0.1: one HTML file, JSON and JPEGs; Python's own server and nothing else."""

from __future__ import annotations

import io
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from PIL import Image

from envs.types import CAMERAS
from experiments.errors import UsageError
from sim2real.board import Board

HOST = "127.0.0.1"
PAGE = Path(__file__).with_name("page.html")
BUTTONS = ("ready", "mark", "give_up", "score", "prefer", "quit")
LONGEST = 10_000  # bytes of a request's body


class PageServer:
    """A running server. `url`: where the page is.

    Another site in the same browser cannot press a button: each request must carry the key that only our page was given, and
    name this host.

    Raises:
        UsageError: the port is taken.
    """

    def __init__(self, board: Board, port: int):
        self.key = secrets.token_urlsafe(16)
        try:
            self._server = _Server((HOST, port), _Handler)
        except OSError as error:
            raise UsageError(f"port {port} is taken ({error.strerror}); choose another one with page_port=") from error
        self._server.board, self._server.key = board, self.key
        self.port = self._server.server_port
        self.url = f"http://{HOST}:{self.port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="operator's page", daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    board: Board
    key: str


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if not self._is_ours():
            self._send(403, "text/plain", b"ask for this page by its own address")
        elif self.path == "/":
            self._send(200, "text/html; charset=utf-8", PAGE.read_bytes().replace(b"{{key}}", self.server.key.encode()))
        elif self.path == "/state":
            self._json(self.server.board.state())
        else:
            self._picture()

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), LONGEST))
        if not self._is_ours() or not secrets.compare_digest(self.headers.get("X-Key", ""), self.server.key):
            self._send(403, "text/plain", b"only the operator's page may do this; load it again")
            return
        name, board = self.path.removeprefix("/"), self.server.board
        if name in ("alive", "let_go", "stop"):
            getattr(board, name)()
        elif name in BUTTONS:
            board.press(name, json.loads(body) if body else None)
        else:
            self._send(404, "text/plain", b"no such button")
            return
        self._json({})

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: ten requests a second."""

    def _is_ours(self) -> bool:
        return self.headers.get("Host") in (f"{HOST}:{self.server.server_port}", f"localhost:{self.server.server_port}")

    def _picture(self) -> None:
        kind, _, rest = self.path.lstrip("/").partition("/")
        camera = rest.partition(".jpg")[0]
        picture = self.server.board.picture(kind, camera) if camera in CAMERAS else None
        if picture is None:
            self._send(404, "text/plain", b"no such picture yet")
            return
        encoded = io.BytesIO()
        Image.fromarray(picture).save(encoded, "JPEG", quality=85)
        self._send(200, "image/jpeg", encoded.getvalue())

    def _json(self, value: Any) -> None:
        self._send(200, "application/json", json.dumps(value).encode())

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)
