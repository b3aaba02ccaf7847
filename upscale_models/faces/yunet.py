"""YuNet, a face detector so small that the CPU is enough; it also gives the five points.

The network has the layout of `yunet_final.pth` (Wu, Peng, Yu 2023: "YuNet: a tiny millisecond-level face detector"),
the file that kornia uses. It takes BGR in 0..255 and finds faces of about 10 to 300 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ...hires.errors import InputError
from .alignment import FacePoints

STRIDES = (8, 16, 32, 64)
PRIORS = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))
"""Pixels between the positions of each of the four heads, and the face sizes that it looks for at each position."""

LONGEST_SIDES = (1280, 320)
"""Sides that larger pictures are shrunk to, one after the other, so that small and large faces are of a size that
YuNet knows: 10 to 300 pixels are 1 to 94 % of the picture's longest side."""

SAME_FACE = 0.5
"""Two finds are the same face if they share this much of the smaller one."""

_CENTRE_VARIANCE, _SIZE_VARIANCE = 0.1, 0.2
_BOX, _POINTS = 4, 10
_OUTPUTS = _BOX + _POINTS + 2 + 1


class Detection(NamedTuple):
    """A face in pixels of the picture."""

    points: FacePoints
    box: tuple[float, float, float, float]
    """x0, y0, x1, y1."""
    score: float
    """0 to 1."""


class YuNet(nn.Module):
    """The network. Its parts are named as in the file."""

    def __init__(self) -> None:
        super().__init__()
        self.model0 = nn.Sequential()
        self.model0.add_module("conv1", nn.Conv2d(3, 16, 3, stride=2, padding=1))
        self.model0.add_module("bn1", nn.BatchNorm2d(16))
        self.model0.add_module("relu", nn.ReLU())
        self.model0.add_module("conv2", _separable(16, 16))
        self.model1 = _block(16, 64)
        for index in range(2, 7):
            self.add_module(f"model{index}", _block(64, 64))
        self.head = nn.Sequential(*(_block(64, len(sizes) * _OUTPUTS, last=True) for sizes in PRIORS))

    def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """Run the heads.

        Args:
            pictures: `(B, 3, H, W)`, BGR in 0..255, sides multiples of 64.

        Returns:
            One tensor a head, `(B, rows, columns, face sizes, 17)`: box, points, two class scores before their
            softmax, and the expected overlap of the box.
        """
        x = self.get_submodule("model2")(self.model1(F.max_pool2d(self.model0(pictures), 2)))
        found = []
        for index, (head, sizes) in enumerate(zip(self.head, PRIORS, strict=True)):
            x = self.get_submodule(f"model{index + 3}")(F.max_pool2d(x, 2))
            found.append(head(x).permute(0, 2, 3, 1).unflatten(3, (len(sizes), _OUTPUTS)))
        return found


def yunet_from_state_dict(name: str, state_dict: Mapping[str, Any]) -> YuNet:
    """Build the network, on the CPU.

    Raises:
        InputError: the weights are not those of a YuNet of this layout.
    """
    network = YuNet().eval()
    try:
        network.load_state_dict(dict(state_dict))
    except (RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"'{name}' is not a YuNet face detector in the layout of yunet_final.pth (the file that kornia uses): "
            "its weights have other names or shapes. Use that file, or ComfyUI's own landmarks.",
            "detection",
        ) from error
    return network


def detect_faces(network: YuNet, picture: torch.Tensor, threshold: float) -> list[Detection]:
    """Find the faces of one picture, best first, with a network on the CPU.

    Args:
        picture: `(H, W, C)` in [0, 1]; C is 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
        threshold: 0 to 1: faces with a lower score are left out.
    """
    height, width, channels = picture.shape
    colours = picture[..., :3] if channels > 2 else picture[..., :1].expand(-1, -1, 3)
    pixels = colours.flip(2).permute(2, 0, 1)[None].to("cpu", torch.float32) * 255
    found = []
    for longest in LONGEST_SIDES:
        factor = min(1.0, longest / max(width, height))
        size = (max(1, round(height * factor)), max(1, round(width * factor)))
        small = pixels
        if size != (height, width):
            small = F.interpolate(pixels, size=size, mode="bilinear", antialias=True)
        scale = np.array([width / size[1], height / size[0]])
        found += [_enlarged(face, scale) for face in _detect(network, small, threshold)]
        if factor == 1:
            break
    return _without_repeats(found)


def _detect(network: YuNet, pixels: torch.Tensor, threshold: float) -> list[Detection]:
    """Find the faces of `(1, 3, H, W)` as it is; a face comes up several times."""
    height, width = pixels.shape[2:]
    padded = F.pad(pixels, (0, -width % STRIDES[-1], 0, -height % STRIDES[-1]))
    found = []
    for stride, sizes, head in zip(STRIDES, PRIORS, network(padded), strict=True):
        values = head[0].double().numpy()
        chance = 1 / (1 + np.exp(values[..., _BOX + _POINTS] - values[..., _BOX + _POINTS + 1]))
        score = np.sqrt(chance * values[..., -1].clip(0, 1))
        for row, column, kind in zip(*(score > threshold).nonzero(), strict=True):
            centre = (np.array([column, row]) + 0.5) * stride
            value, size = values[row, column, kind], sizes[kind]
            # offsets are in units of the face size, the box's sides logarithmic
            middle = centre + value[:2] * _CENTRE_VARIANCE * size
            half = np.exp(value[2:4] * _SIZE_VARIANCE) * size / 2
            points = centre + value[_BOX : _BOX + _POINTS].reshape(5, 2) * _CENTRE_VARIANCE * size
            box = (*(middle - half).tolist(), *(middle + half).tolist())
            found.append(Detection(points[:, 0] + 1j * points[:, 1], box, float(score[row, column, kind])))
    return found


def _enlarged(face: Detection, scale: np.ndarray) -> Detection:
    points = face.points.real * scale[0] + 1j * (face.points.imag * scale[1])
    return Detection(points, tuple((np.array(face.box) * np.tile(scale, 2)).tolist()), face.score)


def _without_repeats(found: list[Detection]) -> list[Detection]:
    kept: list[Detection] = []
    for face in sorted(found, key=lambda face: -face.score):
        if all(_shared(face.box, other.box) < SAME_FACE for other in kept):
            kept.append(face)
    return kept


def _shared(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Shared area as a part of the smaller box."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / min(areas)


def _separable(n_in: int, n_out: int, last: bool = False) -> nn.Sequential:
    unit = nn.Sequential()
    unit.add_module("conv1", nn.Conv2d(n_in, n_out, 1))
    unit.add_module("conv2", nn.Conv2d(n_out, n_out, 3, padding=1, groups=n_out))
    if not last:
        unit.add_module("bn", nn.BatchNorm2d(n_out))
        unit.add_module("relu", nn.ReLU())
    return unit


def _block(n_in: int, n_out: int, last: bool = False) -> nn.Sequential:
    block = nn.Sequential()
    block.add_module("conv1", _separable(n_in, n_in))
    block.add_module("conv2", _separable(n_in, n_out, last))
    return block
