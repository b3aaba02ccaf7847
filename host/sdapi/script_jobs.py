"""A1111's scripts that are done here, as jobs."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any

from PIL import Image

from ...hires.graph.builder import Graph
from ...hires.sizes.extras import whole_eights
from ...hires.tiles.grid import tile_grid
from ...sdapi.colours import colours_of
from ...sdapi.generate import loopback as loops_of
from ...sdapi.generate import sd_upscale as tiled
from ...sdapi.generate.asked import Asked
from ...sdapi.generate.house import House
from ...sdapi.generate.img2img import Afterwards
from ...sdapi.generate.pictures import decoded
from ...sdapi.generate.requests import Img2Img
from ...sdapi.generate.texts import Told, extra_generation_params, infotexts
from .enlarging import beside, enlarger
from .given import Given
from .jobs import JOBS, Job
from .results import Drawn, pictures_of, reply


async def sd_upscale(asked: Asked[Img2Img], here: House, sent: list[Image.Image], kept: Given) -> dict[str, Any]:
    """Every repeat of the whole picture is a graph; A1111 counts batches of tiles."""
    script = tiled.arguments(asked, here)
    name = await asyncio.to_thread(kept.put, sent[0])
    batches = _batches(asked, script, sent[0].size)
    async with JOBS.job("scripts_img2img", batches * asked.n_iter, batches) as job:
        job.batches = job.count
        drawn = Drawn()
        for number in range(asked.n_iter):
            if job.is_interrupted:
                break
            graph = await asyncio.to_thread(tiled.graph_of, asked, script, number, here, name)
            drawn.add(await _drawn(job, graph), number)
        told = Told(script.said, job_timestamp=job.timestamp)
        texts = [infotexts(asked, here, told)[0]] * len(drawn.pictures)
        first = (asked.settings.seed or 0) + asked.n_iter - 1 + batches - 1
        last = [first + index for index in range(asked.batch_size)]
        changed = {"all_seeds": last, "subseed": asked.request.subseed}
        return await asyncio.to_thread(
            lambda: reply(tiled.NAME, asked, here, drawn, told, texts, of_script=True, **changed)
        )


def _batches(asked: Asked[Img2Img], script: tiled.SdUpscale, size: tuple[int, int]) -> int:
    """Batches of tiles of one repeat."""
    large = size if script.upscaler == "None" else whole_eights(size, script.factor)
    return math.ceil(tile_grid(large, asked.size, script.overlap, as_a1111=True).count / asked.batch_size)


async def loopback(asked: Asked[Img2Img], here: House, sent: list[Image.Image], kept: Given) -> dict[str, Any]:
    """Every loop is a graph; it begins with the result of the one before."""
    script = loops_of.arguments(asked)
    count = script.loops * asked.n_iter
    said, redrawn = script.said, asked
    # A1111 takes them before the picture has lost its transparency
    first = (asked.request.init_images or [""])[0]
    corrects = asked.options["img2img_color_correction"]
    colours = await asyncio.to_thread(lambda: colours_of(decoded(first))) if corrects else None
    async with JOBS.job("scripts_img2img", count) as job:
        job.batches = count
        drawn, inside, enlarge = Drawn(), [], enlarger(job, asked, here, kept)
        for batch in range(asked.n_iter):
            pictures, of_loop = sent, ""
            for loop in range(script.loops):
                if job.is_interrupted:
                    break
                number = batch * script.loops + loop
                mine = script.asked(redrawn, loop, number)

                def build(
                    mine: Asked[Img2Img] = mine, number: int = number, before: list[Image.Image] = pictures
                ) -> tuple[Graph, Afterwards]:
                    return loops_of.graph_of(mine, number, here, before, kept.put, enlarge, colours)

                graph, found = await beside(build)
                pictures = await _drawn(job, graph)
                if not pictures:
                    break
                pictures = await beside(lambda found=found, before=pictures: found.composed(before))
                said = {**said, **found.said}
                if found.masked and not found.masked.shown:  # A1111 asks no more whether the mask is empty
                    whole = asked.request.model_copy(update={"inpaint_full_res": False})
                    redrawn = replace(asked, request=whole)
                of_loop = infotexts(mine, here, Told(said))[0]
                if asked.n_iter == 1:
                    drawn.add(pictures, 0)
                    inside.append(of_loop)
            if asked.n_iter > 1 and of_loop and pictures:
                drawn.add(pictures, 0)
                inside.append(of_loop)
        told = Told(said, job_timestamp=job.timestamp)
        texts = [infotexts(script.asked(asked, 0, 0), here, told)[0]] * len(drawn.pictures)
        last = (asked.settings.seed or 0) + count - 1
        changed = {
            "all_seeds": [last],
            "subseed": asked.request.subseed,
            "all_subseeds": asked.subseeds[:1],
            "all_prompts": [asked.settings.prompt],
            "all_negative_prompts": [asked.settings.negative_prompt],
            "batch_size": 1,
            "denoising_strength": script.strength(script.loops),
            "extra_generation_params": extra_generation_params(script.asked(asked, script.loops - 1, 0), here, told),
        }
        return await asyncio.to_thread(
            lambda: reply("loopback", asked, here, drawn, told, texts, inside, of_script=True, **changed)
        )


async def _drawn(job: Job, graph: Graph) -> list[Image.Image]:
    return await asyncio.to_thread(pictures_of, await JOBS.run(job, graph))
