"""Random valid graphs, grown from what a node needs: every input gets a value of its range or a link of its type."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .stock import Stock
from .widgets import Input, Kind, value_of

Link = list[Any]
"""Id of a node and number of its output."""

CHEAP: dict[str, tuple[float, float]] = {
    "width": (1, 100), "height": (1, 100), "batch_size": (1, 3), "length": (1, 9), "amount": (1, 3), "steps": (1, 5),
    "hr_second_pass_steps": (0, 4), "hr_scale": (0.5, 3), "hr_resize_x": (0, 136), "hr_resize_y": (0, 136),
    "upscaling_resize": (0.05, 4), "upscaling_resize_w": (1, 200), "upscaling_resize_h": (1, 200), "max_side": (0, 400),
    "stages": (0, 3), "seed_resize_from_w": (0, 256), "seed_resize_from_h": (0, 256), "scale_by": (0.05, 3),
    "x": (0, 128), "y": (0, 128), "left": (0, 40), "top": (0, 40), "right": (0, 40), "bottom": (0, 40),
    "batch_index": (0, 3), "largest_size": (1, 200), "num_faces": (0, 4), "expand": (-8, 8),
}  # fmt: skip
"""Range of the widgets that decide about time and memory, by name: a graph leaves it in one place at most."""

PRODUCERS: dict[str, tuple[tuple[str, int], ...]] = {
    "LATENT": (
        ("EmptyLatentImage", 0), ("EmptySD3LatentImage", 0), ("ProbeLatent", 0), ("VAEEncode", 0),
        ("HiresFixEncodeAnySize", 0), ("EmptyHunyuanLatentVideo", 0),
    ),
    "IMAGE": (("ProbeImage", 0), ("EmptyImage", 0), ("HiresFixLoadImage", 0), ("LoadImage", 0)),
    "MASK": (("SolidMask", 0), ("LoadImage", 1), ("HiresFixLoadImage", 1)),
    "NOISE": (("HiresFixNoise", 0), ("HiresFixNoise", 0), ("RandomNoise", 0), ("DisableNoise", 0)),
    "CONDITIONING": (("ProbeConditioning", 0), ("HiresFixPrompt", 0), ("CLIPTextEncode", 0)),
    "SIGMAS": (
        ("BasicScheduler", 0), ("KarrasScheduler", 0), ("ExponentialScheduler", 0), ("BetaSamplingScheduler", 0),
        ("SDTurboScheduler", 0), ("LaplaceScheduler", 0), ("VPScheduler", 0), ("HiresFixRenoise", 1),
    ),
    "SAMPLER": (("KSamplerSelect", 0), ("SamplerEulerAncestral", 0), ("SamplerDPMPP_2M_SDE", 0), ("SamplerLCM", 0)),
    "GUIDER": (("CFGGuider", 0), ("BasicGuider", 0), ("DualCFGGuider", 0), ("PerpNegGuider", 0)),
    "HIRES_FIX_UPSCALER": (("HiresFixUpscalerLoader", 0),),
    "UPSCALE_MODEL": (("UpscaleModelLoader", 0),),
    "HIRES_FIX_TARGET": (("HiresFixTargetSize", 0),),
    "HIRES_FIX_SETTINGS": (("HiresFixA1111Settings", 0),),
    "HIRES_FIX_REFINER": (("HiresFixRefiner", 0),),
    "HIRES_FIX_HOOKS": (("HiresFixBeforeEverySampling", 0), ("HiresFixBeforeSecondPass", 0)),
    "HIRES_FIX_FACE_MODEL": (("HiresFixFaceModelLoader", 0),),
    "HIRES_FIX_FILE_INFO": (("HiresFixLoadImage", 2),),
    "FACE_LANDMARKS": (("ProbeFaceLandmarks", 0),),
    "LATENT_OPERATION": (("LatentOperationSharpen", 0), ("LatentOperationTonemapReinhard", 0)),
    "STRING ": (("PrimitiveStringMultiline", 0),),
}  # fmt: skip
"""What gives a value of a type, the simplest first. MODEL, CLIP and VAE come from a checkpoint."""

MODIFIERS: dict[str, tuple[str, ...]] = {
    "MODEL": (
        "RescaleCFG", "APG", "TCFG", "CFGZeroStar", "CFGNorm", "Mahiro", "Epsilon Scaling", "TemporalScoreRescaling",
        "DifferentialDiffusion", "CFGOverride", "LatentApplyOperationCFG", "EasyCache", "LazyCache",
    ),
    "CONDITIONING": (
        "ConditioningSetArea", "ConditioningSetAreaPercentage", "ConditioningSetAreaStrength", "ConditioningSetMask",
        "ConditioningSetTimestepRange", "ConditioningCombine", "ConditioningAverage", "ConditioningConcat",
        "ConditioningZeroOut", "FluxGuidance",
    ),
    "LATENT": (
        "LatentFromBatch", "RepeatLatentBatch", "LatentBatch", "LatentFlip", "LatentRotate", "LatentCrop",
        "SetLatentNoiseMask", "LatentUpscaleBy", "LatentComposite", "LatentAdd", "LatentMultiply", "LatentBlend",
        "LatentBatchSeedBehavior", "LatentInterpolate", "LatentApplyOperation", "RebatchLatents",
    ),
    "IMAGE": (
        "ImageScaleBy", "ImageInvert", "ImageBatch", "RepeatImageBatch", "ImageFromBatch", "ImagePadForOutpaint",
        "ImageFlip", "ImageRotate", "JoinImageWithAlpha", "ImageCrop", "RebatchImages", "HiresFixUpscaleImage",
    ),
    "MASK": ("InvertMask", "FeatherMask", "GrowMask", "ThresholdMask", "MaskComposite"),
    "SIGMAS": ("FlipSigmas", "SetFirstSigma", "ExtendIntermediateSigmas"),
}  # fmt: skip
"""What takes a value and gives one of the same type."""

UNET_ONLY = ("FreeU", "FreeU_V2", "HyperTile", "TomePatchModel", "PatchModelAddDownscale", "SelfAttentionGuidance")
UNET_MODIFIERS = (*UNET_ONLY, "FreSca", "PerturbedAttentionGuidance", "ModelSamplingDiscrete", "NAGuidance")
FLOW_MODIFIERS = ("ModelSamplingSD3", "SkipLayerGuidanceDiT")
"""Patches that are for one kind of model."""

DEEPEST = 4
"""So many nodes behind a needed one the simplest producer is taken."""


@dataclass(frozen=True)
class Ref:
    """A node of a graph; `node[1]` is the link to its second output."""

    id: str

    def __getitem__(self, output: int) -> Link:
        return [self.id, output]


class Maker:
    """Grows one graph. Everything is drawn from `rng`, so equal seeds give equal graphs."""

    def __init__(self, rng: random.Random, kinds: Mapping[str, Kind], stock: Stock, family: str) -> None:
        self.rng, self.kinds, self.stock, self.family = rng, kinds, stock, family
        self.graph: dict[str, dict[str, Any]] = {}
        self.daring = rng.choice([*CHEAP, "tile_size", "vae_tile_size"]) if rng.random() < 0.12 else ""
        """The widget whose whole range is used, at whatever cost; empty for none."""
        self._calm = rng.choice([0.3, 0.7, 0.9])
        """Chance of a widget to keep its default, and of an optional one to be left out."""
        self._made: dict[str, list[Link]] = {}
        self._loaders: dict[str, Ref] = {}

    def add(self, name: str, depth: int = 0, likely: float = 0.25, **given: Any) -> Ref:
        """Add a node. Inputs that are not given are drawn; `likely` is the chance of every optional link.

        A given None leaves an optional input out. Raises KeyError where the host has no such node.
        """
        kind, inputs = self.kinds[name], {}
        for each in kind.inputs:
            if each.name in given:
                value = given[each.name]
            elif each.is_widget:
                value = None if each.optional and self.rng.random() < self._calm else self.widget(name, each)
            elif each.optional and (self.rng.random() > likely or not self.can_make(each.kind)):
                value = None
            else:
                value = self.link(each.kind, depth + 1)
            if value is not None:
                inputs[each.name] = value[0] if isinstance(value, Ref) else value
        node = Ref(str(len(self.graph) + 1))
        self.graph[node.id] = {"class_type": name, "inputs": {k: _link(v, given.get(k)) for k, v in inputs.items()}}
        for output, made in enumerate(kind.outputs):
            self._made.setdefault(made, []).append(node[output])
        return node

    def widget(self, node: str, widget: Input) -> Any:
        """A value of its range, within `CHEAP` unless this is the daring one."""
        known = self.stock.values(node, widget.name, self.family)
        if known:
            return self.rng.choice(known)
        if widget.kind == "COMBO" and any(_is_rare(one) for one in widget.options) and self.rng.random() < 0.95:
            return self.rng.choice([one for one in widget.options if not _is_rare(one)])
        least, most = CHEAP.get(widget.name, (None, None)) if widget.name != self.daring else (None, None)
        return value_of(self.rng, widget, least, most, self._calm)

    def can_make(self, types: str) -> bool:
        """Whether there is a node for it."""
        return any(self._ways(one) or one in ("MODEL", "CLIP", "VAE") for one in types.split(","))

    def link(self, types: str, depth: int = 0) -> Link:
        """Something of one of these types: what the graph has, or a new node for it, changed now and then."""
        options = [one for one in types.split(",") if self.can_make(one)]
        chosen = self.rng.choice(options)
        made = self._made.get(chosen)
        if chosen in ("MODEL", "CLIP", "VAE"):
            link = self._of_checkpoint(chosen)
        elif made and (self.rng.random() < 0.5 or depth > DEEPEST):
            link = self.rng.choice(made)
        else:
            ways = self._ways(chosen)
            name, output = self.rng.choice(ways) if depth < DEEPEST else ways[0]
            link = self.add(name, depth)[output]
        return self.changed(chosen, link, depth, 0.15)

    def changed(self, kind: str, link: Link, depth: int = 0, chance: float = 0.3) -> Link:
        """The same, or what nodes in between make of it."""
        while depth < DEEPEST and self.rng.random() < chance:
            names = [name for name in self._modifiers(kind) if name in self.kinds]
            if not names:
                return link
            node = self.kinds[self.rng.choice(names)]
            taken = next(each.name for each in node.links() if kind in each.kind.split(","))
            link = self.add(node.name, depth + 1, **{taken: link})[node.outputs.index(kind)]
        return link

    def _ways(self, kind: str) -> list[tuple[str, int]]:
        ways = [way for way in PRODUCERS.get(kind, ()) if way[0] in self.kinds]
        if kind == "CONDITIONING" and not self.stock.families[self.family].has_text:
            ways = [way for way in ways if way[0].startswith("Probe")]
        if kind == "LATENT" and not self.stock.families[self.family].is_video:
            ways = [way for way in ways if "Video" not in way[0]]
        return ways

    def _modifiers(self, kind: str) -> tuple[str, ...]:
        names = MODIFIERS.get(kind, ())
        if kind == "MODEL":
            names += UNET_MODIFIERS if self.stock.families[self.family].is_unet else FLOW_MODIFIERS
        return names

    def loader(self, family: str | None = None) -> Ref:
        """The node that loads the graph's checkpoint, or another family's."""
        file = self.stock.families[family or self.family].file
        if file not in self._loaders:
            self._loaders[file] = self.add("CheckpointLoaderSimple", ckpt_name=file)
        return self._loaders[file]

    def _of_checkpoint(self, kind: str) -> Link:
        family = self.stock.families[self.family]
        if kind == "CLIP" and not family.has_text:
            return self.loader("sd1")[1]
        stranger = self.rng.random() < 0.03
        loader = self.loader(self.rng.choice(list(self.stock.families)) if stranger else None)
        return loader[("MODEL", "CLIP", "VAE").index(kind)]


def _link(value: Any, given: Any) -> Any:
    return given[0] if isinstance(given, Ref) else value


def _is_rare(option: Any) -> bool:
    """Whether it is a file that no loader takes or a sampler of hundreds of steps: not as often as there are some."""
    return str(option).startswith("bad-") or "adaptive" in str(option)
