"""A1111's upscaler of img2img, where it makes a picture larger before or after the graph that draws."""

from __future__ import annotations

import asyncio
from typing import Any

from PIL import Image

from ...sdapi.generate.asked import Asked
from ...sdapi.generate.house import House
from ...sdapi.generate.img2img import enlarging
from ...sdapi.generate.placing import Enlarge
from .given import Given
from .jobs import JOBS, Job
from .results import pictures_of


def enlarger(job: Job, asked: Asked[Any], here: House, kept: Given) -> Enlarge:
    """A function for threads beside the event loop of its caller. Each picture is a graph of the job.

    It raises ApiError or GraphError. A job that is interrupted gets its picture back as it is.
    """
    loop = asyncio.get_running_loop()

    def enlarge(image: Image.Image, factor: float) -> Image.Image:
        graph = enlarging(asked, kept.put(image), factor, here)
        while not job.is_interrupted:
            ended = asyncio.run_coroutine_threadsafe(JOBS.run(job, graph, counts=False), loop).result()
            if ended.pictures:  # else it was skipped, which A1111 does not do here
                return pictures_of(ended)[0].convert("RGB")
        return image

    return enlarge
