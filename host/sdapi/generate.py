"""Requests that make pictures: drawn by graphs on the host's queue, answered in A1111's forms."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import folder_paths
from PIL import Image

from ...hires.errors import InputError
from ...hires.graph.builder import Graph, GraphError
from ...hires.graph.to_api import to_api
from ...pictures import PARAMETERS
from ...sdapi import extras as drawn_extras
from ...sdapi import txt2img as drawn_txt2img
from ...sdapi.asked import Asked, asked_for, with_infotext
from ...sdapi.asked_scripts import script_of
from ...sdapi.errors import ApiError, failed
from ...sdapi.house import House
from ...sdapi.options import Options
from ...sdapi.pictures import decoded, encoded, grid, plain
from ...sdapi.request import read
from ...sdapi.requests import Extras, ExtrasBatch, ExtrasSingle, Generation, Txt2Img
from ...sdapi.texts import Told, echo, info, infotexts
from .given import given
from .houses import hashes_of_networks, house
from .jobs import JOBS, Ended, Job

log = logging.getLogger("hires-fix")


async def txt2img(body: Any, options: Options) -> dict[str, Any]:
    """Answer `POST /sdapi/v1/txt2img`. Raises ApiError."""
    request = with_infotext(read(Txt2Img, body))
    asked, here = await _asked(request, options, is_img2img=False)
    parts = 2 if asked.settings.hires else 1
    graphs = [lambda number=number: drawn_txt2img.graph_of(asked, number, here) for number in range(asked.n_iter)]
    return await _draw("txt2img", asked, here, graphs, parts)


async def extra_single_image(body: Any, options: Options) -> dict[str, Any]:
    """Answer `POST /sdapi/v1/extra-single-image`. Raises ApiError."""
    request = read(ExtrasSingle, body)
    images, text = await _extras(request, [request.image], options)
    return {"html_info": f"<p>{text}</p>", "image": images[0]}


async def extra_batch_images(body: Any, options: Options) -> dict[str, Any]:
    """Answer `POST /sdapi/v1/extra-batch-images`. Raises ApiError."""
    request = read(ExtrasBatch, body)
    images, text = await _extras(request, [file.data for file in request.imageList], options)
    return {"html_info": f"<p>{text}</p>", "images": images}


async def _extras(request: Extras, sent: list[str], options: Options) -> tuple[list[str], str]:
    """Every picture on its own, since their sizes differ; and the text of the last."""
    here, settings = await _in_thread(lambda: (house(), options.with_overrides({})))
    with given() as kept:
        pictures = await _in_thread(lambda: [plain(decoded(text)) for text in sent])
        names = await _in_thread(lambda: [kept.put(picture) for picture in pictures])
        graphs = await _in_thread(lambda: [drawn_extras.graph_of(request, name, settings, here) for name in names])
        text = drawn_extras.text_of(request)
        images = []
        async with JOBS.job("extras", len(graphs)) as job:
            for graph, picture in zip(graphs, pictures, strict=True):
                ended = await JOBS.run(job, graph)
                if ended.was_cancelled:
                    raise failed("InterruptedError", "The job was cancelled.")
                images.append(await _in_thread(lambda ended=ended, picture=picture: _enlarged(ended, picture, text, settings)))
        return images, text


def _enlarged(ended: Ended, before: Image.Image, text: str, options: Mapping[str, Any]) -> str:
    """The result, with the texts of the picture that was sent."""
    (file,) = _paths(ended)
    picture = _opened(file)
    kept = {key: value for key, value in before.info.items() if isinstance(value, str) and key not in _graphs_in(before)}
    return encoded(picture, {**kept, drawn_extras.TEXT: text, **_graphs_in(picture)}, **_form(options))


async def _asked(request: Any, options: Options, is_img2img: bool) -> tuple[Asked[Any], House]:
    def ask() -> tuple[Asked[Any], House]:
        script_of(request, is_img2img)
        here = house()
        settings = options.with_overrides(request.override_settings)
        asked = asked_for(request, settings, here)
        if request.override_settings and request.override_settings_restore_afterwards is False:
            options.set(request.override_settings)
        return asked, here

    return await _in_thread(ask)


async def _draw(
    name: str,
    asked: Asked[Any],
    here: House,
    graphs: list[Callable[[], Graph]],
    parts: int,
    told: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Run the graphs of all batches and answer with what came out."""
    async with JOBS.job(f"scripts_{name}", len(graphs) * parts, parts) as job:
        files: list[Path] = []
        places: list[int] = []
        networks: dict[str, str] = {}
        for number, build in enumerate(graphs):
            if job.is_interrupted:
                break
            if len(graphs) > 1:
                job.name = f"Batch {number + 1} out of {len(graphs)}"
            graph = await _in_thread(build)
            ended = await JOBS.run(job, graph)
            found = _paths(ended)
            files += found
            places += range(number * asked.batch_size, number * asked.batch_size + len(found))
            if not networks:
                networks = await _in_thread(lambda graph=graph: hashes_of_networks(to_api(graph), asked.settings))
            if ended.was_cancelled and not (job.is_skipped or job.is_interrupted):
                raise failed("InterruptedError", "Somebody cancelled the job on the server.")
        return await _in_thread(lambda: _reply(job, asked, here, files, places, Told(told or {}, networks, job.timestamp)))


def _reply(
    job: Job, asked: Asked[Any], here: House, files: list[Path], places: list[int], told: Told
) -> dict[str, Any]:
    texts = infotexts(asked, here, told)
    texts = [texts[place] for place in places]
    pictures, first = [_opened(file) for file in files], 0
    graphs = [_graphs_in(picture) for picture in pictures]
    request: Generation = asked.request
    if request.save_images and not request.do_not_save_grid and asked.options["return_grid"] and len(pictures) > 1:
        pictures, texts, graphs, first = [grid(pictures), *pictures], [texts[0], *texts], [{}, *graphs], 1
    images = []
    if request.send_images:
        form = _form(asked.options)
        images = [
            encoded(picture, {PARAMETERS: text, **graph}, **form)
            for picture, text, graph in zip(pictures, texts, graphs, strict=True)
        ]
    return {"images": images, "parameters": echo(request), "info": info(asked, here, told, texts, first)}


def _form(options: Mapping[str, Any]) -> dict[str, Any]:
    """How pictures of replies are encoded."""
    return {
        "form": str(options["samples_format"]).lower(),
        "quality": int(options["jpeg_quality"]),
        "lossless": bool(options["webp_lossless"]),
    }


def _paths(ended: Ended) -> list[Path]:
    """Where the host has put pictures."""
    found = []
    for file in ended.pictures:
        folder = folder_paths.get_directory_by_type(file["type"])
        assert folder is not None
        found.append(Path(folder) / file["subfolder"] / file["filename"])
    return found


def _opened(file: Path) -> Image.Image:
    try:
        with Image.open(file) as opened:
            opened.load()
            return opened
    except OSError as error:
        raise failed("OSError", f"A picture that was drawn cannot be read again: {error}") from error


def _graphs_in(picture: Image.Image) -> dict[str, str]:
    """ComfyUI's texts in a picture: what the editor opens."""
    return {key: picture.info[key] for key in ("prompt", "workflow") if isinstance(picture.info.get(key), str)}


async def _in_thread(work: Callable[[], Any]) -> Any:
    """Do what may take a moment beside the event loop; raises ApiError for what cannot be done."""
    try:
        return await asyncio.to_thread(work)
    except ApiError:
        raise
    except GraphError as error:
        raise failed("ValueError", str(error)) from error
    except InputError as error:
        raise failed("ValueError", str(error)) from error
