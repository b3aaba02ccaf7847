"""Requests and replies as A1111's server has them: errors, redirects, authentication, compression."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ...hires.errors import InputError
from ...sdapi import auth
from ...sdapi.body import read_body
from ...sdapi.errors import ApiError, bare, failed, refused
from .routes import Route, Table

log = logging.getLogger("hires-fix")

_COMPRESSED = 1000
"""Bytes from which on a reply is compressed, for those who ask."""

_LARGE = 2**16
"""Bytes of JSON that take so long that the event loop should not read them."""

_AGAIN = "/api"
"""The host has every address a second time below this one."""


class Wire:
    """Answers every request below its addresses. `users`: passwords by users; empty: everybody may call."""

    def __init__(self, table: Table, users: Mapping[str, str]) -> None:
        self._table, self._users = table, users

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The reply, whatever becomes of the request."""
        started = time.perf_counter()
        try:
            moved = self._moved(request)
            if moved:
                reply = web.Response(status=307, headers={"Location": moved})
            else:
                reply = await _reply(200, await self._found(request))
        except ApiError as error:
            reply = await _reply(error.status, error.body)
            if error.status == 405:
                reply.headers["Allow"] = self._allowed(request)
        except InputError as error:
            reply = await _reply(500, failed("RuntimeError", str(error)).body)
        except Exception as error:  # a client gets a sentence whatever happens, and the log all of it
            log.exception("A1111's API failed at %s %s", request.method, request.path)
            sentence = f"{error} (the server's log has the details)" if str(error) else "see the server's log"
            reply = await _reply(500, failed(type(error).__name__, sentence).body)
        if "gzip" in request.headers.get("Accept-Encoding", "") and _size(reply) >= _COMPRESSED:
            reply.enable_compression(web.ContentCoding.gzip)
            reply.headers["Vary"] = "Accept-Encoding"
        reply.headers["X-Process-Time"] = f"{time.perf_counter() - started:.4f}"
        return reply

    async def _found(self, request: web.Request) -> Any:
        methods = self._table.routes.get(_path(request))
        if methods is None:
            raise bare(404, "Not Found")
        route = methods.get(request.method)
        if route is None:
            raise bare(405, "Method Not Allowed")
        if self._users:
            auth.check(request.headers.get("Authorization"), self._users)
        return await route.call(await _body(request, route), request.query)

    def _moved(self, request: web.Request) -> str | None:
        """Where a request belongs that has a slash too many."""
        path = _path(request)
        bare_path = path.rstrip("/")
        if path == bare_path or bare_path not in self._table.routes:
            return None
        return str(request.url.with_path(request.path.rstrip("/")).with_query(request.query))

    def _allowed(self, request: web.Request) -> str:
        return ", ".join(self._table.routes[_path(request)])


def _path(request: web.Request) -> str:
    return request.path.removeprefix(_AGAIN)


async def _body(request: web.Request, route: Route) -> Any:
    if route.endpoint.body is None:
        return None
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise refused(413, "The body is larger than this server takes (ComfyUI's --max-upload-size).") from error
    given = raw, request.content_type if "Content-Type" in request.headers else ""
    return read_body(*given) if len(raw) < _LARGE else await asyncio.to_thread(read_body, *given)


async def _reply(status: int, body: Any) -> web.Response:
    text = await asyncio.to_thread(_dumped, body)
    return web.Response(status=status, body=text, content_type="application/json")


def _dumped(body: Any) -> bytes:
    # numbers that are none are no JSON: clients could not read the reply
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "replace")


def _size(reply: web.Response) -> int:
    return len(reply.body) if isinstance(reply.body, (bytes, bytearray)) else 0
