"""What a graph of the pack's nodes draws, read from its API format: for the text that is saved with the picture."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from .errors import InputError
from .infotext_names import FILTERS, stem, upscaler_title
from .infotext_networks import LoraTag, with_tags
from .infotext_settings import ZERO_SNR, GenerationSettings, HiresSettings, ModelName, RefinerPass, RefinerSettings
from .infotext_walk import GraphWalk
from .settings import A1111Settings

log = logging.getLogger("hires-fix")

_FIRST, _SECOND = "HiresFixBaseSampling", "HiresFixSecondSampling"
_UPSCALE_IMAGE, _TARGET_SIZE = "HiresFixUpscaleImage", "HiresFixTargetSize"
_UPSCALES = ("HiresFixLatentUpscale", "HiresFixPixelUpscale", _UPSCALE_IMAGE)

_NO_CHANGE = frozenset(
    (
        *("HiresFixRenoise", "HiresFixEncodeAnySize", "HiresFixDecodeToSize", _TARGET_SIZE),
        *("VAEDecode", "VAEDecodeTiled", "VAEEncode", "VAEEncodeTiled", "GetImageSize", "PreviewImage", "Reroute"),
        *("PrimitiveInt", "PrimitiveFloat", "PrimitiveBoolean"),
    )
)
"""Nodes between the passes that do not change what the picture shows, or give numbers."""


class UnsayableError(InputError):
    """The pack's samplings draw the picture, but in a way that A1111's text has no words for."""


def settings_of_graph(
    prompt: Mapping[str, Any], node_id: str, hash_of: Callable[[str], str] = lambda name: ""
) -> GenerationSettings:
    """The settings of the picture that reaches a node.

    Args:
        prompt: the graph as `POST /prompt` takes it.
        node_id: the node that saves the picture.
        hash_of: gives the first ten digits of a model file's SHA-256, by the file's name without folders and suffix;
            empty if it is not known.

    Returns:
        What the graph says. A value that another node works out while the graph runs is None; so are, empty and with
        a line in the log, prompts that are made of several texts.

    Raises:
        InputError: no Base Sampling or Second Sampling comes before the node.
        UnsayableError: anything but one Base Sampling, followed by at most one enlarging and one Second Sampling.
    """
    return _Reader(prompt, hash_of).settings(node_id)


class _Reader(GraphWalk):
    def __init__(self, prompt: Mapping[str, Any], hash_of: Callable[[str], str]) -> None:
        super().__init__(prompt)
        self._hash_of = hash_of

    def settings(self, node_id: str) -> GenerationSettings:
        first, second = self._passes(node_id)
        hires = self._hires(first, second) if second else None
        prompt, hr_prompt = self._prompts(first, second, "positive")
        negative_prompt, hr_negative_prompt = self._prompts(first, second, "negative")
        positive = next(iter(self.prompt_nodes(first, "positive")), None)
        noise, empty = self.source(first, "noise"), self.source(first, "latent")
        return GenerationSettings(
            prompt=prompt,
            negative_prompt=negative_prompt,
            steps=self.whole(first, "steps"),
            sampler_name=self.text(first, "sampler_name"),
            scheduler=self.text(first, "scheduler"),
            cfg_scale=self.number(first, "cfg"),
            seed=self._first_whole(noise, "seed", "noise_seed"),
            width=self.whole(empty, "width"),
            height=self.whole(empty, "height"),
            checkpoint=self._checkpoint(first),
            vae=self._vae(node_id),
            subseed=self.whole(noise, "subseed") or 0,
            subseed_strength=self.number(noise, "subseed_strength") or 0.0,
            seed_resize_from_w=self.whole(noise, "seed_resize_from_w") or 0,
            seed_resize_from_h=self.whole(noise, "seed_resize_from_h") or 0,
            clip_skip=self.whole(positive, "clip_skip") or 1,
            eta_noise_seed_delta=self.whole(noise, "eta_noise_seed_delta") or 0,
            noise_source=self.text(noise, "source") or "ComfyUI",
            emphasis=self.text(positive, "emphasis") or "Original",
            pad_cond_uncond=bool(self.value(positive, "pad_cond_uncond", bool)),
            options=self._options(self.source(first, "settings")),
            refiner=self._refiner(first, second),
            hires=hires and replace(hires, hr_prompt=hr_prompt, hr_negative_prompt=hr_negative_prompt),
        )

    # ------------------------------------------------------------------------------------------ passes

    def _passes(self, node_id: str) -> tuple[str, str | None]:
        """The nodes of the first and the second pass."""
        drawing = [node for node in self.way(node_id) if self._draws(node)]
        firsts, seconds = ([node for node in drawing if self.kind(node) == kind] for kind in (_FIRST, _SECOND))
        if not firsts and not seconds:
            raise InputError(
                "no Base Sampling or Second Sampling leads to this picture, so there are no settings to write. "
                "Connect a picture that one of them made.",
                "images",
            )
        if not firsts:
            raise UnsayableError(
                "the picture is made from one that was there before. A1111's infotext has words only for pictures that "
                "begin with Base Sampling. Connect one of those, or link a text of your own to the save node.",
                "images",
            )
        first, second = firsts[0], next(iter(seconds), None)
        if len(drawing) > 1 + len(seconds) or len(seconds) > 1 or (second and first not in self.way(second)):
            raise UnsayableError(
                "besides one Base Sampling and one Second Sampling, other nodes sample or take prompts on the way to "
                "this picture, and A1111's infotext has no words for them. Connect the picture before them, or link a "
                "text of your own to the save node.",
                "images",
            )
        return first, second

    def _draws(self, node: str) -> bool:
        """Whether this node samples; those of other packs have prompts, too."""
        return self.kind(node) in (_FIRST, _SECOND) or any(self.source(node, name) for name in ("positive", "guider"))

    def _first_whole(self, node: str | None, *names: str) -> int | None:
        return next((value for name in names if (value := self.whole(node, name)) is not None), None)

    # ------------------------------------------------------------------------------------------ prompts

    def _prompts(self, first: str, second: str | None, side: str) -> tuple[str, str]:
        """The prompt of the first pass, and of the second if it is another one.

        In the text, an empty prompt of the second pass stands for that of the first. So both are left out where they
        cannot be said.
        """
        prompt = self._prompt_of(first, side)
        hr_prompt = self._prompt_of(second, side) if second else prompt
        if prompt is None or hr_prompt is None or (prompt and not hr_prompt):
            log.info(
                "The infotext leaves out the %s prompt: one of the passes takes it from several texts, from a node "
                "that makes it while the graph runs, or, only in the second pass, from none.",
                side,
            )
            return "", ""
        return prompt, "" if hr_prompt == prompt else hr_prompt

    def _prompt_of(self, node: str, side: str) -> str | None:
        """The prompt of a pass, with a tag for each of its LoRAs: A1111 knows no other way to load one."""
        words = self.words(node, side)
        return with_tags(words, self._loras(node)) if words is not None and side == "positive" else words

    def _loras(self, node: str | None) -> list[LoraTag]:
        """The LoRAs that a pass's model has, the first loaded first; without those whose strength is not known."""
        found = []
        for loader in self.upstream(self.source(node, "model"), lambda name: name.startswith("model")):
            file, model = self.text(loader, "lora_name"), self.number(loader, "strength_model")
            # loaders for the model only have no strength for the text encoder
            clip = self.number(loader, "strength_clip") if "strength_clip" in self.inputs(loader) else 0.0
            if file and model is not None and clip is not None and (model or clip):
                found.append(LoraTag(stem(file), clip, model))
        return found[::-1]

    # ------------------------------------------------------------------------------------------ models and options

    def _model(self, file: str) -> ModelName:
        return ModelName(stem(file), self._hash_of(stem(file)))

    def _checkpoint(self, node: str | None) -> ModelName | None:
        for found in self.upstream(self.source(node, "model"), lambda name: name.startswith("model")):
            file = self.text(found, "ckpt_name") or self.text(found, "unet_name")
            if file:
                return self._model(file)
        return None

    def _vae(self, node_id: str) -> ModelName | None:
        """The VAE that the picture was decoded with, where it is a file of its own."""
        decodes = (self.source(node, "vae") for node in self.way(node_id))
        file = self.text(next(filter(None, decodes), None), "vae_name")
        name = file.replace("\\", "/").rpartition("/")[2] if file else ""
        return ModelName(name, self._hash_of(stem(name))) if name else None

    def _options(self, node: str | None) -> A1111Settings:
        if node is None:
            return A1111Settings()
        values = self.inputs(node)
        known = {entry.name for entry in fields(A1111Settings)}
        given = {name: value for name, value in values.items() if name in known and not isinstance(value, list)}
        return A1111Settings(**given, zero_terminal_snr=values.get("sd_noise_schedule") == ZERO_SNR)

    def _refiner(self, first: str, second: str | None) -> RefinerSettings | None:
        in_first, in_second = self.source(first, "refiner"), self.source(second, "refiner")
        node = in_second or in_first
        checkpoint = self._checkpoint(node)
        if node is None or checkpoint is None:
            return None
        hires_pass: RefinerPass = "second pass"
        if second and in_first:
            hires_pass = "both passes" if in_second else "first pass"
        switch_at = self.number(node, "switch_at")
        return RefinerSettings(
            checkpoint,
            RefinerSettings.switch_at if switch_at is None else switch_at,
            bool(self.value(node, "by_steps", bool)),
            hires_pass,
        )

    # ------------------------------------------------------------------------------------------ hires

    def _hires(self, first: str, second: str) -> HiresSettings:
        """All but the prompts."""

        def unless_same(mine: Any, of_first: Any) -> Any:
            return mine if mine != of_first else None

        before = {second, *self.way(first)}
        between = [node for node in self.way(second) if node not in before and self.kind(node) not in _NO_CHANGE]
        upscale = between[0] if len(between) == 1 and self.kind(between[0]) in _UPSCALES else None
        upscaler, size = self._upscaler(upscale), self._size(upscale)
        if not upscaler or size is None:
            raise UnsayableError(
                "A1111's infotext has no words for how this picture is enlarged between its two samplings. Use one of "
                "Latent Upscale, Pixel Upscale and Upscale Image, with one upscaler, numbers for the size and nothing "
                "else that changes the picture, or link a text of your own to the save node.",
                "images",
            )
        renoise = self.source(second, "sigmas")
        steps = unless_same(self.whole(renoise, "steps"), self.whole(first, "steps"))
        return HiresSettings(
            denoising_strength=self.number(renoise, "denoising_strength"),
            hr_scale=size[0],
            hr_resize_x=size[1],
            hr_resize_y=size[2],
            hr_second_pass_steps=self.whole(renoise, "hr_second_pass_steps") or steps or 0,
            hr_upscaler=upscaler,
            hr_checkpoint=unless_same(self._checkpoint(second), self._checkpoint(first)),
            hr_sampler_name=unless_same(self.text(second, "sampler_name"), self.text(first, "sampler_name")),
            hr_scheduler=unless_same(self.text(renoise, "scheduler"), self.text(first, "scheduler")),
            hr_cfg=unless_same(self.number(second, "cfg"), self.number(first, "cfg")),
        )

    def _upscaler(self, upscale: str | None) -> str | None:
        """A1111's name of what enlarges; None for what it has no name for."""
        if upscale is None or self.source(upscale, "upscaler_2"):
            return None
        loader = self.source(upscale, "upscaler")
        file = self.text(loader, "upscaler_name") or self.text(loader, "model_name") or ""
        return self.text(upscale, "mode") or (file if file in FILTERS else upscaler_title(file))

    def _size(self, upscale: str | None) -> tuple[float, int, int] | None:
        """Factor, width and height as in Target Size; None if they are not known or not A1111's."""
        if upscale is None:
            return None
        target, names = self.source(upscale, "target"), ("hr_scale", "hr_resize_x", "hr_resize_y")
        if self.kind(upscale) == _UPSCALE_IMAGE:
            if self.number(upscale, "max_side"):
                return None
            if self.text(upscale, "resize_mode") == "scale by":
                factor = self.number(upscale, "upscaling_resize")
                return None if factor is None else (factor, 0, 0)
            target = self.source(upscale, "upscaling_resize_w")
            if target is None or self.kind(target) != _TARGET_SIZE:
                # without the crop, only one side is reached
                crops = self.value(upscale, "upscaling_crop", bool)
                target, names = (upscale, ("", "upscaling_resize_w", "upscaling_resize_h")) if crops else (None, names)
        scale, width, height = self.number(target, names[0]), self.whole(target, names[1]), self.whole(target, names[2])
        if width is None or height is None or (scale is None and not (width or height)):
            return None
        return HiresSettings.hr_scale if scale is None else scale, width, height
