"""Boxes inside of workflows: stages that would make them too wide to read."""

from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph
from ..hires.graph.models import PID, PID_TEXT
from ..hires.graph.stages import Sampling
from .job import Job


def second_model(checkpoint: str, lora: str, lora_strength: float, prompt: str, negative_prompt: str) -> Graph:
    """A checkpoint with a LoRA and prompts of its own."""
    graph = Graph("Second model")
    field = graph.box_input
    name = field("ckpt_name", "Checkpoint", checkpoint)
    lora_name = field("lora_name", "LoRA", lora)
    strength = field("lora_strength", "LoRA strength", lora_strength)
    texts = field("prompt", "Prompt", prompt), field("negative_prompt", "Negative prompt", negative_prompt)
    graph.stage("Model")
    loader = graph.node("CheckpointLoaderSimple", ckpt_name=name)
    model, clip = loader.out("MODEL"), loader.out("CLIP")
    strengths: dict[str, Any] = {"strength_model": strength, "strength_clip": strength}
    graph.column()
    loaded = graph.node("LoraLoader", model=model, clip=clip, lora_name=lora_name, **strengths)
    graph.stage("Prompts")
    positive, negative = stages.prompts(graph, loaded.out("CLIP"), *texts)
    graph.box_output("model", loaded.out("MODEL"))
    graph.box_output("vae", loader.out("VAE"))
    graph.box_output("positive", positive)
    graph.box_output("negative", negative)
    return graph


def round_of(asked: Job, number: int, denoising_strength: float) -> Graph:
    """Pixel upscale and second pass of a latent."""
    graph = Graph(f"Round {number}")
    names = ("latent", "model", "positive", "negative", "vae", "noise", "upscaler")
    latent, model, positive, negative, vae, noise, upscaler = (graph.box_input(name, name) for name in names)
    scale = graph.box_input("hr_scale", "Upscale by", asked.hr_scale)
    strength = graph.box_input("denoising_strength", "Denoising strength", denoising_strength)
    # None: as the first pass, which the latent knows
    shared = Sampling(model, vae, positive, negative, steps=None, cfg=None, sampler=None, scheduler=None)
    graph.stage("Upscale")
    target = stages.target_size(graph, shared, latent, (scale, asked.hr_resize_x, asked.hr_resize_y))
    upscaled = stages.pixel_upscale(graph, shared, latent, upscaler, target)
    graph.stage("Second pass")
    redrawn = asked.second_pass(graph, shared, noise, upscaled.out("latent"), strength)
    graph.box_output("latent", redrawn)
    graph.box_output("before", upscaled.out("image"))
    return graph


def redraw_of_tiles(asked: Job, denoising_strength: float, tiles_at_once: int) -> Graph:
    """Every tile as A1111's img2img draws it."""
    graph = Graph("Redraw tiles")
    names = ("tiles", "layout", "model", "positive", "negative", "vae", "noise", "settings")
    tiles, layout, model, positive, negative, vae, noise, settings = (graph.box_input(name, name) for name in names)
    told = _sampling_fields(graph, asked)
    batch_size = graph.box_input("batch_size", "Batch size", tiles_at_once)
    strength = graph.box_input("denoising_strength", "Denoising strength", denoising_strength)
    shared = Sampling(model, vae, positive, negative, **told, settings=settings)
    graph.stage("Batches of tiles")
    shares: dict[str, Any] = {"layout": layout, "vae": vae}
    encoded = graph.node("HiresFixEncodeTiles", tiles=tiles, noise=noise, batch_size=batch_size, **shares)
    graph.stage("Redraw")
    latent, noises = encoded.out("latent"), encoded.out("noise")
    redrawn = stages.second_pass(graph, shared, noises, latent, strength, steps_rule="img2img")
    graph.stage("All tiles")
    graph.box_output("tiles", graph.node("HiresFixDecodeTiles", latent=redrawn, **shares).out())
    return graph


def redraw_of_files(asked: Job, folders: dict[str, str], strengths: tuple[float, float], scale: float) -> Graph:
    """Tiled Redraw with the fields that matter first. `strengths`: of the redraw, and of the ControlNet."""
    graph = Graph("Redraw files")
    names = ("model", "positive", "negative", "vae", "noise", "upscaler", "control_net")
    sockets: dict[str, Any] = {name: graph.box_input(name, name) for name in names}
    labels = {"input_folder": "Input folder", "include": "Pictures", "output_folder": "Output folder"}
    fields: dict[str, Any] = {name: graph.box_input(name, label, folders[name]) for name, label in labels.items()}
    fields["upscaling_resize"] = graph.box_input("upscaling_resize", "Upscale by", scale)
    told = _sampling_fields(graph, asked)
    fields |= {"sampler_name": told.pop("sampler"), **told}
    fields["denoising_strength"] = graph.box_input("denoising_strength", "Denoising strength", strengths[0])
    fields["control_strength"] = graph.box_input("control_strength", "ControlNet strength", strengths[1])
    graph.stage("Redraw")
    # too tall to be read unfolded in a small window
    graph.box_output("report", graph.node("HiresFixTiledRedraw", folded=True, **sockets, **fields).out())
    return graph


def redraw_of(asked: Job, denoising_strength: float) -> Graph:
    """A second pass of pictures by themselves, in what their masks show."""
    graph = Graph("Redraw")
    names = ("images", "masks", "model", "positive", "negative", "vae", "noise")
    images, masks, model, positive, negative, vae, noise = (graph.box_input(name, name) for name in names)
    told = _sampling_fields(graph, asked)
    strength = graph.box_input("denoising_strength", "Denoising strength", denoising_strength)
    graph.stage("Encode")
    encoded = graph.node("VAEEncode", pixels=images, vae=vae).out()
    kept = graph.node("SetLatentNoiseMask", samples=encoded, mask=masks).out()
    graph.stage("Second pass")
    redrawn = asked.second_pass(graph, Sampling(model, vae, positive, negative, **told), noise, kept, strength)
    graph.stage("Decode")
    graph.box_output("images", graph.node("VAEDecode", samples=redrawn, vae=vae).out())
    return graph


def pid(prompt: str, degrade_sigma: float, seed: int) -> Graph:
    """A picture as large as the canvas, drawn by PiD from the latent of one a quarter as wide."""
    graph = Graph("PiD")
    latent, canvas = (graph.box_input(name, name) for name in ("latent", "canvas"))
    text = graph.box_input("prompt", "Prompt", prompt)
    sigma = graph.box_input("degrade_sigma", "Degrade sigma", degrade_sigma)
    latents = graph.box_input("latent_format", "Latent format", "flux")
    number = graph.box_input("seed", "Seed", seed)
    files = graph.box_input("unet_name", "PiD", PID.name), graph.box_input("clip_name", "Text encoder", PID_TEXT.name)
    graph.stage("Models")
    model = graph.node("UNETLoader", unet_name=files[0]).out()
    clip = graph.node("CLIPLoader", clip_name=files[1], type="pixeldit").out()
    graph.stage("Prompt and latent")
    positive = graph.node("CLIPTextEncode", text=text, clip=clip).out()
    negative = graph.node("ConditioningZeroOut", title="No negative prompt", conditioning=positive).out()
    shown: dict[str, Any] = {"latent": latent, "latent_format": latents, "degrade_sigma": sigma}
    seen = graph.node("PiDConditioning", positive=positive, **shown).out()
    graph.stage("Draw")
    # as it was distilled: four steps, nothing between them
    how: dict[str, Any] = {"seed": number, "steps": 4, "cfg": 1.0, "sampler_name": "lcm", "scheduler": "simple"}
    drawn = graph.node("KSampler", model=model, positive=seen, negative=negative, latent_image=canvas, **how).out()
    pixels = graph.node("VAELoader", vae_name="pixel_space").out()
    graph.box_output("images", graph.node("VAEDecode", samples=drawn, vae=pixels).out())
    return graph


def _sampling_fields(graph: Graph, asked: Job) -> dict[str, Any]:
    """A1111's fields of a pass, in its order, as what `Sampling` takes."""
    return {
        "sampler": graph.box_input("sampler_name", "Sampling method", asked.sampler),
        "scheduler": graph.box_input("scheduler", "Schedule type", asked.scheduler),
        "steps": graph.box_input("steps", "Sampling steps", asked.steps),
        "cfg": graph.box_input("cfg", "CFG Scale", asked.cfg),
    }
