"""The part of Google Cloud Storage's JSON protocol that its client needs to list, read and write, on loopback."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

import google_crc32c

FORBIDDEN = "secret"
"""Name of a bucket that nobody may read."""


class _Handler(BaseHTTPRequestHandler):
    objects: dict[str, bytes]
    unfinished: dict[str, bytes]
    bucket: str

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        parts = url.path.split("/")
        base = parts.index("b")
        if parts[base + 1] == FORBIDDEN:
            return self._error(403, "may not be read")
        if parts[base + 1] != self.bucket:
            return self._error(404, f"no bucket {parts[base + 1]}")
        if parts[-1] == "o":
            prefix = parse_qs(url.query).get("prefix", [""])[0]
            return self._json({"items": [self._about(n) for n in self.objects if n.startswith(prefix)]})
        name = unquote(parts[-1])
        if name not in self.objects:
            return self._error(404, f"no object {name}")
        if "download" in parts or "media" in parse_qs(url.query).get("alt", []):
            return self._bytes(self.objects[name])
        return self._json(self._about(name))

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "resumable" in parse_qs(url.query)["uploadType"]:
            name = json.loads(body)["name"]
            self.unfinished[name] = b""
            return self._answer(200, b"", {"Location": f"http://{self.headers['Host']}{url.path}?name={quote(name)}"})
        boundary = self.headers["Content-Type"].partition("boundary=")[2].strip('"').encode()
        _, about, content, _ = body.split(b"--" + boundary)
        name = json.loads(about.partition(b"\r\n\r\n")[2])["name"]
        self.objects[name] = content.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        return self._json(self._about(name))

    def do_PUT(self) -> None:
        name = parse_qs(urlsplit(self.path).query)["name"][0]
        self.unfinished[name] += self.rfile.read(int(self.headers["Content-Length"]))
        so_far, total = len(self.unfinished[name]), self.headers["Content-Range"].rpartition("/")[2]
        if total != str(so_far):
            return self._answer(308, b"", {"Range": f"bytes=0-{so_far - 1}"})
        self.objects[name] = self.unfinished.pop(name)
        return self._json(self._about(name))

    def _about(self, name: str) -> dict[str, str]:
        content = self.objects[name]
        checksum = base64.b64encode(google_crc32c.Checksum(content).digest()).decode()
        about = {"name": name, "bucket": self.bucket, "generation": "1"}
        return {**about, "size": str(len(content)), "crc32c": checksum}

    def _bytes(self, content: bytes) -> None:
        span = self.headers.get("Range", "")
        if not span:
            return self._answer(200, content, {"Content-Type": "application/octet-stream"})
        first, _, last = span.removeprefix("bytes=").partition("-")
        if int(first) >= len(content):
            return self._answer(416, b"", {})
        part = content[int(first) : int(last) + 1 if last else None]
        end = int(first) + len(part) - 1
        return self._answer(206, part, {"Content-Range": f"bytes {first}-{end}/{len(content)}"})

    def _json(self, value: object) -> None:
        self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _error(self, status: int, message: str) -> None:
        body = json.dumps({"error": {"code": status, "message": message}}).encode()
        self._answer(status, body, {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def google_storage(bucket: str) -> Iterator[str]:
    """Serve one bucket from memory; gives the address for ``STORAGE_EMULATOR_HOST``."""
    handler = type("Handler", (_Handler,), {"objects": {}, "unfinished": {}, "bucket": bucket})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
