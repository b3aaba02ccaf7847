"""What the pack's part of the editor asks the server."""

from __future__ import annotations

import asyncio
import io
import json
import uuid
from typing import Any

from aiohttp import web
from server import PromptServer

from ...hires.errors import InputError
from ...hires.graph.to_ui import to_ui
from ...hires.infotext.json import is_unknown_json, read_json
from ...hires.infotext.markdown import as_code
from ...hires.infotext.read import is_generation_text
from ...hires.infotext.text import parse
from ...hires.infotext.to_graph.workflow import hires_workflow
from ...pictures import PARAMETERS, read_texts
from ..infotext.model_hashes import HashSearch
from ..plan import plan
from .model_lists import model_files

_LONGEST = 2**15
"""Characters of a text. Those of extensions have some thousands; the worst of this length take a second."""

_WORKFLOW, _PROMPT = "workflow", "prompt"
"""Keys of ComfyUI's graphs: the editor's, and the one that was run."""

_OF_OTHERS = ("Comment", "invokeai_metadata", "sd-metadata", "generation_data")
"""Keys under which NovelAI, InvokeAI and Tensor.Art store JSON in PNG files."""

_SHOWN = 60
"""Characters of a comment that are quoted."""

_JSON = (
    "The text is JSON, but has no prompt that is known here. A workflow of ComfyUI is opened as a file, with its "
    "ending .json, by dropping it on the canvas."
)


def register() -> None:
    """Add the pack's routes to the server; once, before it starts to listen."""
    PromptServer.instance.routes.post("/hires-fix/from-infotext")(from_infotext)
    PromptServer.instance.routes.post("/hires-fix/workflow-in-picture")(workflow_in_picture)
    PromptServer.instance.routes.post("/hires-fix/hires-of-picture")(hires_of_picture)
    PromptServer.instance.routes.post("/hires-fix/plan")(plan.answer)


async def hires_of_picture(request: web.Request) -> web.Response:
    """See `hires_of_picture.answer`. Its form is drawn by the recipes, which nothing else needs at run time."""
    from .hires_of_picture import answer

    return await answer(request)


async def from_infotext(request: web.Request) -> web.Response:
    """Answer a generation text with the workflow that draws its picture.

    The body is `{"text": …}` as JSON (content type application/json), or else the picture file itself. The answer is
    `{"workflow", "notes"}`, or `{"error"}` with status 400 (413 if the body is larger than the server takes).
    """
    try:
        body = await request.read()
        is_json = request.content_type == "application/json"
        # off the event loop: others would have to wait
        return web.json_response(await asyncio.to_thread(_converted, body, is_json))
    except web.HTTPRequestEntityTooLarge:
        return web.json_response({"error": "The file is larger than this server takes."}, status=413)
    except InputError as error:
        return web.json_response({"error": str(error)}, status=400)


async def workflow_in_picture(request: web.Request) -> web.Response:
    """Answer a picture file, or its beginning, with the graphs that ComfyUI left in it: "workflow", "prompt" or none.

    A file that cannot be read has none: telling what is wrong with it is left to the node that will load it.
    """
    return web.json_response(await asyncio.to_thread(_graphs, await request.read()))


def _graphs(body: bytes) -> dict[str, Any]:
    try:
        texts, _ = read_texts(io.BytesIO(body), (_WORKFLOW, _PROMPT))
    except InputError:
        return {}
    found = {}
    for key in (_WORKFLOW, _PROMPT):
        try:
            # other readers of JSON do not know Python's NaN
            graph = json.loads(texts.get(key, ""), parse_constant=lambda _: None)
        except (ValueError, RecursionError):
            continue
        if isinstance(graph, dict):
            found[key] = graph
    return found


def _converted(body: bytes, is_json: bool) -> dict[str, Any]:
    text, damage = (_text_of_json(body), "") if is_json else _text_of_picture(body)
    if not text.strip("\0 \r\n\t"):
        raise InputError("The text is empty.", "text")
    if len(text) > _LONGEST:
        raise InputError(
            f"The text has {len(text)} characters; up to {_LONGEST} are read. Shorten its prompts, or send only "
            "prompts and settings.",
            "text",
        )
    search = HashSearch()
    if is_unknown_json(text):
        raise InputError(_JSON, "text")
    conversion = hires_workflow(text, model_files(search))
    damages = [f"The picture itself is damaged: {damage}. Its text was read."] if damage else []
    damages += _not_compared(search)
    # the editor keeps what it knows of a workflow by this: two imports must not share it
    return {"workflow": {**to_ui(conversion.graph), "id": str(uuid.uuid4())}, "notes": [*damages, *conversion.notes]}


def _text_of_json(body: bytes) -> str:
    try:
        text = json.loads(body)["text"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError('Send {"text": "…"} as JSON, or a picture file.', "text") from error
    if not isinstance(text, str):
        raise InputError(f"The text must be a string, but it is a {type(text).__name__}.", "text")
    return text


def _text_of_picture(body: bytes) -> tuple[str, str]:
    """The text, and what is wrong with the picture."""
    texts, damage = read_texts(io.BytesIO(body), (PARAMETERS, _WORKFLOW, *_OF_OTHERS))
    text = texts.get(PARAMETERS)
    if text is None:
        text = next((texts[key] for key in _OF_OTHERS if read_json(texts.get(key, ""))), None)
    if text is None or (text.strip() and not read_json(text) and not is_generation_text(parse(text))):
        hint = " It holds a workflow: drop it on the canvas." if _WORKFLOW in texts else ""
        found = f" Its comment is {as_code(text[:_SHOWN])}." if text else ""
        raise InputError(f"There is no generation text of A1111 in this picture.{hint or found}", "text")
    return text, damage


def _not_compared(search: HashSearch) -> list[str]:
    if not search.skipped:
        return []
    count, size = len(search.skipped), sum(search.skipped.values()) / 1e9
    return [
        f"{count} model files ({size:.1f} GB) were not compared by their hash, which takes a second or two for each "
        "GB. Open the text again to compare more of them."
    ]
