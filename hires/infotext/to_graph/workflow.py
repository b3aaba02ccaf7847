"""From the generation text of an A1111 picture to the workflow that draws it."""

from dataclasses import dataclass

from ...graph import stages
from ...graph.builder import Graph, Output
from ...model_names import stem
from ...prompts.embeddings import missing_embeddings
from ..json import read_json, read_lines
from ..markdown import as_code, code_block
from ..names import embedding_names
from ..read import read_settings
from ..text import Infotext, parse
from .fitting import FittingGraph
from .loaders import Loaders, ModelFiles
from .passes import Pass, Passes

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
        self._installed = files.embeddings
        self._graph = FittingGraph(NAME)
        for line in (*filter(None, [origin]), *self._missing(), *self._reading.notes, *self._embeddings_nowhere()):
            self._graph.remark(line)
        samplers = (self._asked.sampler_name, self._hires.hr_sampler_name if self._hires else None)
        known = (self._graph.fitting("HiresFixBaseSampling", "sampler_name", name) for name in samplers)
        self._sampler, self._hr_sampler = known
        loaders = Loaders(self._graph, files, self._asked.vae, self._asked.modules, self._reading.lora_hashes)
        self._passes = Passes(self._graph, self._asked, loaders, self._embeddings)

    def build(self) -> Conversion:
        asked, hires, graph = self._asked, self._hires, self._graph
        graph.stage("Model and prompts")
        stages.introduce(
            graph,
            "Draws the picture that A1111's generation text describes.",
            "**Load Checkpoint**, where the editor marks it",
            "**Base Sampling**: *steps*, *sampler_name*, *scheduler*, *cfg*; the second pass follows",
        )
        note = graph.note("", title="What the text says besides")
        graph.column()
        first = last = self._passes.first()
        if hires:
            graph.column()
            last = self._passes.second(hires)
        graph.stage("First pass")
        base = self._first_pass(first)
        latent = base
        if hires:
            second = self._passes.sampling(
                last,
                cfg=asked.cfg_scale if hires.hr_cfg is None else hires.hr_cfg,
                sampler=self._hr_sampler or self._sampler,
                scheduler=hires.hr_scheduler or asked.scheduler,
            )
            graph.stage("Upscale")
            # A1111 decodes before it changes the model, and encodes after
            other_vae = first.decoder != second.vae
            picture = stages.base_picture(graph, latent, first.decoder) if other_vae else None
            enlarged = self._passes.enlarged(hires, second, base, image=picture)
            graph.stage("Second pass")
            strength, steps = hires.denoising_strength, hires.hr_second_pass_steps
            latent = stages.second_pass(graph, second, self._passes.noise, enlarged, strength, steps)
        graph.stage("Result")
        stages.decode_and_save(graph, latent, last.decoder, "HiresFixSaveImage")

        note.text = self._note_text()
        unused = (f"Not in the workflow: {parameter}" for parameter in self._reading.unused)
        return Conversion(graph, (*graph.remarks, *unused))

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
        """The embeddings that the text lists, but does not use under that name, or that nothing here has."""
        asked, hires = self._asked, self._hires
        prompts = [asked.prompt, asked.negative_prompt]
        prompts += [hires.hr_prompt, hires.hr_negative_prompt] if hires else []
        missing = missing_embeddings(prompts, self._embeddings)
        notes = [f"The text lists the embedding {as_code(name)}, but no prompt has that word." for name in missing]
        there = None if self._installed is None else {stem(file).lower() for file in self._installed}
        gone = [] if there is None else [name for name in self._embeddings if name.lower() not in there]
        return [*notes, *(f"The embedding {as_code(name)} is not among the installed files." for name in gone)]

    def _note_text(self) -> str:
        lines = [f"- {note}" for note in self._graph.remarks]
        if self._reading.unused:
            lines += ["", "Not in this workflow:", code_block("\n".join(map(str, self._reading.unused)))]
        if self._infotext.trailer:
            lines += ["", "Behind the settings:", code_block(self._infotext.trailer)]
        return "\n".join(lines).strip() or "Nothing: all of it is in this workflow."

    def _first_pass(self, first: Pass) -> Output:
        asked = self._asked
        sides = {"width": asked.width, "height": asked.height}
        width, height = (
            SIDE if pixels is None else self._graph.fitting("HiresFixTargetSize", name, pixels)
            for name, pixels in sides.items()
        )
        kind = "EmptyLatentImage" if asked.distilled_cfg is None else "EmptySD3LatentImage"
        empty = stages.empty_picture(self._graph, width, height, 1, kind)
        self._graph.column()
        noise = self._passes.noise
        sampling = self._passes.sampling(first, cfg=asked.cfg_scale, sampler=self._sampler, scheduler=asked.scheduler)
        return stages.first_pass(self._graph, sampling, noise, empty)
