"""How a finished picture was drawn, from the texts of its file: A1111's text, or else the graph that ComfyUI ran."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...errors import InputError
from ...model_names import stem
from ..json import read_json
from ..read import is_generation_text, read_settings
from ..settings import GenerationSettings, ModelName
from ..text import parse
from .read import read_graph
from .walk import PictureGraph

GRAPH = "prompt"
"""Key under which ComfyUI leaves the graph that was run."""


def drawn(texts: Mapping[str, str], key: str) -> GenerationSettings | None:
    """What the texts of a picture say, with A1111's under `key`; None if they say nothing that is understood."""
    text = texts.get(key, "")
    infotext = read_json(text)
    if infotext:
        return read_settings(infotext[0]).settings
    if text.strip() and is_generation_text(parsed := parse(text)):
        return read_settings(parsed).settings
    try:
        graph = json.loads(texts.get(GRAPH, ""), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return _of_graph(graph)


def _of_graph(graph: Any) -> GenerationSettings | None:
    """The settings of the pack's samplings, or else the prompts, the seed and the model of any sampler."""
    walk = PictureGraph(graph)
    for node in walk:
        if walk[node].source("images") is not None:
            try:
                return read_graph(graph, node).settings
            except InputError:
                continue
    return next((_of_sampler(walk, node) for node in walk if walk.draws(node)), None)


def _of_sampler(walk: PictureGraph, node: str) -> GenerationSettings:
    sampler = walk[node]
    noise = walk[sampler.source("noise")]
    seeds = (one.seed(name) for one in (sampler, noise) for name in ("seed", "noise_seed"))
    files = (walk[one].text(name) for one in walk.models(node) for name in ("ckpt_name", "unet_name"))
    checkpoint = next(filter(None, files), None)
    return GenerationSettings(
        prompt=walk.words(node, "positive") or "",
        negative_prompt=walk.words(node, "negative") or "",
        seed=next((seed for seed in seeds if seed is not None), None),
        steps=sampler.whole("steps"),
        cfg_scale=sampler.number("cfg"),
        sampler_name=sampler.text("sampler_name"),
        scheduler=sampler.text("scheduler"),
        checkpoint=ModelName(stem(checkpoint)) if checkpoint else None,
    )
