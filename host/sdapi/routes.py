"""Which addresses there are, and who answers them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ...sdapi import lists
from ...sdapi.errors import invalid, problem, refused
from ...sdapi.generate.requests import ExtrasBatch, ExtrasSingle, Img2Img, Txt2Img
from ...sdapi.openapi import Endpoint
from ...sdapi.options import Options
from . import generate
from .lists import controlnet, model_lists
from .lists.answers import Answers

_ROOT = "/sdapi/v1"
_ANY = {"type": "object", "additionalProperties": True}
_PICTURE = {
    "type": "object",
    "properties": {"image": {"type": "string", "description": "base64"}, "model": {"type": "string"}},
    "required": ["image"],
}
_TRUE, _FALSE = ("1", "on", "t", "true", "y", "yes"), ("0", "off", "f", "false", "n", "no")


@dataclass(frozen=True)
class Route:
    """An endpoint with what answers it: a function of the body, if it has one, and of its switches."""

    endpoint: Endpoint
    answer: Callable[..., Any]
    """Of a thread of its own, unless it is a coroutine."""

    async def call(self, body: Any, query: Mapping[str, str]) -> Any:
        """What is sent back, as JSON has it. Raises ApiError."""
        given = [body] if self.endpoint.body is not None else []
        given += [_switch(name, query.get(name, "false")) for name in self.endpoint.switches]
        if inspect.iscoroutinefunction(self.answer):
            return await self.answer(*given)
        return await asyncio.to_thread(self.answer, *given)


@dataclass(frozen=True)
class Table:
    """All routes: path -> method -> route."""

    routes: Mapping[str, Mapping[str, Route]] = field(default_factory=dict)

    @property
    def endpoints(self) -> list[Endpoint]:
        return [route.endpoint for methods in self.routes.values() for route in methods.values()]


def table(options: Options, has_auth: bool) -> Table:
    """The routes of a server with these settings."""
    found: dict[str, dict[str, Route]] = {}
    for route in (*_lists(Answers(options, has_auth)), *_jobs(options), *_not_here()):
        found.setdefault(route.endpoint.path, {})[route.endpoint.method] = route
    return Table(found)


def _get(path: str, about: str, answer: Callable[..., Any], *switches: str, root: str = _ROOT) -> Route:
    return Route(Endpoint("GET", f"{root}/{path}", about, switches=switches), answer)


def _post(path: str, about: str, answer: Callable[..., Any], body: Any = None, root: str = _ROOT) -> Route:
    return Route(Endpoint("POST", f"{root}/{path}", about, body), answer)


def _nothing() -> None:
    """The host looks for new files whenever it lists them."""


def _lists(answers: Answers) -> Iterator[Route]:
    yield _get("options", "all settings", answers.options)
    yield _post("options", "change settings", answers.set_options, _ANY)
    yield _get("cmd-flags", "how the server was started", answers.cmd_flags)
    yield _get("samplers", "the menu of samplers", lists.samplers)
    yield _get("schedulers", "the menu of schedules", lists.schedulers)
    yield _get("upscalers", "the menu of upscalers", answers.upscalers)
    yield _get("latent-upscale-modes", "upscalers of hires fix that work on the latent", lists.latent_upscale_modes)
    yield _get("sd-models", "checkpoints", answers.checkpoints)
    yield _get("sd-vae", "VAE files", model_lists.vaes)
    yield _get("sd-modules", "VAEs and text encoders, as Forge lists them", model_lists.modules)
    yield _get("hypernetworks", "none", list)
    yield _get("face-restorers", "face restoration that has a file", answers.face_restorers)
    yield _get("realesrgan-models", "installed upscalers of that family", answers.realesrgan_models)
    yield _get("prompt-styles", "styles", answers.prompt_styles)
    yield _get("embeddings", "textual inversions", answers.embeddings)
    yield _get("loras", "LoRAs", model_lists.loras)
    yield _get("scripts", "scripts by page", answers.scripts)
    yield _get("script-info", "scripts with their arguments", answers.script_info)
    yield _get("extensions", "none", list)
    yield _get("memory", "memory of the machine and of the accelerator", answers.memory)
    for kind in ("checkpoints", "vae", "embeddings", "loras"):
        yield _post(f"refresh-{kind}", "look for new files", _nothing)
    yield _post("unload-checkpoint", "take models out of memory", answers.unload)
    yield _post("reload-checkpoint", "models come back when they are needed", dict)
    yield _post("png-info", "texts of a picture", answers.png_info, _PICTURE)
    yield _post("interrogate", "describe a picture", answers.interrogate, _PICTURE)
    root = "/controlnet"
    yield _get("version", "whether there are ControlNets", controlnet.version, root=root)
    yield _get("model_list", "ControlNets", controlnet.models, root=root)
    yield _get("module_list", "preprocessors", controlnet.preprocessors, root=root)
    yield _get("control_types", "ControlNets by kind", controlnet.control_types, root=root)
    yield _get("settings", "how many ControlNets a job may have", controlnet.settings, root=root)
    yield _post("detect", "preprocess pictures", controlnet.detect, _ANY, root=root)


def _jobs(options: Options) -> Iterator[Route]:
    yield _post("txt2img", "draw pictures", partial(_of_options, generate.txt2img, options), Txt2Img)
    yield _post("img2img", "draw pictures again", partial(_of_options, generate.img2img, options), Img2Img)
    single, several = (
        partial(_of_options, of, options) for of in (generate.extra_single_image, generate.extra_batch_images)
    )
    yield _post("extra-single-image", "enlarge a picture", single, ExtrasSingle)
    yield _post("extra-batch-images", "enlarge pictures", several, ExtrasBatch)
    yield _get("progress", "how far the running job is", generate.progress, "skip_current_image")
    yield _post("interrupt", "end the running job with what there is", generate.interrupt)
    yield _post("skip", "end the running picture with what there is", generate.skip)


async def _of_options(job: Callable[[Any, Options], Awaitable[Any]], options: Options, body: Any) -> Any:
    return await job(body, options)


def _not_here() -> Iterator[Route]:
    """What A1111 has and this server has not, said in a sentence."""
    for path in ("create/embedding", "create/hypernetwork", "train/embedding", "train/hypernetwork"):
        yield _post(path, "not here: training", _no_training)


def _no_training() -> None:
    raise refused(501, "Embeddings and hypernetworks are not trained on this server.")


def _switch(name: str, text: str) -> bool:
    if text.lower() in (*_TRUE, *_FALSE):
        return text.lower() in _TRUE
    wrong = problem((name,), "value could not be parsed to a boolean", "type_error.bool")
    raise invalid({**wrong, "loc": ["query", name]})
