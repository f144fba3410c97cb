"""A provider that does nothing: answers every POST as WhatsApp does, and counts.

Run as a process of its own; it prints its port, and answers GET with what it has seen.
"""

from __future__ import annotations

import asyncio
import time

import httptools
import orjson
import uvloop


class Seen:
    requests = 0
    first = 0.0
    last = 0.0


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests are answered as soon as they are whole."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self.parser.get_method() == b"GET":
            seen = {"requests": Seen.requests, "seconds": Seen.last - Seen.first}
            self.answer(orjson.dumps(seen))
            Seen.requests = 0
            return
        Seen.last = time.monotonic()
        Seen.first = Seen.last if not Seen.requests else Seen.first
        Seen.requests += 1
        self.answer(b'{"messages":[{"id":"wamid.%d"}]}' % time.monotonic_ns())

    def answer(self, body: bytes) -> None:
        self.transport.write(  # type: ignore[attr-defined]
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
            % (len(body), body)
        )


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
