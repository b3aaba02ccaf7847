"""What the API answers besides pictures: lists, settings, texts of pictures, memory."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from typing import Any

import comfy.model_management
import torch
from comfy.cli_args import args
from server import PromptServer

from ....hires.errors import InputError
from ....hires.infotext.names import is_ldsr_file
from ....pictures import PARAMETERS, read_texts
from ....sdapi import lists, scripts
from ....sdapi.body import fields_of, keys_of, no_picture, picture_bytes, text_of
from ....sdapi.errors import refused
from ....sdapi.option_table import CHECKPOINT, CHECKPOINT_HASH, LDSR_STEPS
from ....sdapi.options import Options
from ....sdapi.png_info import parameters_of
from ...memory import free_on
from ...prompts.styles import known_styles
from ...upscaling.faces import face_model_names
from . import model_lists
from .embeddings import embeddings

_CAPTIONERS = ("clip", "deepdanbooru")
_GRAPHS = ("workflow", "prompt")
"""Keys of ComfyUI's own texts in pictures, which A1111 does not write."""


class Answers:
    """`options`: the settings of this server."""

    def __init__(self, options: Options, has_auth: bool) -> None:
        self._options, self._has_auth = options, has_auth

    async def options(self) -> dict[str, Any]:
        """All settings; the checkpoint by its title."""
        return await self._with_hash(self._listed)

    def _listed(self) -> dict[str, Any]:
        values = self._options.current()
        if not any(map(is_ldsr_file, model_lists.upscalers())):
            del values[LDSR_STEPS]  # A1111 has it from the extension that brings LDSR
        checkpoint = values[CHECKPOINT]
        values[CHECKPOINT] = model_lists.checkpoint_title(checkpoint)
        values[CHECKPOINT_HASH] = model_lists.checkpoint_hash(checkpoint)
        return values

    async def set_options(self, body: Any) -> None:
        changes = keys_of(body)
        await asyncio.to_thread(self._options.set, changes)
        if changes.get(CHECKPOINT):
            await model_lists.hash_soon(self._options.current()[CHECKPOINT])

    async def checkpoints(self) -> list[dict[str, Any]]:
        return await self._with_hash(model_lists.checkpoints)

    async def _with_hash(self, listing: Callable[[], Any]) -> Any:
        """A listing after the hash of the checkpoint in use is known, or has taken too long."""
        await model_lists.hash_soon((await asyncio.to_thread(self._options.current))[CHECKPOINT])
        return await asyncio.to_thread(listing)

    def embeddings(self) -> dict[str, Any]:
        return embeddings(self._options.current()[CHECKPOINT])

    def upscalers(self) -> list[dict[str, Any]]:
        return lists.upscalers(model_lists.upscalers())

    def realesrgan_models(self) -> list[dict[str, Any]]:
        return lists.realesrgan_models(model_lists.upscalers())

    def face_restorers(self) -> list[dict[str, Any]]:
        return lists.face_restorers(face_model_names())

    def prompt_styles(self) -> list[dict[str, Any]]:
        return lists.prompt_styles(known_styles())

    def scripts(self) -> dict[str, list[str]]:
        pages: tuple[scripts.Page, ...] = ("txt2img", "img2img")
        return {page: scripts.names(page, _has_controlnets()) for page in pages}

    def script_info(self) -> list[dict[str, Any]]:
        files = model_lists.upscalers()
        checkpoints = model_lists.names(model_lists.checkpoints())
        return scripts.infos(lists.upscaler_names(files), checkpoints, _has_controlnets())

    def cmd_flags(self) -> dict[str, Any]:
        return lists.cmd_flags(self._has_auth, str(args.port), args.listen)

    def memory(self) -> dict[str, Any]:
        """Bytes of the machine and of the accelerator."""
        management = comfy.model_management
        ram, device = torch.device("cpu"), management.get_torch_device()
        found: dict[str, Any] = {"ram": _memory(ram), "cuda": {"error": "unavailable"}}
        if device.type != ram.type:
            found["cuda"] = {"system": _memory(device)}
        if device.type == "cuda":
            found["cuda"] |= _allocator(device)
        return found

    def unload(self) -> dict[str, Any]:
        """Take all models out of the accelerator's memory, between two jobs; they come back when they are needed."""
        queue = PromptServer.instance.prompt_queue
        queue.set_flag("unload_models", True)
        queue.set_flag("free_memory", True)
        return {}

    def png_info(self, body: Any) -> dict[str, Any]:
        """The texts of a picture; `info` is its generation text."""
        found = picture_bytes(text_of(fields_of(body), "image"))
        try:
            texts, _ = read_texts(io.BytesIO(found), _All())
        except InputError:
            raise no_picture() from None
        info = texts.pop(PARAMETERS, "")
        items = {key: text for key, text in texts.items() if key not in _GRAPHS}
        return {"info": info, "items": items, "parameters": parameters_of(info)}

    def interrogate(self, body: Any) -> dict[str, Any]:
        fields = fields_of(body)
        model = text_of(fields, "model", "clip")
        if not text_of(fields, "image", ""):
            raise refused(404, "Image not found")
        if model not in _CAPTIONERS:
            raise refused(404, "Model not found")
        raise refused(501, f"This server has no {model} model that describes pictures.")


def _has_controlnets() -> bool:
    return bool(model_lists.files("controlnet"))


class _All:
    """Holds every key."""

    def __contains__(self, key: object) -> bool:
        return True


def _memory(device: torch.device) -> dict[str, float]:
    total = comfy.model_management.get_total_memory(device)
    total, free = total[0] if isinstance(total, tuple) else total, free_on(device)
    return {"free": free, "used": total - free, "total": total}


def _allocator(device: torch.device) -> dict[str, Any]:
    told = torch.cuda.memory_stats(device)
    kinds = {"active": "active", "allocated": "allocated", "reserved": "reserved", "inactive": "inactive_split"}
    found: dict[str, Any] = {
        name: {state: told.get(f"{key}_bytes.all.{state}", 0) for state in ("current", "peak")}
        for name, key in kinds.items()
    }
    return {**found, "events": {"retries": told.get("num_alloc_retries", 0), "oom": told.get("num_ooms", 0)}}
