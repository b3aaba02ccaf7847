"""From the generation text of an A1111 picture to the workflow that draws it."""

from dataclasses import asdict, dataclass
from functools import cached_property

from ...graph import stages
from ...graph.builder import Graph, Note, Output
from ...prompts.embeddings import mark_embeddings, missing_embeddings
from ...sampling.menus import FILTERS, LATENT_MODES
from ...sampling.settings import A1111Settings
from ..json import read_json, read_lines
from ..markdown import as_code, code_block
from ..names import same_name, upscaler_file
from ..networks import embedding_names, without_tags
from ..read import read_settings
from ..settings import HiresSettings, ModelName
from ..text import Infotext, parse
from .fitting import FittingGraph
from .loaders import Loaders, ModelFiles, Models

NAME = "from-a1111"
"""Name of the graph, and start of the file names of its pictures."""

SIDE = 512
"""A1111's side of the first pass, in pixels, where the text gives none."""


@dataclass(frozen=True)
class Conversion:
    """A workflow, and what its reader should know."""

    graph: Graph
    notes: tuple[str, ...]
    """What was guessed, changed or left out, in sentences; the last ones quote the parameters that nothing in the
    workflow stands for. A note in the graph says the same."""


@dataclass(frozen=True)
class _Pass:
    """All that one pass samples with."""

    models: Models
    positive: Output
    negative: Output
    refiner: Output | None
    decoder: Output
    """The VAE for its result: a refiner brings its own."""


def hires_workflow(text: str, files: ModelFiles | None = None) -> Conversion:
    """Build txt2img, with a latent or pixel hires fix where the text has one.

    The text is A1111's, or JSON of another program. Sizes, seeds and names are those of the text. Nothing raises:
    what the nodes refuse is brought into their range, what they do not know is left out, and both are noted.
    """
    infotext, origin = read_json(text) or read_lines(text) or (parse(text), "")
    return _Builder(infotext, files or ModelFiles(), origin).build()


class _Builder:
    def __init__(self, infotext: Infotext, files: ModelFiles, origin: str) -> None:
        self._infotext, self._reading = infotext, read_settings(infotext)
        self._asked = self._reading.settings
        self._hires = self._asked.hires
        self._embeddings = embedding_names(infotext.get("TI hashes") or "")
        self._graph = Graph(NAME)
        self._nodes = FittingGraph(self._graph)
        for line in (*filter(None, [origin]), *self._missing(), *self._reading.notes, *self._embeddings_nowhere()):
            self._nodes.note(line)
        self._sampler = self._known_sampler(self._asked.sampler_name)
        self._hr_sampler = self._known_sampler(self._hires.hr_sampler_name if self._hires else None)
        self._loaders = Loaders(self._nodes, files, self._asked.vae, self._asked.modules, self._reading.lora_hashes)

    def _known_sampler(self, name: str | None) -> str | None:
        return self._nodes.fitting("HiresFixBaseSampling", "sampler_name", name)

    def build(self) -> Conversion:
        asked, hires, graph, nodes = self._asked, self._hires, self._graph, self._nodes
        graph.stage("Model and prompts")
        note = self._introduce()
        graph.column()
        first = last = self._pass("first pass", asked.checkpoint, asked.prompt, asked.negative_prompt)
        if hires:
            graph.column()
            last = self._pass(
                "second pass",
                hires.hr_checkpoint or asked.checkpoint,
                hires.hr_prompt or asked.prompt,
                hires.hr_negative_prompt or asked.negative_prompt,
            )
        graph.stage("First pass")
        width, height, latent = self._first_pass(first)
        if hires:
            base = nodes.put("VAEDecode", samples=latent, vae=first.decoder).out()
            nodes.put("PreviewImage", "Base picture", images=base)
            graph.stage("Upscale")
            # A1111 decodes before it changes the model, and encodes after
            picture = None if first.decoder == last.models.vae else base
            enlarged = self._enlarged(hires, latent, picture, last.models.vae, width, height)
            graph.stage("Second pass")
            latent = self._second_pass(hires, last, enlarged)
        graph.stage("Result")
        decoded = nodes.put("VAEDecode", samples=latent, vae=last.decoder).out()
        nodes.put("HiresFixSaveImage", images=decoded, filename_prefix=graph.name)

        note.text = self._note_text()
        unused = (f"Not in the workflow: {parameter}" for parameter in self._reading.unused)
        return Conversion(graph, (*nodes.notes, *unused))

    # ------------------------------------------------------------------------------------------ notes

    def _missing(self) -> list[str]:
        """What the reader has to look at because the text does not say it."""
        asked = self._asked
        values = {
            "Steps": asked.steps,
            "Sampler": asked.sampler_name,
            "CFG scale": asked.cfg_scale,
            "Seed": asked.seed,
            "Size": asked.width,
            "Model": asked.checkpoint,
            "Denoising strength": asked.hires.denoising_strength if asked.hires else 0.0,
        }
        missing = [key for key, value in values.items() if value is None]
        return [f"The text does not say: {', '.join(missing)}. Look at these fields first."] if missing else []

    def _embeddings_nowhere(self) -> list[str]:
        """The embeddings that the text lists, but does not use under that name."""
        asked, hires = self._asked, self._hires
        prompts = [asked.prompt, asked.negative_prompt]
        prompts += [hires.hr_prompt, hires.hr_negative_prompt] if hires else []
        missing = missing_embeddings(prompts, self._embeddings)
        return [f"The text lists the embedding {as_code(name)}, but no prompt has that word." for name in missing]

    def _introduce(self) -> Note:
        stages.introduce(
            self._graph,
            "Draws the picture that A1111's generation text describes.",
            "**Load Checkpoint**, where the editor marks it",
            "*steps*, *sampler_name*, *scheduler*: the same in every node that has them",
        )
        return self._graph.note("", title="What the text says besides")

    def _note_text(self) -> str:
        lines = [f"- {note}" for note in self._nodes.notes]
        if self._reading.unused:
            lines += ["", "Not in this workflow:", code_block("\n".join(map(str, self._reading.unused)))]
        if self._infotext.trailer:
            lines += ["", "Behind the settings:", code_block(self._infotext.trailer)]
        return "\n".join(lines).strip() or "Nothing: all of it is in this workflow."

    # ------------------------------------------------------------------------------------------ prompts

    def _pass(self, for_pass: str, checkpoint: ModelName | None, prompt: str, negative: str) -> _Pass:
        models = self._loaders.checkpoint(checkpoint, prompt)
        pair = self._prompts(for_pass, models.clip, prompt, negative)
        refiner = self._asked.refiner
        if refiner is None or (self._hires and refiner.hires_pass not in (for_pass, "both passes")):
            return _Pass(models, *pair, None, models.vae)
        takes_over = self._loaders.checkpoint(refiner.checkpoint, prompt)
        positive, negative_output = self._prompts(for_pass, takes_over.clip, prompt, negative)
        node = self._nodes.put(
            "HiresFixRefiner",
            model=takes_over.model,
            positive=positive,
            negative=negative_output,
            switch_at=refiner.switch_at,
            by_steps=refiner.by_steps,
        )
        return _Pass(models, *pair, node.out(), takes_over.vae)

    def _prompts(self, for_pass: str, clip: Output, prompt: str, negative: str) -> tuple[Output, Output]:
        asked = self._asked
        guidance = asked.distilled_cfg
        if guidance is not None:
            # the host gets prompts of Flux as they are
            prompt, negative = without_tags(prompt), without_tags(negative)
            own = self._hires.hr_distilled_cfg if self._hires and for_pass == "second pass" else None
            guidance = guidance if own is None else own
        shared = {
            "clip": clip,
            "steps": asked.steps,
            "for_pass": for_pass,
            "hr_second_pass_steps": self._hires.hr_second_pass_steps if self._hires else 0,
            "sampler_name": self._sampler,
            "clip_skip": asked.clip_skip,
            "emphasis": asked.emphasis,
            "hr_sampler_name": self._hr_sampler,
            "pad_cond_uncond": asked.pad_cond_uncond,
        }
        positive, minus = (
            self._nodes.put(
                "HiresFixPrompt",
                f"{title}, {for_pass}",
                text=mark_embeddings(text, self._embeddings),
                negative_prompt=is_negative,
                **shared,
            )
            for title, text, is_negative in (("Prompt", prompt, False), ("Negative prompt", negative, True))
        )
        if guidance is None:
            return positive.out(), minus.out()
        return self._nodes.put("FluxGuidance", conditioning=positive.out(), guidance=guidance).out(), minus.out()

    # ------------------------------------------------------------------------------------------ both passes

    @cached_property
    def _noise(self) -> Output:
        asked = self._asked
        return self._nodes.put(
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
        return self._nodes.put("HiresFixA1111Settings", **asdict(options)).out()

    def _first_pass(self, first: _Pass) -> tuple[Output, Output, Output]:
        asked = self._asked
        width, height = self._side("width", asked.width), self._side("height", asked.height)
        kind = "EmptyLatentImage" if asked.distilled_cfg is None else "EmptySD3LatentImage"
        empty = self._nodes.put(kind, width=width, height=height, batch_size=1).out()
        self._graph.column()
        latent = self._nodes.put(
            "HiresFixBaseSampling",
            model=first.models.model,
            positive=first.positive,
            negative=first.negative,
            latent=empty,
            noise=self._noise,
            steps=asked.steps,
            cfg=asked.cfg_scale,
            sampler_name=self._sampler,
            scheduler=asked.scheduler,
            settings=self._options,
            refiner=first.refiner,
        ).out()
        return width, height, latent

    def _side(self, name: str, pixels: int | None) -> Output:
        """A node of its own for a side, since several nodes need it."""
        pixels = self._nodes.fitting("HiresFixTargetSize", name, pixels)
        return self._nodes.put("PrimitiveInt", name.capitalize(), value=SIDE if pixels is None else pixels).out()

    def _enlarged(
        self, hires: HiresSettings, latent: Output, picture: Output | None, vae: Output, width: Output, height: Output
    ) -> Output:
        """The latent that enters the second pass; `picture`: the decoded first pass where `vae` cannot decode it."""
        target = self._nodes.put(
            "HiresFixTargetSize",
            width=width,
            height=height,
            hr_scale=hires.hr_scale,
            hr_resize_x=hires.hr_resize_x,
            hr_resize_y=hires.hr_resize_y,
            vae=vae,
        ).out("target")
        mode = same_name(hires.hr_upscaler, LATENT_MODES)
        if mode:
            return self._nodes.put("HiresFixLatentUpscale", latent=latent, target=target, mode=mode).out()
        return self._nodes.put(
            "HiresFixPixelUpscale",
            latent=latent,
            vae=vae,
            upscaler=self._upscaler(hires.hr_upscaler),
            target=target,
            numbers="A1111",
            noise=self._noise,
            image=picture,
        ).out("latent")

    def _upscaler(self, name: str) -> Output:
        known = same_name(name, FILTERS)
        if known:
            return self._nodes.put("HiresFixUpscalerLoader", upscaler_name=known).out()
        return self._loaders.upscaler(upscaler_file(name))

    def _second_pass(self, hires: HiresSettings, second: _Pass, enlarged: Output) -> Output:
        asked, sampler = self._asked, self._hr_sampler or self._sampler
        noised = self._nodes.put(
            "HiresFixRenoise",
            model=second.models.model,
            latent=enlarged,
            noise=self._noise,
            steps=asked.steps,
            denoising_strength=hires.denoising_strength,
            hr_second_pass_steps=hires.hr_second_pass_steps,
            sampler_name=sampler,
            scheduler=hires.hr_scheduler or asked.scheduler,
            settings=self._options,
        )
        return self._nodes.put(
            "HiresFixSecondSampling",
            model=second.models.model,
            positive=second.positive,
            negative=second.negative,
            latent=noised.out("latent"),
            sigmas=noised.out("sigmas"),
            noise=self._noise,
            cfg=asked.cfg_scale if hires.hr_cfg is None else hires.hr_cfg,
            sampler_name=sampler,
            settings=self._options,
            refiner=second.refiner,
        ).out()
