"""What people do with the pack, as random graphs: each begins from a use and varies everything about it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .maker import Link, Maker
from .stock import LDSR, Stock
from .widgets import Kind

SEEN = {"IMAGE": "image", "LATENT": "latent", "SIGMAS": "sigmas"}
"""Inputs of the node that tells what came out, by type."""

TURN = 20
"""So many cases in a row have one family of models."""


@dataclass(frozen=True)
class Case:
    """One prompt."""

    number: int
    seed: int
    scene: str
    graph: dict[str, dict[str, Any]]
    is_heavy: bool
    """Whether it may take long, so that cancelling it is tried."""


def make(number: int, seed: int, kinds: Mapping[str, Kind], stock: Stock) -> Case:
    """Case `number` of a seed: the same whenever it is made, given the same nodes and models."""
    rng = random.Random(f"{seed}:{number}")
    scene = rng.choices(list(SCENES), [weight for _, weight in SCENES.values()])[0]
    # by turns: a checkpoint stays loaded for a while
    families = list(stock.families)
    maker = Maker(rng, kinds, stock, families[number // TURN % len(families)])
    SCENES[scene][0](maker)
    _look(maker)
    return Case(number, seed, scene, maker.graph, bool(maker.daring))


def _look(m: Maker) -> None:
    """Have the results of the pack's nodes told."""
    for node_id, node in list(m.graph.items()):
        if node["class_type"].startswith("HiresFix"):
            for output, kind in enumerate(m.kinds[node["class_type"]].outputs):
                if kind in SEEN:
                    m.add("FuzzSee", likely=0.0, **{SEEN[kind]: [node_id, output]})


def two_passes(m: Maker) -> None:
    """Both passes, by the pack's samplers or core's, through latents or pixels."""
    rng = m.rng
    model, vae = m.link("MODEL"), m.link("VAE")
    prompts = {key: m.link("CONDITIONING") for key in ("positive", "negative")}
    noise = m.link("NOISE")
    settings = m.link("HIRES_FIX_SETTINGS") if rng.random() < 0.35 else None
    base = _first_pass(m, model, prompts, noise, settings)
    if rng.random() < 0.15:
        return _save(m, m.add("VAEDecode", samples=base, vae=vae)[0])
    large = _enlarged(m, base, vae, noise)
    core = rng.random() < 0.12
    names = _own_names(m) if core else _names(m, base)
    renoise = m.add("HiresFixRenoise", model=model, latent=large, noise=noise, settings=settings, **names)
    latent = m.changed("LATENT", renoise[0], chance=0.12)
    sigmas = renoise[1] if rng.random() < 0.92 else m.link("SIGMAS")
    if core:
        sampler = m.add("KSamplerSelect", sampler_name=names["sampler_name"])
        guider = m.link("GUIDER")
        quiet = m.add("DisableNoise") if rng.random() < 0.8 else m.link("NOISE")
        inputs = {"noise": quiet, "guider": guider, "sampler": sampler, "sigmas": sigmas, "latent_image": latent}
        last = m.add("SamplerCustomAdvanced", **inputs)
    else:
        same = {"sampler_name": m.graph[renoise.id]["inputs"]["sampler_name"]} if rng.random() < 0.9 else {}
        if rng.random() < 0.15:
            prompts = {key: m.link("CONDITIONING") for key in prompts}
        inputs = {"model": model, "latent": latent, "sigmas": sigmas, "noise": noise, "settings": settings}
        last = m.add("HiresFixSecondSampling", **inputs, **prompts, **_sampled(m, same.get("sampler_name")))
    _save(m, m.add("VAEDecode", samples=last, vae=vae)[0])


def _first_pass(m: Maker, model: Link, prompts: dict[str, Link], noise: Link, settings: Link | None) -> Link:
    latent, way = m.link("LATENT"), m.rng.random()
    if way < 0.75:
        inputs = {"model": model, "latent": latent, "noise": noise, "settings": settings, **prompts}
        return m.add("HiresFixBaseSampling", **inputs, **_sampled(m))[0]
    if way < 0.82:
        return m.add("KSampler", model=model, latent_image=latent, **prompts)[0]
    if way < 0.92:
        end = m.rng.choice([1, 2, 10000])
        steps = {"start_at_step": 0, "end_at_step": end}
        return m.add("KSamplerAdvanced", model=model, latent_image=latent, **steps, **prompts)[0]
    return latent


def _sampled(m: Maker, name: str | None = None) -> dict[str, Any]:
    """A sampler, and a refiner now and then: mostly where the sampler is one of A1111's, the only ones that take it."""
    (widget,) = (each for each in m.kinds["HiresFixBaseSampling"].inputs if each.name == "sampler_name")
    name = name or m.widget("HiresFixBaseSampling", widget)
    likely = 0.25 if name[:1].isupper() else 0.02
    return {"sampler_name": name, "refiner": m.link("HIRES_FIX_REFINER") if m.rng.random() < likely else None}


PLANS = (
    *("", "tile 1 | skip", "row 1 | strength 50% | prompt: sky", "all | skip", "0% 0% 50% 100% | add: a tree"),
    *("tiles 1-99 | skip", "-5 -5 7 7 | strength 1%", "mask | skip", "50 50 99999 99999 | strength 99%", "what?"),
)
"""Texts for Tile Plan, of which some cannot be read or name what is not there."""


def _planned(m: Maker, image: Link, model: Link) -> Any:
    """A plan for a redraw, mostly with all that it needs."""
    text = "\n".join(m.rng.choices(PLANS, [3, 3, 3, 1, 3, 1, 1, 1, 1, 1], k=m.rng.randint(1, 3)))
    given = {"positive": m.link("CONDITIONING"), "clip": m.link("CLIP")} if m.rng.random() < 0.9 else {}
    return m.add("HiresFixTilePlan", likely=0.5, image=image, model=model, plan=text, **given)


def _redrawn(m: Maker, model: Link, latent: Link, noise: Link, **prompts: Link) -> Link:
    """A latent by Re-noise and Second Sampling."""
    renoise = m.add("HiresFixRenoise", model=model, latent=latent, noise=noise)
    name = m.graph[renoise.id]["inputs"]["sampler_name"]
    inputs = {"model": model, "noise": noise, "latent": renoise[0], "sigmas": renoise[1], "sampler_name": name}
    return m.add("HiresFixSecondSampling", **inputs, **prompts)[0]


def _enlarged(m: Maker, base: Link, vae: Link, noise: Link) -> Link:
    latent, way = m.changed("LATENT", base, chance=0.1), m.rng.random()
    if way < 0.15:
        return latent
    target = m.add("HiresFixTargetSize", **({"latent": latent, "vae": vae} if m.rng.random() < 0.9 else {}))
    if way < 0.5:
        return m.add("HiresFixLatentUpscale", latent=latent, target=target)[0]
    return m.add("HiresFixPixelUpscale", latent=latent, vae=vae, target=target, noise=noise)[0]


def _names(m: Maker, base: Link) -> dict[str, Any]:
    """Sampler and schedule of the first pass, mostly."""
    inputs = m.graph[base[0]]["inputs"]
    names = {key: inputs[key] for key in ("sampler_name", "scheduler") if key in inputs}
    return names if m.rng.random() < 0.8 else {}


def _own_names(m: Maker) -> dict[str, Any]:
    """A sampler and a schedule that core's nodes have, too."""
    widgets = [each for each in m.kinds["KSampler"].inputs if each.name in ("sampler_name", "scheduler")]
    return {widget.name: m.widget("KSampler", widget) for widget in widgets}


def _save(m: Maker, image: Link) -> None:
    way, image = m.rng.random(), m.changed("IMAGE", image, chance=0.1)
    if way < 0.6:
        drawn = any(node["class_type"] == "HiresFixBaseSampling" for node in m.graph.values())
        text = m.add("HiresFixInfotext", images=image) if drawn and m.rng.random() < 0.3 else None
        m.add("HiresFixSaveImage", likely=0.4, images=image, parameters=text)
    elif way < 0.7:
        m.add("PreviewAny", source=m.add("HiresFixInfotext", images=image))
    elif way < 0.8:
        m.add("SaveImage", images=image, filename_prefix="core")
    else:
        m.add("FuzzSee", likely=0.0, image=image)


def upscale(m: Maker) -> None:
    """Pictures made larger, without a diffusion model; faces restored now and then."""
    before, given = m.link("IMAGE"), {}
    if m.rng.random() < 0.1:
        loader = m.add("HiresFixUpscalerLoader", upscaler_name=LDSR)
        given["upscaler"] = m.add("HiresFixLdsrSettings", upscaler=loader[0])[0]
    elif m.rng.random() < 0.15:
        given["upscaler"] = _diffusion(m)
    image = m.add("HiresFixUpscaleImage", likely=0.3, image=before, **given)[0]
    if m.rng.random() < 0.15:
        m.add("HiresFixSeamReport", likely=0.3, before=before, after=image)
    if m.rng.random() < 0.15:
        image = m.add("HiresFixRestoreFaces", image=image)[0]
    if m.rng.random() < 0.15:
        m.add("HiresFixCompare", likely=0.7, image_b=image)
    _save(m, image)


def _diffusion(m: Maker) -> Link:
    """A diffusion model as an upscaler. SeedVR2's node refuses every model that there is."""
    own = {"model": m.link("MODEL"), "vae": m.link("VAE")}
    if m.rng.random() < 0.25:
        return m.add("HiresFixSeedVR2Upscaler", **own)[0]
    return m.add("HiresFixDiffusionUpscaler", likely=0.2, **own, control_net=None)[0]


def faces(m: Maker) -> None:
    """Faces restored."""
    _save(m, m.add("HiresFixRestoreFaces", likely=0.6, image=m.link("IMAGE"))[0])


def stages(m: Maker) -> None:
    """Multi-Stage Upscale: without a redraw, with one, or half connected."""
    likely = m.rng.choices([0.0, 1.0, 0.5], [3, 6, 1])[0]
    _save(m, m.add("HiresFixMultiStageUpscale", likely=likely, image=m.link("IMAGE"))[0])


def any_size(m: Maker) -> None:
    """A picture of any size redrawn."""
    image, vae = m.link("IMAGE"), m.link("VAE")
    latent = m.add("HiresFixEncodeAnySize", image=image, vae=vae)[0]
    if m.rng.random() < 0.6:
        model = m.link("MODEL")
        if m.rng.random() < 0.4:
            model = m.add("HiresFixTiledModel", model=model)[0]
        prompts = {}
        if m.rng.random() < 0.3:
            plan = _planned(m, image, model)
            model, prompts = plan[0], {"positive": plan[1]}
        latent = _redrawn(m, model, latent, m.link("NOISE"), **prompts)
    latent = m.changed("LATENT", latent, chance=0.15) if m.rng.random() < 0.9 else m.link("LATENT")
    other = image if m.rng.random() < 0.85 else m.link("IMAGE")
    _save(m, m.add("HiresFixDecodeToSize", latent=latent, vae=vae, image=other)[0])


def folder(m: Maker) -> None:
    """A folder of pictures."""
    m.add("PreviewAny", source=m.add("HiresFixUpscaleFolder"))


def redraw(m: Maker) -> None:
    """A folder of pictures redrawn in windows."""
    inputs: dict[str, Any] = {
        "model": m.link("MODEL"), "vae": m.link("VAE"), "noise": m.link("NOISE"), "control_net": None
    }  # fmt: skip
    if m.rng.random() < 0.4:
        planned = _planned(m, m.link("IMAGE"), inputs["model"])
        inputs |= {"plan": planned[2], "clip": m.link("CLIP") if m.rng.random() < 0.9 else None}
    m.add("PreviewAny", source=m.add("HiresFixTiledRedraw", **inputs))


def files(m: Maker) -> None:
    """A picture loaded and saved again with what its file knew."""
    loaded = m.add("HiresFixLoadImage")
    image = m.changed("IMAGE", loaded[0])
    m.add("HiresFixSaveImage", likely=0.5, images=image, file_info=loaded[2] if m.rng.random() < 0.8 else None)


def prompts(m: Maker) -> None:
    """A1111 Prompt, alone or in a first pass, with styles and LoRAs before it now and then."""
    m.family = "sd1" if m.rng.random() < 0.8 else m.family
    model, given = m.link("MODEL"), {}
    if m.rng.random() < 0.4:
        given["text"] = m.add("HiresFixStyles")[0]
    if m.rng.random() < 0.5:
        tagged = m.add("HiresFixPromptLoras", model=model, clip=m.link("CLIP"), **given)
        model, given = tagged[0], {"clip": tagged[1], "text": tagged[2]}
    prompt = m.add("HiresFixPrompt", **given)
    if m.rng.random() < 0.5:
        m.add("PreviewAny", source=prompt)
        return
    latent = m.add("HiresFixBaseSampling", model=model, positive=prompt, latent=m.link("LATENT"))
    if m.rng.random() < 0.5:
        _save(m, m.add("VAEDecode", samples=latent, vae=m.add("HiresFixChooseVAE"))[0])


def sheet(m: Maker) -> None:
    """One sheet of a picture at several sizes."""
    values = m.add("HiresFixXYValues")
    inputs = {"image": m.link("IMAGE"), "upscaling_resize": values[0], "extras_upscaler_2_visibility": values[1]}
    enlarged = m.add("HiresFixUpscaleImage", likely=0.3, **inputs)[0]
    _save(m, m.add("HiresFixXYSheet", images=enlarged, axes=values[2])[0])


def tiles(m: Maker) -> None:
    """A picture cut into tiles, which are worked on or redrawn, and combined."""
    split = m.add("HiresFixSplitTiles", image=m.link("IMAGE"))
    done, layout, vae = split[0], split[1], m.link("VAE")
    if m.rng.random() < 0.5:
        encoded = m.add("HiresFixEncodeTiles", tiles=done, layout=layout, vae=vae, noise=m.link("NOISE"))
        redrawn = _redrawn(m, m.link("MODEL"), encoded[0], encoded[1])
        done = m.add("HiresFixDecodeTiles", latent=redrawn, layout=layout, vae=vae)[0]
    else:
        done = m.changed("IMAGE", done, chance=0.5)
    _save(m, m.add("HiresFixCombineTiles", tiles=done, layout=layout)[0])


def regions(m: Maker) -> None:
    """Parts of a picture cut out, worked on or redrawn, and put back."""
    image, vae = m.link("IMAGE"), m.link("VAE")
    cut = m.add("HiresFixCutOutRegions", likely=0.8, image=image)
    done = m.changed("IMAGE", cut[0], chance=0.3)
    if m.rng.random() < 0.4:
        redrawn = _redrawn(m, m.link("MODEL"), m.add("VAEEncode", pixels=done, vae=vae)[0], m.link("NOISE"))
        done = m.add("VAEDecode", samples=redrawn, vae=vae)[0]
    _save(m, m.add("HiresFixPutRegionsBack", image=image, images=done, regions=cut[2])[0])


SCENES: dict[str, tuple[Callable[[Maker], None], int]] = {
    "two passes": (two_passes, 38),
    "upscale": (upscale, 13),
    "stages": (stages, 12),
    "any size": (any_size, 10),
    "folder": (folder, 7),
    "redraw": (redraw, 2),
    "files": (files, 6),
    "prompts": (prompts, 5),
    "faces": (faces, 2),
    "sheet": (sheet, 1),
    "tiles": (tiles, 2),
    "regions": (regions, 2),
}
"""By name: what makes it, and how often in a hundred."""
