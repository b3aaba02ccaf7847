"""A1111's upscaler of img2img, where it makes a picture larger before or after the graph that draws."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from PIL import Image

from ...hires.graph.builder import Graph
from ...sdapi.errors import failed
from ...sdapi.generate.asked import Asked
from ...sdapi.generate.house import House
from ...sdapi.generate.img2img import enlarging
from ...sdapi.generate.placing import Enlarge
from .given import Given
from .jobs import JOBS, Ended, Job
from .results import pictures_of

T = TypeVar("T")

_LOOK = 1.0
"""Seconds between two looks whether the server still runs."""


def enlarger(job: Job, asked: Asked[Any], here: House, kept: Given) -> Enlarge:
    """A function for work `beside` the event loop of its caller. Each picture is a graph of the job.

    It raises ApiError or GraphError. A job that is interrupted gets its picture back as it is.
    """
    loop = asyncio.get_running_loop()

    def run(graph: Graph) -> Ended:
        running = asyncio.run_coroutine_threadsafe(JOBS.run(job, graph, counts=False), loop)
        while True:
            try:
                return running.result(_LOOK)
            except TimeoutError:
                if not loop.is_running():
                    raise failed("RuntimeError", "The server has stopped.") from None

    def enlarge(image: Image.Image, factor: float) -> Image.Image:
        graph = enlarging(asked, kept.put(image), factor, here)
        while not job.is_interrupted:
            ended = run(graph)
            if ended.pictures:  # else it was skipped, which A1111 does not do here
                return pictures_of(ended)[0].convert("RGB")
        return image

    return enlarge


async def beside(work: Callable[[], T]) -> T:
    """Do what may enlarge pictures, in a thread of its own.

    It may wait for long behind other jobs, and the few threads of the event loop are what these need to end.
    """
    pool = ThreadPoolExecutor(1)
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, work)
    finally:
        pool.shutdown(wait=False)
