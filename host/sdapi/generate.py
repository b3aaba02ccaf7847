"""Requests that make pictures: drawn by graphs on the host's queue, answered in A1111's forms."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image

from ...hires.errors import InputError
from ...hires.graph.builder import Graph, GraphError
from ...hires.graph.to_api import to_api
from ...sdapi.errors import ApiError, failed
from ...sdapi.generate import extras as extras_of
from ...sdapi.generate import img2img as redrawn
from ...sdapi.generate import txt2img as drawn_anew
from ...sdapi.generate.asked import Asked, asked_for, with_infotext
from ...sdapi.generate.house import House
from ...sdapi.generate.models import read
from ...sdapi.generate.pictures import decoded, encoded, plain
from ...sdapi.generate.placing import Enlarge
from ...sdapi.generate.requests import Extras, ExtrasBatch, ExtrasSingle, Img2Img, Txt2Img
from ...sdapi.generate.scripts import script_of, units_of
from ...sdapi.generate.texts import Told
from ...sdapi.options import Options
from ...sdapi.scripts import LOOPBACK, SD_UPSCALE
from .enlarging import beside, enlarger
from .given import Given, controls_of, given
from .houses import hashes_of_networks, house
from .jobs import JOBS, Job
from .progress import progress
from .results import Drawn, form_of, graphs_in, pictures_of, reply
from .script_jobs import loopback, sd_upscale

__all__ = ["extra_batch_images", "extra_single_image", "img2img", "interrupt", "progress", "skip", "txt2img"]

After = Callable[[list[Image.Image]], list[Image.Image]]
"""What is done to the pictures of a batch when they are drawn."""


async def txt2img(body: Any, options: Options) -> dict[str, Any]:
    """Answer `POST /sdapi/v1/txt2img`. Raises ApiError."""
    request = with_infotext(read(Txt2Img, body))
    asked, here, _ = await _asked(request, options, is_img2img=False)
    parts = 2 if asked.settings.hires else 1
    with given() as kept:
        controls, said = await _in_thread(lambda: controls_of(asked, here, kept))
        picture = await _in_thread(lambda: drawn_anew.given_picture(asked))
        name = await _in_thread(lambda: kept.put(picture)) if picture else None
        graphs = [
            lambda number=number: drawn_anew.graph_of(asked, number, here, controls, name)
            for number in range(asked.n_iter)
        ]
        async with JOBS.job(_job_name(drawn_anew.NAME), asked.n_iter * parts, parts) as job:
            return await _drawn(job, drawn_anew.NAME, asked, here, graphs, said)


async def img2img(body: Any, options: Options) -> dict[str, Any]:
    """Answer `POST /sdapi/v1/img2img`. Raises ApiError."""
    request = with_infotext(read(Img2Img, body))
    asked, here, script = await _asked(request, options, is_img2img=True)
    colour = str(asked.options["img2img_background_color"])
    sent = await _in_thread(lambda: redrawn.sent_pictures(request, colour))
    if 1 < len(sent) < asked.batch_size:  # a batch is as large as its pictures are many
        asked = replace(asked, batch_size=len(sent))
    with given() as kept:
        if script:
            if units_of(request):
                raise failed("NotImplementedError", f"ControlNet together with the script {script} is not done here.")
            job = {SD_UPSCALE: sd_upscale, LOOPBACK: loopback}[script]
            try:
                return await job(asked, here, sent, kept)
            except (GraphError, InputError) as error:
                raise failed("ValueError", str(error)) from error
        async with JOBS.job(_job_name(redrawn.NAME), asked.n_iter) as job:
            enlarge = enlarger(job, asked, here, kept)
            loaded, found, said = await _in_thread(lambda: _prepared(asked, here, sent, kept, enlarge), beside)
            graphs = [
                lambda number=number: redrawn.graph_of(asked, number, here, loaded) for number in range(asked.n_iter)
            ]
            told = {**said, **found.said}
            return await _drawn(job, redrawn.NAME, asked, here, graphs, told=told, after=found.composed)


def _prepared(
    asked: Asked[Img2Img], here: House, sent: list[Image.Image], kept: Given, enlarge: Enlarge
) -> tuple[redrawn.Loaded, redrawn.Afterwards, dict[str, str]]:
    """What the graph loads, what becomes of its pictures, and what the text tells of ControlNets."""
    loaded, found = redrawn.prepared(asked, sent, kept.put, enlarge)
    controls, said = controls_of(asked, here, kept, sent[0], found.paste_to)
    return replace(loaded, controls=controls), found, said


async def extra_single_image(body: Any, options: Options) -> dict[str, Any]:
    """Answer `POST /sdapi/v1/extra-single-image`. Raises ApiError."""
    request = read(ExtrasSingle, body)
    images, text = await _extras(request, [request.image], options)
    if not images:
        raise failed("InterruptedError", "The job was interrupted before it began; there is no picture.")
    return {"html_info": f"<p>{text}</p>", "image": images[0]}


async def extra_batch_images(body: Any, options: Options) -> dict[str, Any]:
    """Answer `POST /sdapi/v1/extra-batch-images`. Raises ApiError."""
    request = read(ExtrasBatch, body)
    images, text = await _extras(request, [file.data for file in request.imageList], options)
    return {"html_info": f"<p>{text}</p>", "images": images}


async def interrupt() -> dict[str, Any]:
    """End the job that is drawn: its client gets what there is."""
    if JOBS.current:
        JOBS.current.interrupt()
    return {}


async def skip() -> None:
    """End the batch that is drawn; the next one follows."""
    if JOBS.current:
        JOBS.current.skip()


async def _asked(request: Any, options: Options, is_img2img: bool) -> tuple[Asked[Any], House, str | None]:
    """What a request asks for, what is here, and the script."""

    def ask() -> tuple[Asked[Any], House, str | None]:
        script = script_of(request, is_img2img)
        here = house()
        settings = options.with_overrides(request.override_settings)
        # A1111 has put the setting back when it encodes the reply
        settings["samples_format"] = options.current()["samples_format"]
        asked = asked_for(request, settings, here)
        if request.override_settings and request.override_settings_restore_afterwards is False:
            options.set(request.override_settings)
        return asked, here, script

    return await _in_thread(ask)


def _job_name(name: str) -> str:
    return f"scripts_{name}"


async def _drawn(
    job: Job,
    name: str,
    asked: Asked[Any],
    here: House,
    graphs: Sequence[Callable[[], Graph]],
    told: Mapping[str, Any],
    after: After = lambda pictures: pictures,
) -> dict[str, Any]:
    """Run the graphs of all batches and answer with what came out. `told`: see `Told.base`."""
    job.batches = len(graphs)
    drawn, networks = Drawn(), {}
    for number, build in enumerate(graphs):
        if job.is_interrupted:
            break
        graph = await _in_thread(build)
        ended = await JOBS.run(job, graph)
        pictures = await _in_thread(lambda ended=ended: after(pictures_of(ended)), beside)
        drawn.add(pictures, number * asked.batch_size)
        if not networks:
            networks = await _in_thread(lambda graph=graph: hashes_of_networks(to_api(graph), asked.settings))
    said = Told(told, networks, job.timestamp)
    return await _in_thread(lambda: reply(name, asked, here, drawn, said))


async def _extras(request: Extras, sent: list[str], options: Options) -> tuple[list[str], str]:
    """Every picture on its own, since their sizes differ; and what A1111 writes of them."""
    with given() as kept:

        def prepare() -> tuple[list[Image.Image], list[Graph], dict[str, Any]]:
            here, settings = house(), options.with_overrides({})
            pictures = [plain(decoded(text)) for text in sent]
            graphs: list[Graph] = [
                extras_of.graph_of(request, kept.put(picture), settings, here) for picture in pictures
            ]
            return pictures, graphs, settings

        pictures, graphs, settings = await _in_thread(prepare)
        text = extras_of.text_of(request)

        def packed(large: Image.Image, before: Image.Image) -> str:
            """The result, with the texts of the picture that was sent."""
            texts = {str(key): value for key, value in before.info.items() if isinstance(value, str)}
            texts |= {extras_of.TEXT: text, **graphs_in(large)}
            return base64.b64encode(encoded(large, texts, **form_of(settings))).decode("ascii")

        images = []
        async with JOBS.job("extras", max(1, len(graphs)), is_sampled=False) as job:
            for graph, before in zip(graphs, pictures, strict=True):
                ended = await JOBS.run(job, graph)
                if ended.was_cancelled and job.is_interrupted:
                    break
                if ended.was_cancelled:
                    raise failed("InterruptedError", "The job was skipped before it began; there is no picture.")
                images.append(
                    await _in_thread(lambda ended=ended, before=before: packed(pictures_of(ended)[0], before))
                )
        return images, text


async def _in_thread(work: Callable[[], Any], where: Callable[[Callable[[], Any]], Any] = asyncio.to_thread) -> Any:
    """Do what may take a moment beside the event loop; raises ApiError for what cannot be done."""
    try:
        return await where(work)
    except ApiError:
        raise
    except (GraphError, InputError) as error:
        raise failed("ValueError", str(error)) from error
