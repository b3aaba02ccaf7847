"""What a graph of the pack's nodes draws, read from its API format: for the text that is saved with the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from .errors import InputError
from .infotext_names import FILTERS, stem, upscaler_title
from .infotext_networks import LoraTag, unmark_embeddings, with_tags
from .infotext_settings import ZERO_SNR, GenerationSettings, HiresSettings, ModelName, RefinerPass, RefinerSettings
from .settings import A1111Settings

_FIRST, _SECOND = "HiresFixBaseSampling", "HiresFixSecondSampling"
_UPSCALES = ("HiresFixLatentUpscale", "HiresFixPixelUpscale", "HiresFixUpscaleImage")

_ASIDE = frozenset(
    (
        *("model", "clip", "vae", "positive", "negative", "noise", "settings", "refiner"),
        *("target", "upscaler", "upscaler_2", "control_net", "mask"),
    )
)
"""Inputs that do not lead to the picture's origin."""


def settings_of_graph(
    prompt: Mapping[str, Any], node_id: str, hashes: Mapping[str, str] | None = None
) -> GenerationSettings:
    """The settings of the first picture that reaches a node.

    Args:
        prompt: the graph as `POST /prompt` takes it.
        node_id: the node that saves the picture.
        hashes: by name of a model file without folders and suffix: first ten digits of its SHA-256.

    Returns:
        What the graph says. A value that another node works out while the graph runs is None.

    Raises:
        InputError: no Base Sampling or Second Sampling comes before the node.
    """
    return _Reader(prompt, hashes or {}).settings(node_id)


class _Reader:
    def __init__(self, prompt: Mapping[str, Any], hashes: Mapping[str, str]) -> None:
        self._prompt, self._hashes = prompt, hashes

    # ------------------------------------------------------------------------------------------ walking

    def _inputs(self, node: str) -> Mapping[str, Any]:
        return self._prompt.get(node, {}).get("inputs", {})

    def _kind(self, node: str) -> str:
        return self._prompt.get(node, {}).get("class_type", "")

    def _source(self, node: str | None, name: str) -> str | None:
        """The node that an input is linked to."""
        found = self._inputs(node).get(name) if node else None
        return str(found[0]) if isinstance(found, list) and len(found) == 2 else None

    def _upstream(self, node: str | None, follow: Callable[[str], bool]) -> Iterator[str]:
        """This node and those before it, the nearest first."""
        waiting, seen = [node] if node else [], set()
        while waiting:
            current = waiting.pop(0)
            if current in seen:
                continue
            seen.add(current)
            yield current
            sources = (self._source(current, name) for name in self._inputs(current) if follow(name))
            waiting += [source for source in sources if source]

    def _before(self, node: str | None, *kinds: str) -> str | None:
        """The nearest node of these kinds on the picture's way to `node`."""
        return next((found for found in self._upstream(node, _to_picture) if self._kind(found) in kinds), None)

    def _value(self, node: str | None, name: str, kind: type | tuple[type, ...]) -> Any:
        """A widget's value, also where it comes from a node that holds nothing else; None if not of this type."""
        if node is None:
            return None
        source = self._source(node, name)
        if source:
            held = [value for value in self._inputs(source).values() if not isinstance(value, list)]
            value = held[0] if len(held) == len(self._inputs(source)) == 1 else None
        else:
            value = self._inputs(node).get(name)
        return value if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)) else None

    def _whole(self, node: str | None, name: str) -> int | None:
        return self._value(node, name, int)

    def _number(self, node: str | None, name: str) -> float | None:
        return self._value(node, name, (int, float))

    def _text(self, node: str | None, name: str) -> str | None:
        return self._value(node, name, str)

    # ------------------------------------------------------------------------------------------ reading

    def settings(self, node_id: str) -> GenerationSettings:
        last = self._before(node_id, _FIRST, _SECOND)
        if last is None:
            raise InputError(
                "no Base Sampling or Second Sampling leads to this picture, so there are no settings to write. "
                "Connect a picture that one of them made.",
                "images",
            )
        second = last if self._kind(last) == _SECOND else None
        renoise = self._source(second, "sigmas")
        first = self._before(last, _FIRST)
        base = first or last
        positive = self._prompt_node(base, "positive")
        target = self._target(renoise)
        noise, empty = self._source(base, "noise"), self._source(first, "latent") or target
        return GenerationSettings(
            prompt=self._positive(base),
            negative_prompt=self._words(self._prompt_node(base, "negative")),
            steps=self._whole(first or renoise, "steps"),
            sampler_name=self._text(base, "sampler_name"),
            scheduler=self._text(first or renoise, "scheduler"),
            cfg_scale=self._number(base, "cfg"),
            seed=self._first_whole(noise, "seed", "noise_seed"),
            width=self._whole(empty, "width"),
            height=self._whole(empty, "height"),
            checkpoint=self._checkpoint(base),
            vae=self._vae(node_id),
            subseed=self._whole(noise, "subseed") or 0,
            subseed_strength=self._number(noise, "subseed_strength") or 0.0,
            seed_resize_from_w=self._whole(noise, "seed_resize_from_w") or 0,
            seed_resize_from_h=self._whole(noise, "seed_resize_from_h") or 0,
            clip_skip=self._whole(positive, "clip_skip") or 1,
            eta_noise_seed_delta=self._whole(noise, "eta_noise_seed_delta") or 0,
            noise_source=self._text(noise, "source") or "ComfyUI",
            emphasis=self._text(positive, "emphasis") or "Original",
            pad_cond_uncond=bool(self._value(positive, "pad_cond_uncond", bool)),
            options=self._options(self._source(base, "settings")),
            refiner=self._refiner(first, second),
            hires=self._hires(first, second, renoise, target) if second else None,
        )

    def _first_whole(self, node: str | None, *names: str) -> int | None:
        return next((value for name in names if (value := self._whole(node, name)) is not None), None)

    def _prompt_node(self, node: str | None, name: str) -> str | None:
        """The node that holds a prompt's text."""
        found = self._upstream(self._source(node, name), lambda name: name not in ("clip", "model", "vae"))
        return next((node for node in found if self._text(node, "text") is not None), None)

    def _words(self, node: str | None) -> str:
        return unmark_embeddings(self._text(node, "text") or "")

    def _positive(self, node: str | None) -> str:
        """The prompt of a pass, with a tag for each of its LoRAs: A1111 knows no other way to load one."""
        return with_tags(self._words(self._prompt_node(node, "positive")), self._loras(node))

    def _loras(self, node: str | None) -> list[LoraTag]:
        """The LoRAs that a pass's model has, the first loaded first; without those whose strength is not known."""
        found = []
        for loader in self._upstream(self._source(node, "model"), lambda name: name.startswith("model")):
            file, model = self._text(loader, "lora_name"), self._number(loader, "strength_model")
            # loaders for the model only have no strength for the text encoder
            clip = self._number(loader, "strength_clip") if "strength_clip" in self._inputs(loader) else 0.0
            if file and model is not None and clip is not None and (model or clip):
                found.append(LoraTag(stem(file), clip, model))
        return found[::-1]

    def _model(self, file: str) -> ModelName:
        return ModelName(stem(file), self._hashes.get(stem(file), ""))

    def _checkpoint(self, node: str | None) -> ModelName | None:
        for found in self._upstream(self._source(node, "model"), lambda name: name.startswith("model")):
            file = self._text(found, "ckpt_name") or self._text(found, "unet_name")
            if file:
                return self._model(file)
        return None

    def _vae(self, node_id: str) -> ModelName | None:
        """The VAE that the picture was decoded with, where it is a file of its own."""
        decodes = (self._source(node, "vae") for node in self._upstream(node_id, _to_picture))
        file = self._text(next(filter(None, decodes), None), "vae_name")
        name = file.replace("\\", "/").rpartition("/")[2] if file else ""
        return ModelName(name, self._hashes.get(stem(name), "")) if name else None

    def _options(self, node: str | None) -> A1111Settings:
        if node is None:
            return A1111Settings()
        values = self._inputs(node)
        known = {entry.name for entry in fields(A1111Settings)}
        given = {name: value for name, value in values.items() if name in known and not isinstance(value, list)}
        return A1111Settings(**given, zero_terminal_snr=values.get("sd_noise_schedule") == ZERO_SNR)

    def _refiner(self, first: str | None, second: str | None) -> RefinerSettings | None:
        in_first, in_second = self._source(first, "refiner"), self._source(second, "refiner")
        node = in_second or in_first
        checkpoint = self._checkpoint(node)
        if node is None or checkpoint is None:
            return None
        hires_pass: RefinerPass = "second pass"
        if second and in_first:
            hires_pass = "both passes" if in_second else "first pass"
        switch_at = self._number(node, "switch_at")
        return RefinerSettings(
            checkpoint,
            RefinerSettings.switch_at if switch_at is None else switch_at,
            bool(self._value(node, "by_steps", bool)),
            hires_pass,
        )

    def _target(self, renoise: str | None) -> str | None:
        """Target Size, which some ways of enlarging take whole and others side by side."""
        upscale = self._before(renoise, *_UPSCALES)
        return self._source(upscale, "target") or self._source(upscale, "upscaling_resize_w")

    def _hires(self, first: str | None, second: str, renoise: str | None, target: str | None) -> HiresSettings:
        def unless_same(mine: Any, of_first: Any) -> Any:
            return mine if first and mine != of_first else None

        upscale = self._before(renoise, *_UPSCALES)
        loader = self._source(upscale, "upscaler")
        file = self._text(loader, "upscaler_name") or self._text(loader, "model_name") or ""
        upscaler = self._text(upscale, "mode") or (file if file in FILTERS else upscaler_title(file))
        steps, base_steps = self._whole(renoise, "steps"), self._whole(first or renoise, "steps")
        scale = self._number(target, "hr_scale")
        negatives = [self._words(self._prompt_node(node, "negative")) for node in (second, first)]
        return HiresSettings(
            denoising_strength=self._number(renoise, "denoising_strength"),
            hr_scale=HiresSettings.hr_scale if scale is None else scale,
            hr_resize_x=self._whole(target, "hr_resize_x") or 0,
            hr_resize_y=self._whole(target, "hr_resize_y") or 0,
            hr_second_pass_steps=self._whole(renoise, "hr_second_pass_steps") or unless_same(steps, base_steps) or 0,
            hr_upscaler=upscaler,
            hr_checkpoint=unless_same(self._checkpoint(second), self._checkpoint(first)),
            hr_sampler_name=unless_same(self._text(second, "sampler_name"), self._text(first, "sampler_name")),
            hr_scheduler=unless_same(self._text(renoise, "scheduler"), self._text(first, "scheduler")),
            hr_prompt=unless_same(self._positive(second), self._positive(first)) or "",
            hr_negative_prompt=unless_same(*negatives) or "",
            hr_cfg=unless_same(self._number(second, "cfg"), self._number(first, "cfg")),
        )


def _to_picture(name: str) -> bool:
    return name not in _ASIDE
