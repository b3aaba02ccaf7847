"""What a workflow with a diffusion model can be asked for."""

from dataclasses import dataclass
from typing import Any

from ..hires.graph import stages
from ..hires.graph.builder import Graph, Node, Output
from ..hires.graph.models import DREAMSHAPER
from ..hires.graph.stages import Number, Picture, Sampling, Side, Text, Whole

CHECKPOINT = DREAMSHAPER.name
PROMPT = "a lighthouse on a rocky coast at dawn, sea mist, soft light, highly detailed"
NEGATIVE_PROMPT = "blurry, low quality, watermark"

YOUR_CHECKPOINT = "**Load Checkpoint**: yours, or the one named, which the editor offers to download"
SAME_SETTINGS = "*steps*, *sampler_name*, *scheduler*: the same in every node that has them"
UPSCALER_FILE = "**Load Upscaler**: the pack's own, Lanczos, or a file in *models/upscale_models*"
"""Lines of the notes."""

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

    def model_and_prompts(self, graph: Graph) -> Sampling:
        loader = self.checkpoint_loader(graph)
        return self.sampling(loader, *stages.prompts(graph, loader.out("CLIP"), self.prompt, self.negative_prompt))

    def checkpoint_loader(self, graph: Graph) -> Node:
        return graph.node("CheckpointLoaderSimple", ckpt_name=self.checkpoint)

    def sampling(self, loader: Node, positive: Output, negative: Output, settings: Output | None = None) -> Sampling:
        """What a pass with the model and VAE of a loader samples with."""
        model, vae = loader.out("MODEL"), loader.out("VAE")
        shared = {"steps": self.steps, "cfg": self.cfg, "sampler": self.sampler, "scheduler": self.scheduler}
        return Sampling(model, vae, positive, negative, **shared, settings=settings)

    def noise(self, graph: Graph) -> Output:
        return stages.noise(graph, self.seed, self.noise_source)

    def empty_picture(self, graph: Graph, kind: str = "EmptyLatentImage") -> Picture:
        """What the first pass starts from; `kind`: node that makes the latent."""
        return stages.empty_picture(graph, self.width, self.height, self.batch_size, kind)

    def first_pass(self, graph: Graph, shared: Sampling, kind: str = "EmptyLatentImage") -> tuple[Output, Picture]:
        """Noise and base picture, in a stage of their own."""
        graph.stage("First pass")
        noise, empty = self.noise(graph), self.empty_picture(graph, kind)
        graph.column()
        base = stages.first_pass(graph, shared, noise, empty)
        stages.show_base(graph, base.latent, shared.vae)
        return noise, base

    def target(self, graph: Graph, shared: Sampling, width: Side, height: Side) -> Node:
        return stages.target_size(graph, shared, width, height, (self.hr_scale, self.hr_resize_x, self.hr_resize_y))

    def enlarge(
        self, graph: Graph, shared: Sampling, base: Picture, upscaler: Text, preview: bool = True, **more: Any
    ) -> Node:
        """Pixel upscale of the base picture in a stage of its own, with a preview; `more`: further inputs."""
        graph.stage("Upscale")
        loaded = stages.load_upscaler(graph, upscaler)
        target = self.target(graph, shared, base.width, base.height)
        enlarged = stages.pixel_upscale(graph, shared, base.latent, loaded, target, **more)
        if preview:
            graph.node("PreviewImage", title="Upscaled picture", images=enlarged.out("image"))
        return enlarged

    def second_pass(self, graph: Graph, shared: Sampling, noise: Output, upscaled: Output, strength: Number) -> Output:
        return stages.second_pass(graph, shared, noise, upscaled, strength, self.hr_second_pass_steps)

    def finish(
        self, graph: Graph, shared: Sampling, noise: Output, upscaled: Output, strength: Number, kind: str = "SaveImage"
    ) -> None:
        """Second pass and result; the stage "Second pass" is already open. `kind`: node that saves the picture."""
        redrawn = self.second_pass(graph, shared, noise, upscaled, strength)
        graph.stage("Result")
        stages.decode_and_save(graph, redrawn, shared.vae, kind)
