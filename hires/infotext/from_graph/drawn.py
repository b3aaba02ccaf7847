"""How a finished picture was drawn, from the texts of its file: A1111's text, or else the graph that ComfyUI ran."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from ...errors import InputError
from ...graph.reader import Link, link_of
from ...graph.same import renoise_of, told_by
from ...model_names import stem
from ..json import read_json
from ..markdown import as_code
from ..read import is_generation_text, read_settings
from ..settings import GenerationSettings, ModelName
from ..text import parse
from .read import read_graph
from .walk import PictureGraph

GRAPH = "prompt"
"""Key under which ComfyUI leaves the graph that was run."""

_MOST_PICTURES = 32
"""Pictures of a graph that are looked at: each is a walk through all of it."""


def drawn(texts: Mapping[str, str], key: str) -> tuple[GenerationSettings | None, list[str]]:
    """What the texts of a picture say, with A1111's under `key`; None if they say nothing that is understood.

    With it: sentences, in Markdown, on what the reader has to know.
    """
    text = texts.get(key, "")
    infotext = read_json(text)
    if infotext:
        return read_settings(infotext[0]).settings, []
    if text.strip() and is_generation_text(parsed := parse(text)):
        return read_settings(parsed).settings, []
    try:
        graph = json.loads(texts.get(GRAPH, ""), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None, []
    return _of_graph(graph)


def _of_graph(graph: Any) -> tuple[GenerationSettings | None, list[str]]:
    """The settings of the pack's samplings, or else the prompts, the seed and the model of any sampler."""
    walk = PictureGraph(graph)
    pictures: dict[Link, str] = {}
    for node in walk:
        link = link_of(walk[node].inputs.get("images"))
        if link:
            pictures.setdefault(link, node)
    found: list[tuple[str, GenerationSettings]] = []
    for node in islice(pictures.values(), _MOST_PICTURES):
        try:
            found.append((node, read_graph(graph, node).settings))
        except InputError:
            continue
    if not found:
        return next((_of_sampler(walk, node) for node in walk if walk.draws(node)), None), []
    node, settings = found[0]
    if all(_first_pass(other) == _first_pass(settings) for _, other in found):
        return settings, []
    return settings, [
        "The file does not tell which of several pictures it is, and their settings differ: those of the picture at "
        f"{as_code(walk[node].kind)} (node {as_code(node)}) were taken."
    ]


def _first_pass(settings: GenerationSettings) -> GenerationSettings:
    """Without what a preview of the first pass does not have."""
    return replace(settings, refiner=None, hires=None)


def _of_sampler(walk: PictureGraph, node: str) -> GenerationSettings:
    sampler = walk[node]
    noise = walk[sampler.source("noise")]
    seeds = (one.seed(name) for one in (sampler, noise) for name in ("seed", "noise_seed"))
    files = (walk[one].text(name) for one in walk.models(node) for name in ("ckpt_name", "unet_name"))
    checkpoint = next(filter(None, files), None)
    schedule = renoise_of(sampler) or sampler
    return GenerationSettings(
        prompt=walk.words(node, "positive") or "",
        negative_prompt=walk.words(node, "negative") or "",
        seed=next((seed for seed in seeds if seed is not None), None),
        steps=told_by(schedule, "steps").whole("steps"),
        cfg_scale=told_by(sampler, "cfg").number("cfg"),
        sampler_name=told_by(sampler, "sampler_name").text("sampler_name"),
        scheduler=told_by(schedule, "scheduler").text("scheduler"),
        checkpoint=ModelName(stem(checkpoint)) if checkpoint else None,
        clip_skip=walk.encoding(next(iter(walk.prompt_nodes(node, "positive")), None))[0],
    )
