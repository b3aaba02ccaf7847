"""A1111's panels as fields of a box, in A1111's order and under its labels, and what is wired to them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import FIRST_CHOICE, BoxInput, Graph, Output
from ..hires.graph.models import UPSCALER_2X
from ..hires.graph.stages import Sampling
from .job import NEGATIVE_PROMPT, PROMPT, Job

OF_A_PICTURE = "Hires Fix of a picture"
"""Name of the box and of the App."""

RANDOM = "randomize"
"""A1111 draws another seed for each picture; the dice beside the field turns that off."""

Fields = dict[str, BoxInput]

_MODEL = (
    ("ckpt_name", "Checkpoint", FIRST_CHOICE),
    ("vae_name", "VAE", "Automatic"),
    ("clip_skip", "Clip skip", 1),
    ("prompt", "Prompt", PROMPT),
    ("negative_prompt", "Negative prompt", NEGATIVE_PROMPT),
    ("lora_name", "LoRA", "None"),
    ("lora_strength", "LoRA strength", 1.0),
    ("sampler_name", "Sampling method", Job.sampler),
    ("scheduler", "Schedule type", Job.scheduler),
    ("steps", "Sampling steps", Job.steps),
)
_SECOND_PASS = (
    ("hr_second_pass_steps", "Hires steps", Job.hr_second_pass_steps),
    ("denoising_strength", "Denoising strength", None),
    ("hr_scale", "Upscale by", Job.hr_scale),
    ("hr_resize_x", "Resize width to", Job.hr_resize_x),
    ("hr_resize_y", "Resize height to", Job.hr_resize_y),
)
_HIRES_OWN = (
    ("hr_sampler_name", "Hires sampling method", "Use same sampler"),
    ("hr_scheduler", "Hires schedule type", "Use same scheduler"),
    ("hr_prompt", "Hires prompt", ""),
    ("hr_negative_prompt", "Hires negative prompt", ""),
)
_PICTURE = (
    ("width", "Width", Job.width),
    ("height", "Height", Job.height),
    ("batch_size", "Batch size", Job.batch_size),
)
_LAST = (("cfg", "CFG Scale", Job.cfg), ("seed", "Seed", Job.seed))

HINTS = {
    "vae_name": "Automatic: the checkpoint's own",
    "lora_name": "or <lora:name:1> in the prompt",
    "hr_second_pass_steps": "0: as many as Sampling steps",
    "hr_scale": "while both sides below are 0",
    "hr_prompt": "empty: as the prompt",
    "hr_negative_prompt": "empty: as the negative prompt",
    "max_side": "0: no limit",
    "input_folder": "inside ComfyUI's input folder; empty: that folder itself",
    "output_folder": "inside ComfyUI's output folder",
}
"""A few words on fields that do not speak for themselves, for the forms."""

Enlarge = Callable[[Graph, Fields, Sampling, Output, Output], Output]
"""Makes the latent that enters the second pass of: fields, what the second pass samples with, its noise, the base."""


def txt2img(
    graph: Graph,
    upscaler: tuple[str, str],
    denoising_strength: float,
    enlarge: Enlarge,
    settings: bool = False,
) -> None:
    """The txt2img tab, where hires fix stands before the size.

    Args:
        upscaler: name of its field, and its start value.
        settings: also A1111's settings pages, and what draws its noise.
    """
    upscalers = (("hires_fix", "Hires. fix", True), (upscaler[0], "Upscaler", upscaler[1]))
    source = (("noise_source", "Random number generator source", Job.noise_source),) if settings else ()
    f = _fields(
        graph,
        {"denoising_strength": denoising_strength},
        *_MODEL,
        *upscalers,
        *_SECOND_PASS,
        *_HIRES_OWN,
        *_PICTURE,
        *_LAST,
        *source,
    )
    graph.stage("Model")
    loaded = _Loaded(graph, f)
    options = graph.node("HiresFixA1111Settings", folded=True).out() if settings else None
    noise = stages.noise(graph, f["seed"], f["noise_source"] if settings else Job.noise_source)
    noise.node.control = RANDOM
    empty = stages.empty_picture(graph, f["width"], f["height"], f["batch_size"])
    graph.stage("Prompts")
    first = loaded.sampling("first pass", f["prompt"], None, f["negative_prompt"], options)
    negative = loaded.loras(f["hr_negative_prompt"], f["negative_prompt"], "Hires negative prompt").out("text")
    same = loaded.sampling("second pass", f["hr_prompt"], f["prompt"], negative, options)
    second = replace(same, steps=None, cfg=None, sampler=f["hr_sampler_name"], scheduler=f["hr_scheduler"])
    graph.stage("First pass")
    base = stages.first_pass(graph, first, noise, empty)
    graph.stage("Upscale")
    enlarged = enlarge(graph, f, second, noise, base)
    graph.stage("Second pass")
    strength, steps = f["denoising_strength"], f["hr_second_pass_steps"]
    redrawn = stages.second_pass(graph, second, noise, enlarged, strength, steps)
    graph.stage("Result")
    chosen = graph.node("ComfySwitchNode", title="Hires. fix", switch=f["hires_fix"], on_false=base, on_true=redrawn)
    _give(graph, first, chosen.out())


def hires_of_picture(graph: Graph, **starts: Any) -> None:
    """Hires fix of a picture that is there: what A1111's button on a finished picture does.

    `starts`: other start values, by the names of the fields.
    """
    image = graph.box_input("image", "Image")
    chosen = ("upscaler_name", "Upscaler", UPSCALER_2X)
    f = _fields(graph, {"denoising_strength": 0.4, **starts}, *_MODEL, chosen, *_SECOND_PASS, *_LAST)
    graph.stage("Model")
    loaded = _Loaded(graph, f)
    noise = stages.noise(graph, f["seed"], Job.noise_source)
    noise.node.control = RANDOM
    graph.stage("Prompts")
    shared = loaded.sampling("second pass", f["prompt"], None, f["negative_prompt"], None)
    graph.stage("Upscale")
    size = graph.node("GetImageSize", image=image)
    loaded_upscaler = stages.load_upscaler(graph, f["upscaler_name"])
    sides = size.out("width"), size.out("height")
    target = stages.target_size(graph, shared, sides, _resize(f))
    picture = stages.upscale_picture(graph, image, loaded_upscaler, target)
    enlarged = graph.node("VAEEncode", pixels=picture, vae=shared.vae).out()
    graph.stage("Second pass")
    strength, steps = f["denoising_strength"], f["hr_second_pass_steps"]
    redrawn = stages.second_pass(graph, shared, noise, enlarged, strength, steps)
    graph.stage("Result")
    _give(graph, shared, redrawn)


def enlarge_latent(graph: Graph, f: Fields, second: Sampling, noise: Output, base: Output) -> Output:
    return stages.latent_upscale(graph, base, stages.target_size(graph, second, base, _resize(f)), f["mode"])


def enlarge_picture(graph: Graph, f: Fields, second: Sampling, noise: Output, base: Output, /, **more: Any) -> Output:
    """`more`: further inputs of Pixel Upscale."""
    loaded = stages.load_upscaler(graph, f["upscaler_name"])
    target = stages.target_size(graph, second, base, _resize(f))
    return stages.pixel_upscale(graph, second, base, loaded, target, **more).out("latent")


def enlarge_as_a1111(graph: Graph, f: Fields, second: Sampling, noise: Output, base: Output) -> Output:
    return enlarge_picture(graph, f, second, noise, base, numbers="A1111", noise=noise)


def _fields(graph: Graph, starts: Mapping[str, Any], *named: tuple[str, str, Any]) -> Fields:
    return {name: graph.box_input(name, label, starts.get(name, start)) for name, label, start in named}


def _resize(f: Fields) -> tuple[BoxInput, BoxInput, BoxInput]:
    return f["hr_scale"], f["hr_resize_x"], f["hr_resize_y"]


def _give(graph: Graph, shared: Sampling, latent: Output) -> None:
    graph.box_output("IMAGE", graph.node("VAEDecode", samples=latent, vae=shared.vae).out())
    graph.box_output("LATENT", latent)


class _Loaded:
    """A checkpoint with its VAE, for passes with LoRAs and prompts of their own."""

    def __init__(self, graph: Graph, f: Fields) -> None:
        self._graph, self._f = graph, f
        loader = graph.node("CheckpointLoaderSimple", ckpt_name=f["ckpt_name"])
        self._model, self._clip = loader.out("MODEL"), loader.out("CLIP")
        self._vae = graph.node("HiresFixChooseVAE", vae=loader.out("VAE"), vae_name=f["vae_name"]).out()

    def loras(self, text: BoxInput, instead: BoxInput | None, title: str, **lora: Any) -> Any:
        """A prompt, or what stands for an empty one, without its tags, and the model with the LoRAs of these."""
        more = {"text": text, "instead_of_empty": instead, **lora}
        # their fields are the box's
        return self._graph.node(
            "HiresFixPromptLoras", title=title, folded=True, model=self._model, clip=self._clip, **more
        )

    def sampling(
        self,
        of: str,
        prompt: BoxInput,
        instead: BoxInput | None,
        negative: BoxInput | Output,
        options: Output | None,
    ) -> Sampling:
        """What the "first pass" or "second pass" samples with."""
        f = self._f
        lora = {"lora_name": f["lora_name"], "lora_strength": f["lora_strength"]}
        tagged = self.loras(prompt, instead, f"LoRAs, {of}", **lora)
        texts = tagged.out("text"), negative
        shared = {"clip": tagged.out("clip"), "clip_skip": f["clip_skip"]}
        positive, minus = stages.a1111_prompts(self._graph, *texts, f", {of}", **shared, folded=True)
        how = {"steps": f["steps"], "cfg": f["cfg"], "sampler": f["sampler_name"], "scheduler": f["scheduler"]}
        return Sampling(tagged.out("model"), self._vae, positive, minus, **how, settings=options)
