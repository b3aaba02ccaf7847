"""Parts that several workflows share: what one stage is made of and how it is wired."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from ..sampling.same import SAME_CFG, SAME_SAMPLER, SAME_SCHEDULER, SAME_STEPS
from .builder import BoxInput, Graph, Node, Output
from .same import BASE, LATENTS

Text: TypeAlias = str | BoxInput | None
Whole: TypeAlias = int | BoxInput | None
Number: TypeAlias = float | BoxInput | None
"""A value, or the field of a box that gives it; None: the node's default."""

Socket: TypeAlias = Output | BoxInput
"""What a link comes from."""

Side: TypeAlias = Socket | int
"""Width or height in pixels."""


@dataclass(frozen=True)
class Sampling:
    """What both passes share: the model, what to draw, and how."""

    model: Socket
    vae: Socket
    positive: Socket
    negative: Socket
    steps: Whole
    cfg: Number
    sampler: Text
    scheduler: Text
    """Names of A1111 or the host."""

    settings: Socket | None = None
    refiner: Socket | None = None
    """From A1111 Settings and from Refiner; None for A1111's defaults and for no refiner."""


def introduce(graph: Graph, purpose: str, *change_first: str, title: str = "Start here") -> None:
    """Add the note that says what the workflow does and what to change first."""
    lines = [purpose, "", "Change first:", *(f"- {line}" for line in change_first)]
    graph.note("\n".join(lines), title=title)


def prompts(graph: Graph, clip: Output, prompt: Text, negative_prompt: Text, of: str = "") -> tuple[Output, Output]:
    """Prompt and negative prompt, encoded; `of` is added to their titles."""
    positive = graph.node("CLIPTextEncode", title=f"Prompt{of}", text=prompt, clip=clip)
    negative = graph.node("CLIPTextEncode", title=f"Negative prompt{of}", text=negative_prompt, clip=clip)
    return positive.out(), negative.out()


def a1111_prompts(
    graph: Graph, prompt: Text | Output, negative_prompt: Text | Output, of: str = "", **shared: Any
) -> list[Output]:
    """Prompt and negative prompt in A1111's syntax, which count steps as the passes that they go to.

    `of` is added to their titles; `shared`: inputs of both.
    """
    return [
        graph.node("HiresFixPrompt", title=title + of, text=text, negative_prompt=is_negative, **shared).out()
        for title, text, is_negative in (("Prompt", prompt, False), ("Negative prompt", negative_prompt, True))
    ]


def noise(graph: Graph, seed: Whole, source: Text) -> Output:
    """One NOISE for all passes: each draws its own numbers from it, at its own size."""
    return graph.node("HiresFixNoise", seed=seed, source=source).out()


def empty_picture(
    graph: Graph, width: Whole, height: Whole, batch_size: Whole, kind: str = "EmptyLatentImage"
) -> Output:
    """An empty latent for the first pass, where its size is set, once.

    `kind`: node that makes the latent, by the number of channels that the model needs.
    """
    return graph.node(kind, width=width, height=height, batch_size=batch_size).out()


def first_pass(graph: Graph, shared: Sampling, noise: Socket, empty: Socket) -> Output:
    """Base sampling."""
    return graph.node(
        "HiresFixBaseSampling",
        model=shared.model,
        positive=shared.positive,
        negative=shared.negative,
        latent=empty,
        noise=noise,
        steps=shared.steps,
        cfg=shared.cfg,
        sampler_name=shared.sampler,
        scheduler=shared.scheduler,
        settings=shared.settings,
        refiner=shared.refiner,
    ).out()


def base_picture(graph: Graph, latent: Socket, vae: Socket) -> Output:
    """The result of the first pass as a picture."""
    return graph.node("VAEDecode", title="Base picture", samples=latent, vae=vae).out()


def target_size(
    graph: Graph, shared: Sampling, of: Socket | tuple[Side, Side], resize: tuple[Number, Whole, Whole]
) -> Node:
    """Target Size for a latent, or a picture of these sides.

    `resize`: the factor, and the width and height to reach instead.
    """
    hr: dict[str, Any] = dict(zip(("hr_scale", "hr_resize_x", "hr_resize_y"), resize, strict=True))
    if isinstance(of, Output | BoxInput):
        hr["latent"] = of
    else:
        hr |= zip(("width", "height"), of, strict=True)
    # the VAE tells how many pixels one latent cell covers
    return graph.node("HiresFixTargetSize", vae=shared.vae, **hr)


def load_picture(graph: Graph, name: Text) -> Output:
    """A picture file, exactly as it is: core's Load Image changes the values of some kinds."""
    return graph.node("HiresFixLoadImage", image=name).out("image")


def load_upscaler(graph: Graph, name: Text | Output) -> Output:
    """An upscaler by its name in the one list of all upscalers."""
    return graph.node("HiresFixUpscalerLoader", upscaler_name=name).out()


def ldsr_settings(graph: Graph, upscaler: Output, steps: int) -> Output:
    """LDSR with so many steps, and all else as in A1111."""
    return graph.node("HiresFixLdsrSettings", upscaler=upscaler, steps=steps).out()


def load_two_upscalers(graph: Graph, *names: Text) -> list[Output]:
    """Two upscalers, told apart by their titles."""
    titled = enumerate(names, 1)
    return [graph.node("HiresFixUpscalerLoader", title=f"Upscaler {i}", upscaler_name=name).out() for i, name in titled]


def latent_upscale(graph: Graph, latent: Socket, target: Node, mode: Text) -> Output:
    """Enlarge a latent as it is."""
    return graph.node("HiresFixLatentUpscale", latent=latent, target=target.out("target"), mode=mode).out()


def pixel_upscale(graph: Graph, shared: Sampling, latent: Socket, upscaler: Socket, target: Node, **more: Any) -> Node:
    """Decode, upscale, encode; gives the larger latent and the larger picture. `more`: further inputs of the node."""
    return graph.node(
        "HiresFixPixelUpscale", latent=latent, vae=shared.vae, upscaler=upscaler, target=target.out("target"), **more
    )


def upscale_picture(graph: Graph, picture: Socket, upscaler: Output, target: Node) -> Output:
    """Enlarge a picture that never was a latent, to exactly the target."""
    return graph.node(
        "HiresFixUpscaleImage",
        image=picture,
        upscaler=upscaler,
        resize_mode="scale to",
        upscaling_resize_w=target.out("width"),
        upscaling_resize_h=target.out("height"),
        upscaling_crop=True,
    ).out()


def second_pass(
    graph: Graph,
    shared: Sampling,
    noise: Socket,
    latent: Socket,
    denoising_strength: Number | Output,
    hr_second_pass_steps: Whole = 0,
    steps_rule: Text = None,
) -> Output:
    """Re-noise and Second Sampling; returns the redrawn latent.

    What the first pass that the latent comes from has, too, stands there alone.
    """
    told = _first_pass_of(latent)
    sampler = _unless_told(told, "sampler_name", shared.sampler)
    scheduler = _unless_told(told, "scheduler", shared.scheduler)
    follows = sampler == SAME_SAMPLER or scheduler == SAME_SCHEDULER
    noised = graph.node(
        "HiresFixRenoise",
        model=shared.model,
        latent=latent,
        noise=noise,
        steps=_unless_told(told, "steps", shared.steps),
        denoising_strength=denoising_strength,
        hr_second_pass_steps=hr_second_pass_steps,
        sampler_name=sampler,
        scheduler=scheduler,
        settings=None if follows and told.get("settings") == shared.settings else shared.settings,
        steps_rule=steps_rule,
    )
    return graph.node(
        "HiresFixSecondSampling",
        model=shared.model,
        positive=shared.positive,
        negative=shared.negative,
        latent=noised.out("latent"),
        sigmas=noised.out("sigmas"),
        noise=noise,
        cfg=_unless_told(told, "cfg", shared.cfg),
        sampler_name=SAME_SAMPLER,
        refiner=shared.refiner,
    ).out()


_SAME = {"steps": SAME_STEPS, "cfg": SAME_CFG, "sampler_name": SAME_SAMPLER, "scheduler": SAME_SCHEDULER}


def _unless_told(told: dict[str, Any], name: str, value: Any) -> Any:
    """The value of a second pass's field: "as the first pass" where that was told the same, or nothing is said."""
    return _SAME[name] if value is None or told.get(name) == value else value


def _first_pass_of(latent: Socket) -> dict[str, Any]:
    """The inputs of the Base Sampling that a latent comes from; nothing if it is none, or another graph's."""
    before: Any = latent
    while isinstance(before, Output) and before.node.definition.type != BASE:
        inputs = before.node.inputs
        before = next((inputs[name] for name in LATENTS if name in inputs), None)
    return before.node.inputs if isinstance(before, Output) else {}


def decode_and_save(graph: Graph, latent: Socket, vae: Socket, kind: str = "SaveImage") -> Output:
    """The finished picture, saved under the workflow's name, is returned. `kind`: node that saves it."""
    decoded = graph.node("VAEDecode", samples=latent, vae=vae).out()
    graph.node(kind, images=decoded, filename_prefix=graph.name)
    return decoded


def compare(graph: Graph, before: Output, after: Output) -> None:
    """Two pictures of one scene with a slider between them."""
    graph.node("HiresFixCompare", title="Before | after", image_a=before, image_b=after)
