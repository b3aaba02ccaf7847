"""Windows drawn for another ComfyUI: what a worker's ComfyUI is asked for, with plain data both ways.

The worker runs the workflow up to Tiled Redraw or Upscale Folder, which there leaves its request and touches no folder.
"""

from __future__ import annotations

import copy
import logging
import time
import uuid
from asyncio import run
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any

import execution
import torch
from server import PromptServer

from ...hires.errors import InputError
from ...hires.tiles.boxes import Box
from ...machines.jobs import Plain
from ...machines.pixels import from_plain, to_plain
from ...upscale_models import PlacedUpscaler
from ...upscale_models.models.placed import checked
from .alike import Request, difference, sketch
from .fragment import misfit
from .request import RedrawRequest
from .window import draw_window, no_smaller

log = logging.getLogger("hires-fix")

_left: ContextVar[list[Request] | None] = ContextVar("left", default=None)
"""Where a request is left at a worker; None in a ComfyUI that works for itself."""

_CACHES = {"lru": 0, "ram": 0.0, "ram_inactive": 0.0}


def is_left(request: Request) -> bool:
    """Whether this is a worker, which then has the request."""
    found = _left.get()
    if found is not None:
        found.append(request)
    return found is not None


def ready(fragment: Plain) -> Plain:
    """Make ready for windows of a workflow, see `fragment_of`. The answer's `refused` says why that is not possible."""
    problem = _drawing().prepare(fragment)
    return {"refused": problem} if problem else {}


def draw(window: Plain, is_wanted: Callable[[], bool]) -> Plain:
    """Draw a window, see `placed_window_of`; `tiles` of it as in `draw_window`, or the number of its `upscaler`.

    `is_wanted`: whether anybody waits for it; asked after every step.

    Returns:
        what `to_plain` makes of it, and the `seconds` it took; or `refused`, see `ready`, or `failed`: sentences.
    """
    return _drawing().draw(window, is_wanted)


class _NobodyWaits(Exception):  # noqa: N818 - what ends a window, no error
    pass


class _Drawing:
    """The workflow of one job, as far as it was run."""

    def __init__(self) -> None:
        self._executor = execution.PromptExecutor(PromptServer.instance, cache_args=_CACHES)
        self._fragment: Plain = {}
        self._request: Request | None = None

    def prepare(self, fragment: Plain) -> str:
        """Run it, unless it is the one that was run last. Returns why that is not possible, or nothing."""
        if self._request is not None and self._fragment == fragment:
            return ""
        self._request = None
        problem = misfit(fragment)
        if problem:
            return problem
        # the host's checks convert values in place
        nodes, node_id, name = copy.deepcopy(fragment["nodes"]), fragment["node"], uuid.uuid4().hex
        is_right, error, _, of_nodes = run(execution.validate_prompt(name, nodes, [node_id]))
        if not is_right:
            return f"its ComfyUI does not take the workflow: {_complaint(error, of_nodes)}"
        found: list[Request] = []
        token = _left.set(found)
        try:
            self._executor.execute(nodes, name, {}, [node_id])
        finally:
            _left.reset(token)
        if not found:
            return f"the workflow before the node fails there: {_failure(self._executor.status_messages)}"
        problem = difference(fragment["sketch"], sketch(found[0]))
        if not problem:
            self._request, self._fragment = found[0], fragment
        return problem

    @torch.inference_mode()
    def draw(self, window: Plain, is_wanted: Callable[[], bool]) -> Plain:
        """See `draw` of this module."""
        started = time.monotonic()
        problem = self.prepare(window["fragment"])
        if self._request is None:
            return {"refused": problem}
        pixels = from_plain(window)
        if pixels is None or pixels.ndim != 3:
            return {"failed": "the window came with other bytes than its shape says"}

        def on_step(*_: Any) -> None:
            if not is_wanted():
                raise _NobodyWaits

        try:
            drawn = _drawn(self._request, window, pixels, on_step)
        except _NobodyWaits:
            return {"failed": "nobody waited for it any more"}
        except InputError as error:
            return {"failed": str(error)}
        except Exception as error:  # this window may still be drawn elsewhere
            log.exception("A window was not drawn.")
            return {"failed": f"{type(error).__name__}: {error}"}
        return {**to_plain(drawn), "seconds": time.monotonic() - started}


@cache
def _drawing() -> _Drawing:
    return _Drawing()


def _drawn(request: Request, window: Plain, pixels: torch.Tensor, on_step: Callable[..., None]) -> torch.Tensor:
    box, size = Box(*window["box"]), (window["size"][0], window["size"][1])
    if isinstance(request, RedrawRequest):
        return draw_window(request, box, size, pixels, on_step, window["tiles"], no_smaller)
    upscaler = request.upscalers[window["upscaler"]]
    assert isinstance(upscaler, PlacedUpscaler)
    result = upscaler.without_smaller_parts().for_picture(size).run(pixels, box, on_step)
    return checked(upscaler, result, (box.width, box.height)).float()


def _complaint(error: Any, of_nodes: Any) -> str:
    """What the host's check says, of the first node that it says something of."""
    for of_node in of_nodes.values():
        for one in of_node["errors"]:
            return f"{of_node['class_type']}: {one['message']} {one['details']}".strip()
    return f"{error['message']} {error['details']}".strip()


def _failure(messages: Any) -> str:
    """What the host tells of a node that failed."""
    for event, told in messages:
        if event == "execution_error":
            return f"{told['node_type']}: {told['exception_message'].strip()}"
    return "it ended before"
