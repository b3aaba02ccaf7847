"""What a graph of the pack's nodes draws, read from its API format: for the text that is saved with the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ...graph.passthrough import AUTOMATIC_VAE, CHOOSE_VAE, changes_nothing
from ...graph.same import told_by
from ...model_names import stem
from ...prompts.networks import LoraTag, can_be_tagged, network_tags, with_loras
from ...sampling.settings import DEFAULTS, A1111Settings
from ...sampling.steps import STEPS_RULES
from ..settings import GenerationSettings, HiresSettings, ModelName, RefinerPass, RefinerSettings
from ..text import Parameter
from ..write import shown
from .controls import ControlUnit, control_units
from .extras import UPSCALE_IMAGE, extras_of, upscaler_name
from .not_in_text import PROMPTS, missing_values, nodes_not_in_text
from .passes import NoWordsError, passes_of
from .texts import PROMPT_LORAS, STYLES, Styles, prompt_of
from .walk import PictureGraph

_TARGET_SIZE, _GUIDANCE = "HiresFixTargetSize", "FluxGuidance"
_TEXTS = ("text", "instead_of_empty", "prompt", "negative_prompt", "hr_prompt", "hr_negative_prompt")
"""Inputs for prompts."""

NO_LORA = "None"
_UPSCALES = ("HiresFixLatentUpscale", "HiresFixPixelUpscale", UPSCALE_IMAGE)


@dataclass(frozen=True)
class GraphText:
    settings: GenerationSettings
    """A value that another node works out while the graph runs is None; so are, empty, prompts that are made of several
    texts."""

    controls: list[ControlUnit]
    further: list[Parameter]
    not_in_text: list[str]
    """What the picture depends on besides: keys of the text that have no value, and types of nodes."""


def read_graph(
    prompt: Any, node_id: str, hash_of: Callable[[str], str] = lambda name: "", styles: Styles = lambda: {}
) -> GraphText:
    """Read how the picture that reaches a node is drawn.

    Args:
        prompt: the graph as `POST /prompt` takes it.
        node_id: the node that saves the picture.
        hash_of: gives the first ten digits of a file's SHA-256 by its name alone; empty if they are not known.
        styles: the installed styles.

    Raises:
        InputError: no Base Sampling or Second Sampling comes before the node; OtherSamplerError if another one does.
        NoWordsError: anything but one Base Sampling, followed by at most one enlarging and one Second Sampling.
    """
    return _Reader(prompt, hash_of, styles).read(node_id)


class _Reader(PictureGraph):
    def __init__(self, prompt: Any, hash_of: Callable[[str], str], styles: Styles) -> None:
        super().__init__(prompt, styles)
        self._hash_of = hash_of
        self._covered: set[str] = set()  # nodes that values were read from
        self._left_out: list[str] = []

    def read(self, node_id: str) -> GraphText:
        first, second = passes_of(self, node_id)
        settings = self._settings(node_id, first, second)
        controls, covered = control_units(self, first, second)
        further = [*self._guidance(first, second), *self._text_encoders(first)]
        self._covered |= covered | extras_of(self, node_id)[1]
        not_in_text = [*self._left_out, *missing_values(settings)]
        not_in_text += nodes_not_in_text(self, node_id, first, second, settings, self._covered)
        return GraphText(settings, controls, further, list(dict.fromkeys(filter(None, not_in_text))))

    def _settings(self, node_id: str, first: str, second: str | None) -> GenerationSettings:
        hires = self._hires(first, second) if second else None
        prompt, hr_prompt = self._prompts(first, second, "positive")
        negative_prompt, hr_negative_prompt = self._prompts(first, second, "negative")
        positive = next(iter(self.prompt_nodes(first, "positive")), None)
        clip_skip, emphasis, pads = self.encoding(positive)
        noise, empty = self[first].source("noise"), self[first].source("latent")
        return GenerationSettings(
            prompt=prompt,
            negative_prompt=negative_prompt,
            steps=self[first].whole("steps"),
            sampler_name=self[first].text("sampler_name"),
            scheduler=self[first].text("scheduler"),
            cfg_scale=self[first].number("cfg"),
            seed=self[noise].seed("noise_seed" if self[noise].seed("seed") is None else "seed"),
            width=self[empty].whole("width"),
            height=self[empty].whole("height"),
            checkpoint=self._checkpoint(first),
            vae=self._vae(node_id),
            subseed=self[noise].seed("subseed") or 0,
            subseed_strength=self[noise].number("subseed_strength") or 0.0,
            seed_resize_from_w=self[noise].whole("seed_resize_from_w") or 0,
            seed_resize_from_h=self[noise].whole("seed_resize_from_h") or 0,
            clip_skip=clip_skip,
            eta_noise_seed_delta=self[noise].seed("eta_noise_seed_delta") or 0,
            noise_source=self[noise].text("source") or "ComfyUI",
            emphasis=emphasis,
            pad_cond_uncond=pads,
            options=self._options(self[first].source("settings")),
            refiner=self._refiner(first, second),
            hires=hires and replace(hires, hr_prompt=hr_prompt, hr_negative_prompt=hr_negative_prompt),
        )

    def _prompts(self, first: str, second: str | None, side: str) -> tuple[str, str]:
        """The prompt of the first pass, and of the second if it is another one.

        In the text, an empty prompt of the second pass stands for that of the first. So both are left out where they
        have no words.
        """
        prompt = self._prompt_of(first, side)
        hr_prompt = self._prompt_of(second, side) if second else prompt
        if prompt is None or hr_prompt is None or (prompt and not hr_prompt):
            self._left_out.append(PROMPTS[side])
            return "", ""
        return prompt, "" if hr_prompt == prompt else hr_prompt

    def _prompt_of(self, node: str, side: str) -> str | None:
        """The prompt of a pass, with a tag for each of its LoRAs: A1111 knows no other way to load one."""
        words = self.words(node, side)
        self._covered |= {found for found in self._texts_before(node, side) if self[found].kind == STYLES}
        return with_loras(words, self._loras(node)) if words is not None and side == "positive" else words

    def _texts_before(self, node: str, side: str) -> Iterator[str]:
        """Nodes that the text of a prompt comes through."""
        for start in self.prompt_nodes(node, side):
            source = self[start].source("text")
            yield from self.upstream(source, lambda _, name: name in _TEXTS)

    def _loras(self, node: str | None) -> list[LoraTag]:
        """The LoRAs that a pass's model has, the first loaded first; without those whose strength is not known."""
        found: list[LoraTag] = []
        for loader in self.models(node):
            tags = self._in_prompt(loader) if self[loader].kind == PROMPT_LORAS else self._loaded_by(loader)
            found += tags[::-1]
        return found[::-1]

    def _loaded_by(self, loader: str) -> list[LoraTag]:
        """What core's Load LoRA and nodes like it load."""
        file, model = self[loader].text("lora_name"), self[loader].number("strength_model")
        # loaders for the model only have no strength for the text encoder
        clip = self[loader].number("strength_clip") if "strength_clip" in self[loader].inputs else 0.0
        if not file or model is None or clip is None:
            return []
        tag = LoraTag(stem(file), clip, model)
        self._covered |= {loader} if can_be_tagged(tag) or not (model or clip) else set()
        return [tag] if model or clip else []

    def _in_prompt(self, node: str) -> list[LoraTag]:
        """What LoRAs in Prompt loads: also what a tag gives no strength, which the text has all the same."""
        text, file, strength = prompt_of(self[node]), self[node].text("lora_name"), self[node].number("lora_strength")
        if text is None or file is None or strength is None:
            return []
        tags = list(network_tags(text)[0])
        named = {stem(tag.name).lower() for tag in tags}
        more = LoraTag(stem(file), strength, strength)
        if file == NO_LORA or not strength or more.name.lower() in named:
            self._covered.add(node)
            return tags
        self._covered |= {node} if can_be_tagged(more) else set()
        return [*tags, more]

    def _model(self, file: str) -> ModelName:
        return ModelName(stem(file), self._hash_of(stem(file)))

    def _checkpoint(self, node: str | None) -> ModelName | None:
        for found in self.models(node):
            file = self[found].text("ckpt_name") or self[found].text("unet_name")
            if file:
                self._covered.add(found)
                return self._model(file)
        return None

    def _vae(self, node_id: str) -> ModelName | None:
        """The VAE that the picture was decoded with, where it is a file of its own."""
        decodes = (self[node].source("vae") for node in self.way(node_id))
        loader = next((found for found in decodes if found is not None), None)
        while self[loader].kind == CHOOSE_VAE and self[loader].text("vae_name") == AUTOMATIC_VAE:
            self._covered |= {loader} if loader is not None else set()
            loader = self[loader].source("vae")
        file = self[loader].text("vae_name")
        self._covered |= {loader} if loader is not None and file else set()
        name = file.replace("\\", "/").rpartition("/")[2] if file else ""
        return ModelName(name, self._hash_of(stem(name))) if name else None

    def _options(self, node: str | None) -> A1111Settings:
        if node is None:
            return A1111Settings()
        values = self[node].inputs.items()
        return A1111Settings(**{k: value for k, value in values if k in DEFAULTS and not isinstance(value, list)})

    def _refiner(self, first: str, second: str | None) -> RefinerSettings | None:
        in_first, in_second = self[first].source("refiner"), self[second].source("refiner")
        node = in_second or in_first
        checkpoint = self._checkpoint(node)
        if node is None or checkpoint is None:
            return None
        hires_pass: RefinerPass = "second pass"
        if second and in_first:
            hires_pass = "both passes" if in_second else "first pass"
        switch_at = self[node].number("switch_at")
        switch_at = RefinerSettings.switch_at if switch_at is None else switch_at
        return RefinerSettings(checkpoint, switch_at, bool(self[node].flag("by_steps")), hires_pass)

    def _guidance(self, first: str, second: str | None) -> list[Parameter]:
        """The distilled guidance that flow models take as a number; nothing if only one of the passes has it."""
        ways = (self.prompt_way(sampling, "positive") for sampling in (first, second) if sampling is not None)
        passes = [[node for node in way if self[node].kind == _GUIDANCE] for way in ways]
        if not all(len(guides) == 1 for guides in passes):
            return []
        values = [self[guides[0]].number("guidance") for guides in passes]
        if None in values:
            return []
        self._covered |= {node for guides in passes for node in guides}
        keys = ("Distilled CFG Scale", "Hires Distilled CFG Scale")[: len(set(values))]
        return [Parameter(key, shown(value)) for key, value in zip(keys, values, strict=False)]

    def _text_encoders(self, first: str) -> list[Parameter]:
        """Text encoders that are files of their own."""
        files = []
        for node in self.prompt_nodes(first, "positive"):
            for clip in self.upstream(self[node].source("clip"), lambda _, name: name.startswith("clip")):
                names = [self[clip].text(name) for name in self[clip].inputs if name.startswith("clip_name")]
                if names and None not in names:
                    self._covered.add(clip)
                    files += [name for name in names if name]
        return [Parameter(f"Module {index}", stem(file)) for index, file in enumerate(dict.fromkeys(files), 1)]

    def _hires(self, first: str, second: str) -> HiresSettings:
        def unless_same(mine: Any, of_first: Any) -> Any:
            return mine if mine != of_first else None

        before = {second, *self.way(first)}
        between = [node for node in self.way(second) if node not in before and not changes_nothing(self[node].kind)]
        upscale = between[0] if len(between) == 1 and self[between[0]].kind in _UPSCALES else None
        upscaler, size = self._upscaler(upscale), self._size(upscale)
        if upscale is None or not upscaler or size is None:
            names = " and ".join(sorted({self[node].kind for node in between}))
            raise NoWordsError(
                f"{names or 'nothing'} between the passes",
                "A1111's infotext has no words for how this picture is enlarged between its two samplings. Use one of "
                "Latent Upscale, Pixel Upscale and Upscale Image, with one upscaler, numbers for the size and nothing "
                "else that changes the picture, or link a text of your own to the save node.",
            )
        self._covered.add(upscale)
        mine, renoise = self[second], self[second].before("sigmas")
        if renoise.text("steps_rule", STEPS_RULES[0]) != STEPS_RULES[0]:
            self._left_out.append("steps_rule")
        steps = unless_same(told_by(renoise, "steps").whole("steps"), self[first].whole("steps"))
        sampler, scheduler = told_by(mine, "sampler_name"), told_by(renoise, "scheduler")
        return HiresSettings(
            denoising_strength=renoise.number("denoising_strength"),
            hr_scale=size[0],
            hr_resize_x=size[1],
            hr_resize_y=size[2],
            hr_second_pass_steps=renoise.whole("hr_second_pass_steps") or steps or 0,
            hr_upscaler=upscaler,
            hr_checkpoint=unless_same(self._checkpoint(second), self._checkpoint(first)),
            hr_sampler_name=unless_same(sampler.text("sampler_name"), self[first].text("sampler_name")),
            hr_scheduler=unless_same(scheduler.text("scheduler"), self[first].text("scheduler")),
            hr_cfg=unless_same(told_by(mine, "cfg").number("cfg"), self[first].number("cfg")),
        )

    def _upscaler(self, upscale: str | None) -> str | None:
        """A1111's name of what enlarges; None for what it has no name for."""
        if upscale is None or self[upscale].source("upscaler_2"):
            return None
        return self[upscale].text("mode") or upscaler_name(self.upscaler(upscale) or "")

    def _size(self, upscale: str | None) -> tuple[float, int, int] | None:
        """Factor, width and height as in Target Size; None if they are not known or not A1111's."""
        if upscale is None:
            return None
        target, names = self[upscale].source("target"), ("hr_scale", "hr_resize_x", "hr_resize_y")
        if self[upscale].kind == UPSCALE_IMAGE:
            if self[upscale].number("max_side"):
                return None
            if self[upscale].text("resize_mode") == "scale by":
                factor = self[upscale].number("upscaling_resize")
                return None if factor is None else (factor, 0, 0)
            target = self[upscale].source("upscaling_resize_w")
            if target is None or self[target].kind != _TARGET_SIZE:
                # without the crop, only one side is reached
                crops = self[upscale].flag("upscaling_crop")
                target, names = (upscale, ("", "upscaling_resize_w", "upscaling_resize_h")) if crops else (None, names)
        scale, width, height = self[target].number(names[0]), self[target].whole(names[1]), self[target].whole(names[2])
        if width is None or height is None or (scale is None and not (width or height)):
            return None
        return HiresSettings.hr_scale if scale is None else scale, width, height
