"""A small server that stands for a model server.

``python upstream_server.py VARIANT STATUS [PORT]`` prints its port. It answers everything with its variant in
``x-fairlead-variant`` and STATUS, health checks with 200; ``/seen`` lists the ids of the requests that it got,
``/seen/mirrored`` those of copies.
"""

import asyncio
import json
import sys


class _Server:
    def __init__(self, variant: str, status: int) -> None:
        self.variant, self.status = variant, status
        self.ids: list[str] = []
        self.mirrored: list[str] = []

    async def serve(self, port: int) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", port)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                await reader.readexactly(int(headers.get("content-length", 0)))
                writer.write(self._answer(head[0].split()[1], headers))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, path: str, headers: dict[str, str]) -> bytes:
        body, status = b"{}", 200
        if path.startswith("/seen"):
            body = json.dumps(self.mirrored if path.endswith("mirrored") else self.ids).encode()
        elif path == "/metrics":
            body = f'fairlead_requests_total{{route="infer"}} {len(self.ids)}.0\n'.encode()
        elif "health" not in path:
            status = self.status
            self.ids.append(headers.get("x-request-id", ""))
            if "x-fairlead-mirrored" in headers:
                self.mirrored.append(headers["x-request-id"])
        lines = f"HTTP/1.1 {status} -\r\ncontent-length: {len(body)}\r\nx-fairlead-variant: {self.variant}\r\n\r\n"
        return lines.encode() + body


if __name__ == "__main__":
    asyncio.run(_Server(sys.argv[1], int(sys.argv[2])).serve(int(sys.argv[3]) if sys.argv[3:] else 0))
