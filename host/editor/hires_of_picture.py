"""A1111's hires fix button: the form that enlarges a finished picture, with what its texts say already in it."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import folder_paths
from aiohttp import web

from ...hires.errors import InputError
from ...hires.graph.to_app import to_app
from ...hires.infotext.from_graph.drawn import GRAPH, drawn
from ...hires.infotext.to_graph.panel import panel_values
from ...pictures import PARAMETERS, read_texts
from ...recipes.apps import hires_fix_of_a_picture_app
from ..infotext.model_hashes import HashSearch
from .model_lists import model_files

_NOTHING = "No prompt is known of this picture: say what it shows."


async def answer(request: web.Request) -> web.Response:
    """Answer a picture on this server with the form that draws it again larger.

    The body is `{"image": "folder/name.png [output]"}` as JSON: the value that Load Image takes. The answer is
    `{"workflow", "notes"}`, or `{"error"}` with status 400.
    """
    try:
        return web.json_response(await asyncio.to_thread(_form, await request.read()))
    except InputError as error:
        return web.json_response({"error": str(error)}, status=400)


def _form(body: bytes) -> dict[str, Any]:
    image = _image(body)
    # the box shows the prompt that it starts with as if it were this picture's
    values, notes = {"prompt": ""}, [_NOTHING]
    settings, of_file = drawn(_texts(image), PARAMETERS)
    if settings is not None:
        values, notes = panel_values(settings, model_files(HashSearch()))
        notes = of_file + notes
    app = hires_fix_of_a_picture_app(image, **values)
    # the editor keeps what it knows of a workflow by this: two pictures must not share it
    return {"workflow": {**to_app(app), "id": str(uuid.uuid4())}, "notes": notes}


def _image(body: bytes) -> str:
    try:
        image = json.loads(body)["image"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError('Send {"image": "name.png"} as JSON.', "image") from error
    # the host takes a folder for a picture: "" is that of the inputs
    if not (
        isinstance(image, str)
        and folder_paths.exists_annotated_filepath(image)
        and Path(folder_paths.get_annotated_filepath(image)).is_file()
    ):
        raise InputError(f"There is no picture {image!r} on the server.", "image")
    return image


def _texts(image: str) -> dict[str, str]:
    try:
        with Path(folder_paths.get_annotated_filepath(image)).open("rb") as file:
            return read_texts(file, (PARAMETERS, GRAPH))[0]
    except (InputError, OSError):  # what is wrong with it, the node that loads it says
        return {}
