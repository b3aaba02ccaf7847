"""What a workflow with a diffusion model can be asked for."""

from dataclasses import dataclass
from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph, Node, Output
from ..hires.graph.models import DREAMSHAPER, FLUX
from ..hires.graph.stages import Number, Sampling, Side, Socket, Text, Whole

CHECKPOINT = DREAMSHAPER.name
PROMPT = "a lighthouse on a rocky coast at dawn, sea mist, soft light, highly detailed"
NEGATIVE_PROMPT = "blurry, low quality, watermark"

YOUR_CHECKPOINT = "**Load Checkpoint**: yours, or get the one named"
ONE_SAMPLER = "**Base Sampling**: *steps*, *cfg* and sampler of both passes"
UPSCALER_FILE = "**Load Upscaler**: the pack's, Lanczos or a file in *models/upscale_models*"
"""Lines of the notes."""

FLOW = {
    "checkpoint": FLUX.name,
    "cfg": 1.0,
    "sampler": "euler",
    "scheduler": "simple",
    "noise_source": "ComfyUI",
}
"""Fields of `Job` that suit Flux."""

WITH_INFOTEXT = "HiresFixSaveImage"
"""Saves A1111's generation text with the picture; for workflows whose settings core's importer would lose."""


@dataclass(frozen=True)
class Job:
    """The parameters of A1111's txt2img tab with hires fix; sizes are pixels. Any of them may be the field of a box."""

    checkpoint: Text = CHECKPOINT
    prompt: Text = PROMPT
    negative_prompt: Text = NEGATIVE_PROMPT
    seed: Whole = 0
    noise_source: Text = "GPU"
    width: Whole = 512
    height: Whole = 512
    batch_size: Whole = 1
    steps: Whole = 20
    cfg: Number = 7.0
    sampler: Text = "DPM++ 2M"
    scheduler: Text = "Automatic"
    hr_scale: Number = 2.0
    hr_resize_x: Whole = 0
    hr_resize_y: Whole = 0
    hr_second_pass_steps: Whole = 0

    def model_noise_prompts(self, graph: Graph) -> tuple[Sampling, Output]:
        """What both passes share, and their noise, in two columns."""
        loader = self.checkpoint_loader(graph)
        noise = self.noise(graph)
        graph.column()
        prompts = stages.prompts(graph, loader.out("CLIP"), self.prompt, self.negative_prompt)
        return self.sampling(loader, *prompts), noise

    def flow_noise_prompt(self, graph: Graph, guidance: float) -> tuple[Sampling, Output]:
        """The same for a flow model with guidance in place of cfg, which has no negative prompt."""
        loader = self.checkpoint_loader(graph)
        noise = self.noise(graph)
        graph.column()
        prompt = graph.node("CLIPTextEncode", title="Prompt", text=self.prompt, clip=loader.out("CLIP")).out()
        positive = graph.node("FluxGuidance", conditioning=prompt, guidance=guidance).out()
        negative = graph.node("ConditioningZeroOut", title="No negative prompt", conditioning=prompt).out()
        return self.sampling(loader, positive, negative), noise

    def first_pass(self, graph: Graph) -> tuple[Sampling, Output, Output]:
        """What both passes share, their noise, and the latent of the base picture, in a stage of its own."""
        shared, noise = self.model_noise_prompts(graph)
        empty = self.empty_picture(graph)
        graph.stage("First pass")
        return shared, noise, stages.first_pass(graph, shared, noise, empty)

    def checkpoint_loader(self, graph: Graph) -> Node:
        return graph.node("CheckpointLoaderSimple", ckpt_name=self.checkpoint)

    def sampling(self, loader: Node, positive: Output, negative: Output, settings: Output | None = None) -> Sampling:
        """What a pass with the model and VAE of a loader samples with."""
        model, vae = loader.out("MODEL"), loader.out("VAE")
        shared = {"steps": self.steps, "cfg": self.cfg, "sampler": self.sampler, "scheduler": self.scheduler}
        return Sampling(model, vae, positive, negative, **shared, settings=settings)

    def noise(self, graph: Graph) -> Output:
        return stages.noise(graph, self.seed, self.noise_source)

    def empty_picture(self, graph: Graph, kind: str = "EmptyLatentImage") -> Output:
        """What the first pass starts from; `kind`: node that makes the latent."""
        return stages.empty_picture(graph, self.width, self.height, self.batch_size, kind)

    def target(self, graph: Graph, shared: Sampling, of: Socket | tuple[Side, Side]) -> Node:
        return stages.target_size(graph, shared, of, (self.hr_scale, self.hr_resize_x, self.hr_resize_y))

    def enlarge(self, graph: Graph, shared: Sampling, base: Output, upscaler: Text | Output, **more: Any) -> Node:
        """Pixel upscale of the base picture in a stage of its own; `more`: further inputs."""
        graph.stage("Upscale")
        loaded = stages.load_upscaler(graph, upscaler)
        target = self.target(graph, shared, base)
        return stages.pixel_upscale(graph, shared, base, loaded, target, **more)

    def second_pass(
        self, graph: Graph, shared: Sampling, noise: Socket, upscaled: Socket, strength: Number | Output
    ) -> Output:
        return stages.second_pass(graph, shared, noise, upscaled, strength, self.hr_second_pass_steps)

    def finish(
        self,
        graph: Graph,
        shared: Sampling,
        noise: Output,
        upscaled: Output,
        strength: Number,
        before: Output | None = None,
        kind: str = "SaveImage",
    ) -> None:
        """Second pass and result; the stage "Second pass" is already open.

        `before`: a picture to compare the result with. `kind`: node that saves the result.
        """
        redrawn = self.second_pass(graph, shared, noise, upscaled, strength)
        graph.stage("Result")
        result = stages.decode_and_save(graph, redrawn, shared.vae, kind)
        if before:
            stages.compare(graph, before, result)
