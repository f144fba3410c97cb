"""The physical limit: the transport of the dispatcher in a loop, with nothing around it."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from channels.base import Request
from engine.dispatch import IN_FLIGHT, Http


async def main(url: str, messages: int) -> None:
    left = iter(range(messages))
    body = b'{"messaging_product":"whatsapp","to":"573000000000","text":{"body":"Hola, Ana"}}'
    headers = {"content-type": "application/json", "authorization": "Bearer t"}
    request = Request(method="POST", url=f"{url}/v25.0/1001/messages", headers=headers, body=body)
    async with Http() as transport:

        async def one_after_another() -> None:
            for _ in left:
                await transport.send(request)

        await asyncio.gather(*(one_after_another() for _ in range(IN_FLIGHT)))


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
