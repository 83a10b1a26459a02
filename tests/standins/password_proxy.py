"""Stands before a server on loopback and lets nobody through without the right name and password."""

from __future__ import annotations

import base64
import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

NOT_PASSED_ON = {"host", "authorization", "connection", "transfer-encoding", "content-length"}


@contextmanager
def asking_for(user: str, password: str, behind: str) -> Iterator[str]:
    """The address of the proxy, without the password; `behind` is the address of what it protects."""
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Proxy(BaseHTTPRequestHandler):
        def answer(self) -> None:
            if self.headers.get("Authorization") != wanted:
                self.send_error(401)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept = {name: text for name, text in self.headers.items() if name.lower() not in NOT_PASSED_ON}
            connection = http.client.HTTPConnection(urlsplit(behind).netloc, timeout=60)
            connection.request(self.command, self.path, body, kept)
            told = connection.getresponse()
            content = told.read()
            connection.close()
            self.send_response(told.status)
            for name, text in told.getheaders():
                if name.lower() not in NOT_PASSED_ON:
                    self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
