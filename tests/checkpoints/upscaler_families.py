"""One small network of every architecture that people upscale or restore pictures with, in the layouts they download.

The networks are made by spandrel's own classes with few channels and layers, and handed out as state dicts, so that
recognising and building them happens as with a real file.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from spandrel.architectures.ATD import ATD
from spandrel.architectures.Compact import Compact
from spandrel.architectures.CRAFT import CRAFT
from spandrel.architectures.DAT import DAT
from spandrel.architectures.DCTLSA import DCTLSA
from spandrel.architectures.DITN import DITN
from spandrel.architectures.DnCNN import DnCNN
from spandrel.architectures.DRCT import DRCT
from spandrel.architectures.DRUNet import DRUNet
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.FBCNN import FBCNN
from spandrel.architectures.FDAT import FDAT
from spandrel.architectures.GRL import GRL
from spandrel.architectures.HAT import HAT
from spandrel.architectures.KBNet import KBNet_s
from spandrel.architectures.MoESR import MoESR
from spandrel.architectures.MoSR import MoSR
from spandrel.architectures.NAFNet import NAFNet
from spandrel.architectures.OmniSR import OmniSR
from spandrel.architectures.PLKSR import PLKSR, RealPLKSR
from spandrel.architectures.RCAN import RCAN
from spandrel.architectures.RealCUGAN import UpCunet2x, UpCunet3x, UpCunet4x
from spandrel.architectures.RGT import RGT
from spandrel.architectures.SAFMN import SAFMN
from spandrel.architectures.SCUNet import SCUNet
from spandrel.architectures.SeemoRe import SeemoRe
from spandrel.architectures.SPAN import SPAN
from spandrel.architectures.SwiftSRGAN import SwiftSRGAN
from spandrel.architectures.Swin2SR import Swin2SR
from spandrel.architectures.SwinIR import SwinIR
from torch import nn

from .seeded_network import GAIN, enliven

StateDict = dict[str, Any]
Layout = Callable[[StateDict], StateDict]


@dataclass(frozen=True)
class UpscalerFamily:
    """An architecture in one of its variants."""

    architecture: str
    """Spandrel's id."""
    scale: int
    make: Callable[..., nn.Module]
    arguments: dict[str, Any]
    """Of `make`."""
    channels: int = 3
    """1 for grey."""
    exact: bool = False
    """Whether it consists of convolutions alone, so that tiles can equal the untiled result. Others look at windows,
    at whole pictures or at averages of them."""
    feed: int = 0
    """Channels that the bare network takes, where these are not `channels`."""
    gain: float = GAIN
    """See `enliven`; less where attention sorts pixels by what they look like, which is chaotic with random weights."""
    layout: Layout = dict
    """From the names of spandrel's class to those of the files that people have."""

    @cache  # noqa: B019 - the families are constants of this module
    def state_dict(self) -> StateDict:
        """What its file holds. Not to be changed."""
        torch.manual_seed(0)  # for the few numbers that are no layer's
        network = enliven(self.make(**self.arguments), 41, self.feed or self.channels, self.gain)
        return self.layout({name: value.contiguous() for name, value in network.state_dict().items()})

    def __hash__(self) -> int:
        return id(self)


def _ema(state: StateDict) -> StateDict:
    """BasicSR's checkpoints."""
    return {"params_ema": state}


def _params(state: StateDict) -> StateDict:
    """The same, trained without an average."""
    return {"params": state}


def _parallel(state: StateDict) -> StateDict:
    """Saved from a network on several GPUs."""
    return {f"module.{name}": value for name, value in state.items()}


def _renamed(body: str, rest: dict[str, str], wrapped: Layout = dict) -> Layout:
    """Later names for the parts of an ESRGAN 4x: dense blocks as in `body`, single layers as in `rest`."""

    def rename(state: StateDict) -> StateDict:
        found = {}
        for name, value in state.items():
            name = re.sub(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.", body, name)
            for old, new in rest.items():
                if name.startswith(old + "."):
                    name = new + name[len(old) :]
            found[name] = value
        return wrapped(found)

    return rename


_REAL_ESRGAN = _renamed(
    r"body.\1.rdb\2.conv\3.",
    {"model.0": "conv_first", "model.1.sub.1": "conv_body", "model.3": "conv_up1", "model.6": "conv_up2",
     "model.8": "conv_hr", "model.10": "conv_last"},
    wrapped=_ema,
)  # fmt: skip
_BSRGAN = _renamed(
    r"RRDB_trunk.\1.RDB\2.conv\3.",
    {"model.0": "conv_first", "model.1.sub.1": "trunk_conv", "model.3": "upconv1", "model.6": "upconv2",
     "model.8": "HRconv", "model.10": "conv_last"},
)  # fmt: skip

_RRDB = {"num_filters": 8, "num_blocks": 1}
_COMPACT = {"num_feat": 8, "num_conv": 3}
_SWIN = {"img_size": 64, "depths": [2], "embed_dim": 12, "num_heads": [2], "window_size": 8, "mlp_ratio": 2}
_LIGHT = {"upscale": 2, "upsampler": "pixelshuffledirect"}
_PLK = {"dim": 16, "n_blocks": 2, "upscaling_factor": 2, "kernel_size": 9}
_UNET = {"nc": [4, 8, 8, 8], "nb": 2}
_STEPS = {"middle_blk_num": 1, "enc_blk_nums": [1, 1], "dec_blk_nums": [1, 1]}

# fmt: off
FAMILIES: dict[str, UpscalerFamily] = {
    "esrgan-old": UpscalerFamily("ESRGAN", 4, ESRGAN, {**_RRDB, "scale": 4}, exact=True),
    "esrgan-bsrgan": UpscalerFamily("ESRGAN", 4, ESRGAN, {**_RRDB, "scale": 4}, exact=True, layout=_BSRGAN),
    "esrgan-real": UpscalerFamily("ESRGAN", 4, ESRGAN, {**_RRDB, "scale": 4}, exact=True, layout=_REAL_ESRGAN),
    "esrgan-real-2x": UpscalerFamily(
        "ESRGAN", 2, ESRGAN, {**_RRDB, "scale": 4, "in_nc": 12, "shuffle_factor": 2}, exact=True, layout=_REAL_ESRGAN
    ),
    "esrgan-plus": UpscalerFamily("ESRGAN", 4, ESRGAN, {**_RRDB, "scale": 4, "plus": True}, exact=True),
    "esrgan-grey": UpscalerFamily(
        "ESRGAN", 2, ESRGAN, {**_RRDB, "scale": 2, "in_nc": 1, "out_nc": 1}, channels=1, exact=True
    ),
    "compact": UpscalerFamily("Compact", 4, Compact, {**_COMPACT, "upscale": 4}, exact=True, layout=_params),
    "compact-1x": UpscalerFamily("Compact", 1, Compact, {**_COMPACT, "upscale": 1}, exact=True),
    "compact-grey": UpscalerFamily(
        "Compact", 2, Compact, {**_COMPACT, "upscale": 2, "num_in_ch": 1, "num_out_ch": 1}, channels=1, exact=True
    ),
    "span": UpscalerFamily(
        "SPAN", 2, SPAN, {"num_in_ch": 3, "num_out_ch": 3, "feature_channels": 8, "upscale": 2}, exact=True
    ),
    "swinir": UpscalerFamily("SwinIR", 2, SwinIR, {**_SWIN, "upscale": 2, "upsampler": "pixelshuffle"}, layout=_params),
    "swinir-light": UpscalerFamily("SwinIR", 2, SwinIR, {**_SWIN, **_LIGHT}, layout=_parallel),
    "swinir-real": UpscalerFamily(
        "SwinIR", 4, SwinIR, {**_SWIN, "upscale": 4, "upsampler": "nearest+conv"}, layout=_ema
    ),
    "swinir-grey": UpscalerFamily("SwinIR", 1, SwinIR, {**_SWIN, "upscale": 1, "in_chans": 1}, channels=1),
    "swin2sr": UpscalerFamily("Swin2SR", 2, Swin2SR, {**_SWIN, **_LIGHT}),
    "scunet": UpscalerFamily("SCUNet", 1, SCUNet, {"config": [1] * 7, "dim": 64}),
    "dat": UpscalerFamily(
        "DAT", 2, DAT,
        {**_LIGHT, "split_size": [4, 8], "depth": [2], "embed_dim": 16, "num_heads": [2], "expansion_factor": 2},
        layout=_params,
    ),
    "hat": UpscalerFamily(
        "HAT", 2, HAT,
        {"depths": [2], "embed_dim": 16, "num_heads": [2], "window_size": 8, "compress_ratio": 4, "squeeze_factor": 4,
         "mlp_ratio": 2, "upscale": 2, "num_feat": 8},
        layout=_ema,
    ),
    "omnisr": UpscalerFamily("OmniSR", 2, OmniSR, {"num_feat": 16, "up_scale": 2}),
    "plksr": UpscalerFamily("PLKSR", 2, PLKSR, _PLK),
    "realplksr": UpscalerFamily("PLKSR", 2, RealPLKSR, _PLK, layout=_ema),
    "realplksr-layer-norm": UpscalerFamily("PLKSR", 2, RealPLKSR, {**_PLK, "layer_norm": True}),
    "realplksr-dysample": UpscalerFamily("PLKSR", 2, RealPLKSR, {**_PLK, "dysample": True}),
    "atd": UpscalerFamily(
        "ATD", 2, ATD,
        {**_LIGHT, "embed_dim": 16, "depths": (2,), "num_heads": (2,), "window_size": 8, "num_tokens": 8,
         "reducted_dim": 4},
        gain=0.5,
    ),
    "rgt": UpscalerFamily(
        "RGT", 2, RGT,
        {"embed_dim": 16, "depth": [2], "num_heads": [2], "split_size": [8, 8], "upscale": 2, "mlp_ratio": 2},
    ),
    "drct": UpscalerFamily(
        "DRCT", 2, DRCT,
        {"img_size": 16, "embed_dim": 16, "depths": (1,), "num_heads": (2,), "window_size": 16, "gc": 8, "upscale": 2,
         "upsampler": "pixelshuffle"},
    ),
    "grl": UpscalerFamily(
        "GRL", 1, GRL,
        {"embed_dim": 16, "depths": [2], "num_heads_window": [2], "num_heads_stripe": [2],
         "anchor_window_down_factor": 4, "stripe_shift": True, "upscale": 1},
    ),
    "safmn": UpscalerFamily("SAFMN", 2, SAFMN, {"dim": 16, "n_blocks": 2, "upscaling_factor": 2}),
    "cugan-2x": UpscalerFamily("RealCUGAN", 2, UpCunet2x, {}),
    "cugan-3x": UpscalerFamily("RealCUGAN", 3, UpCunet3x, {}),
    "cugan-4x": UpscalerFamily("RealCUGAN", 4, UpCunet4x, {}),
    "mosr": UpscalerFamily("MoSR", 2, MoSR, {"upscale": 2, "n_block": 2, "dim": 16}),
    "moesr": UpscalerFamily("MoESR", 2, MoESR, {"scale": 2, "dim": 16, "n_blocks": 1, "n_block": 2}),
    "rcan": UpscalerFamily(
        "RCAN", 2, RCAN, {"scale": 2, "n_resgroups": 1, "n_resblocks": 2, "n_feats": 16, "reduction": 4}
    ),
    "craft": UpscalerFamily("CRAFT", 2, CRAFT, {"embed_dim": 12, "depths": [1], "num_heads": [2], "upscale": 2}),
    "dctlsa": UpscalerFamily("DCTLSA", 2, DCTLSA, {"nf": 10, "upscale": 2}),
    "ditn": UpscalerFamily("DITN", 2, DITN, {"dim": 12, "ITL_blocks": 1, "SAL_blocks": 1, "upscale": 2}),
    "fdat": UpscalerFamily(
        "FDAT", 2, FDAT,
        {"scale": 2, "embed_dim": 16, "num_groups": 1, "depth_per_group": 2, "num_heads": 2, "mid_dim": 16},
    ),
    "swift-srgan": UpscalerFamily(
        "SwiftSRGAN", 2, SwiftSRGAN, {"num_channels": 8, "num_blocks": 1, "upscale_factor": 2}, exact=True,
        layout=lambda state: {"model": state},
    ),
    "seemore": UpscalerFamily(
        "SeemoRe", 2, SeemoRe, {"scale": 2, "num_experts": 3, "num_layers": 1, "embedding_dim": 12}
    ),
    "drunet": UpscalerFamily("DRUNet", 1, DRUNet, {**_UNET, "in_nc": 4, "out_nc": 3}, feed=4),
    "drunet-grey": UpscalerFamily("DRUNet", 1, DRUNet, {**_UNET, "in_nc": 2, "out_nc": 1}, channels=1, feed=2),
    "dncnn-grey": UpscalerFamily("DnCNN", 1, DnCNN, {"nc": 8, "nb": 9, "act_mode": "R"}, channels=1, exact=True),
    "fbcnn": UpscalerFamily("FBCNN", 1, FBCNN, {"nc": [4, 8, 8, 512], "nb": 2}),
    "nafnet": UpscalerFamily("NAFNet", 1, NAFNet, {**_STEPS, "width": 4}, layout=_params),
    "kbnet": UpscalerFamily("KBNet", 1, KBNet_s, {**_STEPS, "width": 8}),
}
# fmt: on
"""By name, at most a few hundred thousand weights each but for ScuNET and CUGAN, whose channels are fixed."""

FILES = {
    "family-swinir.pth": "swinir",
    "family-hat.pt": "hat",
    "family-span.safetensors": "span",
    "family-esrgan-real.pth": "esrgan-real",
    "family-compact-grey.safetensors": "compact-grey",
    "family-scunet.pth": "scunet",
}
"""File -> family: those that the real host loads by name."""


def write_files(folder: Path) -> None:
    """Write `FILES`."""
    for file, family in FILES.items():
        state = FAMILIES[family].state_dict()
        if file.endswith(".safetensors"):
            save_file(state, folder / file)
        else:
            torch.save(state, folder / file)
