"""Parts that several workflows share: what one stage is made of and how it is wired."""

from dataclasses import dataclass

from .graph import Graph, Node, Output


@dataclass(frozen=True)
class Sampling:
    """What both passes share: the model, what to draw, and how."""

    model: Output
    vae: Output
    positive: Output
    negative: Output
    steps: int
    cfg: float
    sampler: str
    """A1111's or the host's name."""

    scheduler: str
    """A1111's or the host's name."""


@dataclass(frozen=True)
class Picture:
    """A latent picture with its size in pixels."""

    latent: Output
    width: Output
    height: Output


def introduce(graph: Graph, purpose: str, *change_first: str, title: str = "Start here") -> None:
    """Add the note that says what the workflow does and what to change first."""
    lines = [purpose, "", "Change first:", *(f"- {line}" for line in change_first)]
    graph.note("\n".join(lines), title=title)


def model_and_prompts(
    graph: Graph,
    *,
    checkpoint: str,
    prompt: str,
    negative_prompt: str,
    steps: int,
    cfg: float,
    sampler: str,
    scheduler: str,
) -> Sampling:
    """Checkpoint and prompts, with the settings that both passes use."""
    loader = graph.node("CheckpointLoaderSimple", ckpt_name=checkpoint)
    clip = loader.out("CLIP")
    positive = graph.node("CLIPTextEncode", title="Prompt", text=prompt, clip=clip)
    negative = graph.node("CLIPTextEncode", title="Negative prompt", text=negative_prompt, clip=clip)
    return Sampling(
        model=loader.out("MODEL"),
        vae=loader.out("VAE"),
        positive=positive.out(),
        negative=negative.out(),
        steps=steps,
        cfg=cfg,
        sampler=sampler,
        scheduler=scheduler,
    )


def noise(graph: Graph, seed: int, source: str) -> Output:
    """One NOISE for all passes: each draws its own numbers from it, at its own size."""
    return graph.node("HiresFixNoise", seed=seed, source=source).out()


def first_pass(graph: Graph, shared: Sampling, noise: Output, width: int, height: int, batch_size: int) -> Picture:
    """Base sampling and a look at its result. One Int node a side feeds all that depends on the size."""
    across = graph.node("PrimitiveInt", title="Width", value=width).out()
    down = graph.node("PrimitiveInt", title="Height", value=height).out()
    empty = graph.node("EmptyLatentImage", width=across, height=down, batch_size=batch_size).out()
    graph.column()
    latent = graph.node(
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
    ).out()
    decoded = graph.node("VAEDecode", samples=latent, vae=shared.vae).out()
    graph.node("PreviewImage", title="Base picture", images=decoded)
    return Picture(latent, across, down)


def target_size(
    graph: Graph,
    shared: Sampling,
    width: Output,
    height: Output,
    *,
    hr_scale: float,
    hr_resize_x: int = 0,
    hr_resize_y: int = 0,
) -> Node:
    """Target Size for a picture of this size."""
    return graph.node(
        "HiresFixTargetSize",
        width=width,
        height=height,
        hr_scale=hr_scale,
        hr_resize_x=hr_resize_x,
        hr_resize_y=hr_resize_y,
        # tells how many pixels one latent cell covers
        vae=shared.vae,
    )


def load_upscaler(graph: Graph, name: str) -> Output:
    """An upscaler by its name in the one list of all upscalers."""
    return graph.node("HiresFixUpscalerLoader", upscaler_name=name).out()


def pixel_upscale(graph: Graph, shared: Sampling, latent: Output, upscaler: Output, target: Node) -> Output:
    """Decode, upscale, encode; returns the larger latent."""
    return graph.node(
        "HiresFixPixelUpscale", latent=latent, vae=shared.vae, upscaler=upscaler, target=target.out("target")
    ).out("latent")


def upscale_and_encode(graph: Graph, shared: Sampling, picture: Output, upscaler: Output, target: Node) -> Output:
    """Enlarge a picture that never was a latent, to exactly the target, and encode it once."""
    enlarged = graph.node(
        "HiresFixUpscaleImage",
        image=picture,
        upscaler=upscaler,
        resize_mode="scale to",
        upscaling_resize_w=target.out("width"),
        upscaling_resize_h=target.out("height"),
        upscaling_crop=True,
    ).out()
    return graph.node("VAEEncode", pixels=enlarged, vae=shared.vae).out()


def second_pass(
    graph: Graph,
    shared: Sampling,
    noise: Output,
    latent: Output,
    denoising_strength: float,
    hr_second_pass_steps: int = 0,
) -> Output:
    """Re-noise and Second Sampling with the settings of the first pass; returns the redrawn latent."""
    noised = graph.node(
        "HiresFixRenoise",
        model=shared.model,
        latent=latent,
        noise=noise,
        steps=shared.steps,
        denoising_strength=denoising_strength,
        hr_second_pass_steps=hr_second_pass_steps,
        sampler_name=shared.sampler,
        scheduler=shared.scheduler,
    )
    return graph.node(
        "HiresFixSecondSampling",
        model=shared.model,
        positive=shared.positive,
        negative=shared.negative,
        latent=noised.out("latent"),
        sigmas=noised.out("sigmas"),
        noise=noise,
        cfg=shared.cfg,
        sampler_name=shared.sampler,
    ).out()


def decode_and_save(graph: Graph, shared: Sampling, latent: Output) -> None:
    """The finished picture, saved under the workflow's name."""
    decoded = graph.node("VAEDecode", samples=latent, vae=shared.vae).out()
    graph.node("SaveImage", images=decoded, filename_prefix=graph.name)
