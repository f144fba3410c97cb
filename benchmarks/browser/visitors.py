"""Simulated people in the builder: they speak Streamlit's protocol and change a number at times.

`python -m browser.visitors URL SEGMENT USERS SECONDS` prints the milliseconds of each answer.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass
from typing import Any

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

THINK = 4.0
"""Seconds between two edits, on average."""
PAUSE = 0.15
"""Seconds after a count until the page asks for the people (see builder_follower.js)."""
BUILDER, FOLLOWER = "pregon.query_builder", "pregon.builder_follower"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A component as it came last, and when."""

    id: str
    fragment: str
    data: dict[str, Any]
    at: float


class Visitor:
    def __init__(self, url: str, segment: int) -> None:
        self.url = url.replace("http", "ws") + "/_stcore/stream"
        self.segment = segment
        self.seen: dict[str, Seen] = {}
        self.draft: dict[str, Any] = {}
        self.edit = 0

    @property
    def shown(self) -> dict[str, Any]:
        return self.seen[BUILDER].data

    async def visit(self, seconds: float) -> list[float]:
        async with websockets.connect(
            self.url, subprotocols=["streamlit"], max_size=None, compression=None
        ) as self.socket:
            await self.run()
            self.draft = self.shown["saved"]
            await asyncio.sleep(random.random() * THINK)
            end, taken = time.monotonic() + seconds, []
            while time.monotonic() < end:
                start = time.perf_counter()
                await self.change()
                taken.append((self.seen[BUILDER].at - start) * 1000)
                await asyncio.sleep(PAUSE)
                await self.follow()
                await asyncio.sleep(random.expovariate(1 / THINK))
            return taken

    async def change(self) -> None:
        """Another number in the first condition on one, as the builder sends it."""
        self.edit += 1
        of = [
            {**node, "value": random.randint(1, 10**6) / 1000} if node.get("op") == "gte" else node
            for node in self.draft["of"]
        ]
        self.draft = {**self.draft, "of": of}
        parts = {name: part["hash"] for name, part in self.shown["parts"].items()}
        tree = f"{self.shown['session']}.{self.shown['revision']}.{self.edit}"
        edited = {"tree": self.draft, "draft": self.draft, "edit": self.edit}
        edited |= {"revision": self.shown["revision"], "have": {**parts, "tree": tree}}
        state = WidgetState(id=self.seen[BUILDER].id, json_value=json.dumps({"edited": edited}))
        await self.run(BUILDER, state)
        if self.shown["edit"] != self.edit or "" not in self.shown["counts"]:
            raise RuntimeError("The builder did not answer the edit.")

    async def follow(self) -> None:
        """The people of the new tree."""
        stamp = self.shown["stamp"]
        trigger = f"$$STREAMLIT_INTERNAL_KEY_{self.seen[FOLLOWER].id}__events"
        said = json.dumps([{"event": "follow", "value": stamp}])
        await self.run(FOLLOWER, WidgetState(id=trigger, json_trigger_value=said))
        if self.seen[FOLLOWER].data["stamp"] != stamp:
            raise RuntimeError("The people did not follow the edit.")

    async def run(self, where: str = "", state: WidgetState | None = None) -> None:
        """Ask for a run of the page, or of a component's fragment, and read until it is done."""
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string, asked.page_name = f"id={self.segment}", "segments"
        if state is not None:
            asked.fragment_id = self.seen[where].fragment
            asked.widget_states.widgets.append(state)
        await self.socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg()
            answer.ParseFromString(await self.socket.recv())
            kind = answer.WhichOneof("type")
            if kind == "delta":
                self._read(answer.delta)
            if kind == "script_finished" and {BUILDER, FOLLOWER} <= self.seen.keys():
                return

    def _read(self, delta: Any) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        element = delta.new_element
        if element.WhichOneof("type") == "exception":
            raise RuntimeError(element.exception.message)
        if element.WhichOneof("type") != "bidi_component":
            return
        component = element.bidi_component
        self.seen[component.component_name] = Seen(
            id=component.id,
            fragment=delta.fragment_id,
            data=json.loads(component.json or component.mixed.json or "null"),
            at=time.perf_counter(),
        )


async def crowd(url: str, segment: int, users: int, seconds: float) -> list[float]:
    """They come one after the other within two seconds."""

    async def come(place: int) -> list[float]:
        await asyncio.sleep(2 * place / users)
        return await Visitor(url, segment).visit(seconds)

    found = await asyncio.gather(*(come(place) for place in range(users)))
    return [each for taken in found for each in taken]


if __name__ == "__main__":
    url, segment, users, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(crowd(url, int(segment), int(users), float(seconds)))))
