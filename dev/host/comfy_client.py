"""A synchronous client of a running ComfyUI: queue a graph, watch it, collect what it did."""

from __future__ import annotations

import asyncio
import json
import struct
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp

Graph = dict[str, dict[str, Any]]
"""A workflow in API format: node id -> {"class_type", "inputs", "_meta"}."""

Status = Literal["success", "error", "interrupted", "rejected"]

_TEXT_EVENT, _PREVIEW_EVENT = 3, 4  # binary websocket events: a line of text, a picture with metadata


class ClientError(Exception):
    """The server did not answer as ComfyUI does, went away, or took too long."""


@dataclass
class Run:
    """What became of one queued graph."""

    prompt_id: str = ""
    status: Status = "success"
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Node id -> UI output, as in the history: {"9": {"images": [{"filename", "subfolder", "type"}]}}."""
    executed: list[str] = field(default_factory=list)
    """Ids of the nodes that ran, in order; nodes taken from the cache are not among them."""
    cached: set[str] = field(default_factory=set)
    """Ids of the nodes whose results the server still had."""
    error: dict[str, Any] | None = None
    """Of a failed node: node_id, node_type, exception_message, traceback, …; of a rejected graph: type, message, …."""
    node_errors: dict[str, Any] = field(default_factory=dict)
    """Node id -> what its validation said. May be non-empty on success: other outputs ran, that one did not."""
    progress: list[tuple[str, int, int]] = field(default_factory=list)
    """(node id, value, maximum) of every progress report, in order."""
    texts: list[tuple[str, str]] = field(default_factory=list)
    """(node id, line) of every text that was shown on a node while it ran, in order."""
    previews: list[tuple[str, bytes]] = field(default_factory=list)
    """(node id as the editor shows it, JPEG) of every preview that arrived, in order."""
    interrupted_in: float = 0.0
    """Seconds from the request of a cancel to the message that it has ended."""
    _fetch: Callable[[dict[str, str]], bytes] | None = field(default=None, repr=False)

    def images(self, node_id: str) -> list[bytes]:
        """The encoded pictures (PNG) that the node saved or previewed. Raises KeyError if it gave none."""
        assert self._fetch is not None
        return [self._fetch(place) for place in self.outputs[node_id]["images"]]

    def require_success(self) -> Run:
        """Return the run itself, or raise `ClientError` that says what went wrong."""
        if self.status != "success" or self.node_errors:
            raise ClientError(f"The graph ended as {self.status}: {self.explanation()}")
        return self

    def explanation(self) -> str:
        """What went wrong in one line, or an empty string."""
        lines = []
        if self.error:
            node = self.error.get("node_type", "")
            message = self.error.get("exception_message") or self.error.get("message") or ""
            lines.append(f"{node}: {message.strip()}" if node else message.strip())
        for node_id, refused in self.node_errors.items():
            for error in refused.get("errors", []):
                lines.append(f"node {node_id} ({refused.get('class_type')}): {error['message']}: {error['details']}")
        return "; ".join(lines)


@dataclass
class _Watch:
    """What the caller of `queue` asked to hear about or to stop at."""

    on_progress: Callable[[str, int, int], None] | None
    interrupt_at: str | None
    after_progress: int
    after_seconds: float
    interrupt_on_text: bool


class ComfyClient:
    """Talks to the server at `url`, e.g. "http://127.0.0.1:8188". Every call opens its own connection."""

    def __init__(self, url: str, timeout: float = 300.0) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        """Seconds that one graph or one request may take."""

    def queue(
        self,
        graph: Graph,
        on_progress: Callable[[str, int, int], None] | None = None,
        extra_data: dict[str, Any] | None = None,
        interrupt_at: str | None = None,
        after_progress: int = 0,
        after_seconds: float = 0.0,
        interrupt_on_text: bool = False,
        timeout: float | None = None,
    ) -> Run:
        """Queue `graph`, wait for its end and return what happened; a failing graph is a result, not an exception.

        `on_progress(node_id, value, maximum)` is called for every report (value 0 when a node starts).
        With `interrupt_at` the graph is cancelled as soon as that node has reported `after_progress` steps, or so many
        seconds later, with `interrupt_on_text` as soon as a node shows a text.
        Raises `ClientError` if the server goes away, answers nonsense, or takes longer than `timeout` seconds.
        """
        watch = _Watch(on_progress, interrupt_at, after_progress, after_seconds, interrupt_on_text)
        seconds = self.timeout if timeout is None else timeout
        run = Run(_fetch=self.view)
        try:
            asyncio.run(asyncio.wait_for(self._queue(graph, extra_data or {}, watch, run), seconds))
        except TimeoutError:
            self.interrupt()
            where = run.executed[-1] if run.executed else "nowhere"
            raise ClientError(
                f"The graph did not end within {seconds:g} s (last node started: {where}); it was cancelled."
            ) from None
        except aiohttp.ClientError as problem:
            raise ClientError(f"The connection to {self.url} broke: {problem}") from problem
        return run

    async def _queue(self, graph: Graph, extra_data: dict[str, Any], watch: _Watch, run: Run) -> None:
        client_id = uuid.uuid4().hex
        async with aiohttp.ClientSession() as session:
            # connected before posting: a short graph may be over before a later connection stands
            async with session.ws_connect(f"{self.url}/ws?clientId={client_id}", max_msg_size=0) as socket:
                await socket.send_json({"type": "feature_flags", "data": {"supports_preview_metadata": True}})
                body = {"prompt": graph, "client_id": client_id, "extra_data": extra_data}
                async with session.post(f"{self.url}/prompt", json=body) as answer:
                    reply = await _json_of(answer, allowed=(200, 400))
                run.node_errors = reply.get("node_errors") or {}
                if answer.status == 400:
                    run.status, run.error = "rejected", reply.get("error")
                    return
                run.prompt_id = reply["prompt_id"]
                await self._watch(session, socket, watch, run)
            async with session.get(f"{self.url}/history/{run.prompt_id}") as answer:
                history = await _json_of(answer)
        run.outputs = history.get(run.prompt_id, {}).get("outputs", {})

    async def _watch(
        self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, watch: _Watch, run: Run
    ) -> None:
        """Read messages until the server says that it has left this graph (its history is complete by then)."""
        seen: dict[str, int] = {}
        asked = 0.0
        async for message in socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                (kind,) = struct.unpack_from(">I", message.data)
                if kind not in (_TEXT_EVENT, _PREVIEW_EVENT):
                    continue
                end = 8 + struct.unpack_from(">I", message.data, 4)[0]
                head, rest = message.data[8:end].decode(), message.data[end:]
                if kind == _PREVIEW_EVENT:
                    run.previews.append((json.loads(head)["display_node_id"], rest))
                else:
                    run.texts.append((head, rest.decode()))
                    if watch.interrupt_on_text:
                        await session.post(f"{self.url}/interrupt", json={"prompt_id": run.prompt_id})
                continue
            if message.type != aiohttp.WSMsgType.TEXT:
                break
            event = json.loads(message.data)
            name, data = event["type"], event.get("data", {})
            if data.get("prompt_id") != run.prompt_id:
                continue
            if name == "executing" and data["node"] is None:
                return
            if name == "executing":
                run.executed.append(data["node"])
            elif name == "execution_cached":
                run.cached.update(data["nodes"])
            elif name == "execution_error":
                run.status, run.error = "error", data
            elif name == "execution_interrupted":
                run.status, run.error = "interrupted", data
                run.interrupted_in = time.monotonic() - asked
            elif name == "progress_state":
                for node_id, state in data["nodes"].items():
                    value = int(state["value"])
                    if state["state"] == "pending" or seen.get(node_id) == value:
                        continue
                    seen[node_id] = value
                    run.progress.append((node_id, value, int(state["max"])))
                    if watch.on_progress:
                        watch.on_progress(*run.progress[-1])
                    is_there = node_id == watch.interrupt_at and value >= watch.after_progress
                    if state["state"] == "running" and is_there:
                        watch.interrupt_at = None  # once
                        await asyncio.sleep(watch.after_seconds)
                        asked = time.monotonic()
                        await session.post(f"{self.url}/interrupt", json={"prompt_id": run.prompt_id})
        raise ClientError("The server closed the connection while the graph was running; see its log.")

    def interrupt(self) -> None:
        """Cancel whatever runs."""
        self._request("POST", "/interrupt", json={})

    def free(self) -> None:
        """Let the server unload all models and forget cached results before it takes the next graph."""
        self._request("POST", "/free", json={"unload_models": True, "free_memory": True})

    def object_info(self) -> dict[str, Any]:
        """Node id -> description of every node the server knows."""
        return json.loads(self._request("GET", "/object_info"))

    def system_stats(self) -> dict[str, Any]:
        """Versions, devices and memory as the server reports them."""
        return json.loads(self._request("GET", "/system_stats"))

    def history(self, prompt_id: str) -> dict[str, Any]:
        """The history entry of one graph; empty while it runs."""
        return json.loads(self._request("GET", f"/history/{prompt_id}")).get(prompt_id, {})

    def view(self, place: dict[str, str]) -> bytes:
        """One saved file; `place` holds filename, subfolder and type as in the history."""
        keys = ("filename", "subfolder", "type")
        return self._request("GET", "/view", params={key: place[key] for key in keys if key in place})

    def upload_image(self, image: Path | bytes, name: str) -> str:
        """Put a picture into the server's input folder; returns the name to give to LoadImage."""
        content = image.read_bytes() if isinstance(image, Path) else image
        form = aiohttp.FormData()
        form.add_field("image", content, filename=name, content_type="application/octet-stream")
        form.add_field("overwrite", "true")
        reply = json.loads(self._request("POST", "/upload/image", data=form))
        return f"{reply['subfolder']}/{reply['name']}" if reply.get("subfolder") else reply["name"]

    def _request(self, method: str, path: str, **options: Any) -> bytes:
        async def send() -> bytes:
            limit = aiohttp.ClientTimeout(total=self.timeout)
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.request(method, self.url + path, **options) as answer,
            ):
                content = await answer.read()
                if answer.status != 200:
                    raise ClientError(f"{method} {path} was answered {answer.status}: {content[:500]!r}")
                return content

        try:
            return asyncio.run(send())
        except TimeoutError:
            raise ClientError(f"{method} {path} was not answered within {self.timeout:g} s.") from None
        except aiohttp.ClientError as problem:
            raise ClientError(f"{method} {self.url}{path} failed: {problem}") from problem


async def _json_of(answer: aiohttp.ClientResponse, allowed: tuple[int, ...] = (200,)) -> dict[str, Any]:
    text = await answer.text()
    if answer.status not in allowed:
        raise ClientError(f"{answer.method} {answer.url.path} was answered {answer.status}: {text[:500]}")
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        raise ClientError(f"{answer.method} {answer.url.path} was not answered with JSON: {text[:200]}") from None
