"""The nodes for what settings ask of each pass: models, prompts, noise and options, each of them once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from ...graph import stages
from ...graph.builder import Output
from ...graph.stages import Sampling
from ...prompts.embeddings import mark_embeddings
from ...prompts.networks import without_tags
from ...sampling.menus import FILTERS, LATENT_MODES
from ...sampling.settings import A1111Settings
from ..names import same_name, upscaler_file
from ..settings import GenerationSettings, HiresSettings, ModelName
from .fitting import FittingGraph
from .loaders import Loaders, Models


@dataclass(frozen=True)
class Pass:
    """All that one pass samples with."""

    models: Models
    positive: Output
    negative: Output
    refiner: Output | None
    decoder: Output
    """The VAE for its result: a refiner brings its own."""


class Passes:
    """Adds to a graph what settings ask for."""

    def __init__(
        self,
        graph: FittingGraph,
        asked: GenerationSettings,
        loaders: Loaders,
        embeddings: tuple[str, ...] = (),
        **prompt: Any,
    ) -> None:
        """Add nothing yet.

        Args:
            embeddings: words in prompts of Flux that name embeddings.
            prompt: further inputs of every prompt node.
        """
        self._graph, self._asked, self._hires, self._loaders = graph, asked, asked.hires, loaders
        self._embeddings, self._prompt = embeddings, prompt
        self._encoded: dict[tuple[Output, str | Output, str, float | None], tuple[Output, Output]] = {}

    def first(self) -> Pass:
        """What the only pass, or the first one, samples with."""
        asked = self._asked
        return self._pass("first pass", asked.checkpoint, asked.prompt, asked.negative_prompt)

    def second(self, hires: HiresSettings) -> Pass:
        """The same of hires fix."""
        asked = self._asked
        return self._pass(
            "second pass",
            hires.hr_checkpoint or asked.checkpoint,
            hires.hr_prompt or asked.prompt,
            hires.hr_negative_prompt or asked.negative_prompt,
        )

    def _pass(self, for_pass: str, checkpoint: ModelName | None, prompt: str, negative: str) -> Pass:
        models = self._loaders.checkpoint(checkpoint, prompt)
        pair = self._prompts(for_pass, models, prompt, negative)
        refiner = self._asked.refiner
        if refiner is None or (self._hires and refiner.hires_pass not in (for_pass, "both passes")):
            return Pass(models, *pair, None, models.vae)
        takes_over = self._loaders.checkpoint(refiner.checkpoint, prompt)
        positive, negative_output = self._prompts(for_pass, takes_over, prompt, negative)
        node = self._graph.node(
            "HiresFixRefiner",
            model=takes_over.model,
            positive=positive,
            negative=negative_output,
            switch_at=refiner.switch_at,
            by_steps=refiner.by_steps,
        )
        return Pass(models, *pair, node.out(), takes_over.vae)

    def _prompts(self, for_pass: str, models: Models, prompt: str, negative: str) -> tuple[Output, Output]:
        """Both prompts for a text encoder; those of the first pass serve the second one, too, if they are the same."""
        guidance = self._asked.distilled_cfg
        if guidance is not None:
            # the host gets prompts of Flux as they are
            marked = (mark_embeddings(without_tags(text), self._embeddings) for text in (prompt, negative))
            prompt, negative = marked
            own = self._hires.hr_distilled_cfg if self._hires and for_pass == "second pass" else None
            guidance = guidance if own is None else own
        key = models.clip, models.prompt or prompt, negative, guidance
        if key not in self._encoded:
            self._encoded[key] = self._encode(*key, of="" if for_pass == "first pass" else f", {for_pass}")
        return self._encoded[key]

    def _encode(
        self, clip: Output, prompt: str | Output, negative: str, guidance: float | None, of: str
    ) -> tuple[Output, Output]:
        asked = self._asked
        shared = {"clip_skip": asked.clip_skip, "emphasis": asked.emphasis, "pad_cond_uncond": asked.pad_cond_uncond}
        shared |= self._prompt
        positive, minus = stages.a1111_prompts(self._graph, prompt, negative, of=of, clip=clip, **shared)
        if guidance is not None:
            positive = self._graph.node("FluxGuidance", conditioning=positive, guidance=guidance).out()
        return positive, minus

    @cached_property
    def noise(self) -> Output:
        """Of all passes."""
        asked = self._asked
        return self._graph.node(
            "HiresFixNoise",
            seed=asked.seed,
            source=asked.noise_source,
            subseed=asked.subseed,
            subseed_strength=asked.subseed_strength,
            seed_resize_from_w=asked.seed_resize_from_w,
            seed_resize_from_h=asked.seed_resize_from_h,
            eta_noise_seed_delta=asked.eta_noise_seed_delta,
        ).out()

    @cached_property
    def _options(self) -> Output | None:
        """A1111 Settings; None while all are at their defaults."""
        options = self._asked.options
        if options == A1111Settings():
            return None
        return self._graph.node("HiresFixA1111Settings", **asdict(options)).out()

    def sampling(self, mine: Pass, *, cfg: float | None, sampler: str | None, scheduler: str | None) -> Sampling:
        """What a pass samples with, for `stages`."""
        return Sampling(
            model=mine.models.model,
            vae=mine.models.vae,
            positive=mine.positive,
            negative=mine.negative,
            steps=self._asked.steps,
            cfg=cfg,
            sampler=sampler,
            scheduler=scheduler,
            settings=self._options,
            refiner=mine.refiner,
        )

    def enlarged(
        self,
        hires: HiresSettings,
        second: Sampling,
        base: Output,
        sides: tuple[int, int] | None = None,
        **more: Any,
    ) -> Output:
        """The latent that enters the second pass.

        Args:
            second: what that samples with.
            base: the latent of the first pass.
            sides: width and height of the first pass, where they are others than the latent's.
            more: further inputs of Pixel Upscale, such as its `image`: the latent decoded, where the VAE of the second
                pass is another one.
        """
        resize = hires.hr_scale, hires.hr_resize_x, hires.hr_resize_y
        target = stages.target_size(self._graph, second, sides or base, resize)
        mode = same_name(hires.hr_upscaler, LATENT_MODES)
        if mode:
            return stages.latent_upscale(self._graph, base, target, mode)
        known = same_name(hires.hr_upscaler, FILTERS)
        file = upscaler_file(hires.hr_upscaler)
        upscaler = stages.load_upscaler(self._graph, known) if known else self._loaders.upscaler(file)
        more = {"numbers": "A1111", "noise": self.noise, **more}
        return stages.pixel_upscale(self._graph, second, base, upscaler, target, **more).out("latent")
