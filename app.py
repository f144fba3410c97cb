"""The studio: `streamlit run app.py`. Pages, webhooks and headers put together, nothing else."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from engine import webhooks
from engine.segments import frame
from pages._headers import SecurityHeaders
from pages.widgets import language, problems, workspace

ROOT = Path(__file__).resolve().parent
ANY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


async def not_found(request: Request) -> Response:
    """Without this Streamlit would answer 200 and its page to any address."""
    return PlainTextResponse("Not found", status_code=404)


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Do beforehand what the first table, chart or segment would otherwise wait for."""
    warming = [
        asyncio.create_task(asyncio.to_thread(importlib.import_module, "pandas")),
        asyncio.create_task(asyncio.to_thread(frame.load, workspace.database())),
    ]
    yield
    await asyncio.gather(*warming, return_exceptions=True)  # the first page says what is wrong


app = st.App(
    ROOT / "pages" / "_frame.py",
    routes=[
        *webhooks.routes(workspace.database()),
        *language.routes,
        Mount("/fonts", StaticFiles(directory=ROOT / "static")),
        Route("/hooks/{path:path}", not_found, methods=ANY),
        Route("/api/{path:path}", not_found, methods=ANY),
    ],
    middleware=[Middleware(SecurityHeaders)],
    lifespan=lifespan,
    on_script_error=problems.unexpected,
)
