"""An OpenAI-compatible server that takes its time, and notices when its client goes away."""

import itertools
import json
import queue
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class LLMServer(ThreadingHTTPServer):
    """Says ``word`` again and again until its client leaves.

    Attributes:
        words: how often, if not without end; negative to refuse the request.
        silence: seconds before the headers, as a real one reads the prompt before it sends them.
        pause: seconds between two words.
        asked: gets the body of each request when it has been read.
        left: gets the moment (``time.monotonic``) at which a client was found gone.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.words: int | None = None
        self.silence = 0.0
        self.pause = 0.05
        self.asked: queue.Queue[dict[str, Any]] = queue.Queue()
        self.left: queue.Queue[float] = queue.Queue()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: LLMServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.put(json.loads(body))
        if (self.server.words or 0) < 0:
            self.send_response(400)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        try:
            self._wait(self.server.silence)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in itertools.count() if self.server.words is None else range(self.server.words):
                delta = {"role": "assistant", "content": "word "}
                choice = {"index": 0, "delta": delta, "finish_reason": None}
                chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0}
                chunk |= {"model": "slow", "choices": [choice]}
                self._send(f"data: {json.dumps(chunk)}\n\n")
                self._wait(self.server.pause)
            self._send("data: [DONE]\n\n")
            self._send("")
        except ConnectionError:
            self.server.left.put(time.monotonic())
            self.close_connection = True

    def _send(self, text: str) -> None:
        self.wfile.write(f"{len(text):x}\r\n{text}\r\n".encode())

    def _wait(self, seconds: float) -> None:
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise ConnectionResetError

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def running() -> Iterator[LLMServer]:
    """The server, listening."""
    with LLMServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
