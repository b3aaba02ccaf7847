"""Face models and a face detector with generated weights.

GFPGAN has one size only, 87 million weights. Its file is small all the same: every tensor is one number seen again and
again, which torch's own file format keeps as such.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from spandrel.architectures.GFPGAN import GFPGAN
from spandrel.architectures.RestoreFormer import RestoreFormer

from ...demo.weights import uniform, write_safetensors

GFPGAN_FILE = "gfpgan-one-colour.pth"
"""Whatever the face, it makes a square of GFPGAN_COLOUR."""

GFPGAN_COLOUR = (0.875, 0.25, 0.375)

RESTOREFORMER_FILE = "restoreformer-random.pth"
CODEFORMER_FILE = "codeformer-keys-only.pth"
"""Too little to be loaded, enough to be recognised."""

BRIGHT_SPOTS_FILE = "yunet-bright-spots.pth"
"""A YuNet that takes white spots for faces, see `bright_spots`."""

LANDMARKER_FILE = "mediapipe-one-face.safetensors"
"""For core's landmark node: in every square picture it finds one face in the middle, as MESH_FACTOR says."""

MESH_FACTOR = 0.3
"""That face is the template of the face models, made smaller by this, in a picture of MESH_SIDE pixels."""

MESH_SIDE = 300

SPOT_BOX = 64.0
"""Pixels a side of the box of a face that it finds."""

SPOT_POINTS = ((-17.5, -4.5), (17.5, -4.5), (0.25, 16.0), (-15.25, 32.0), (15.75, 32.0))
"""Eyes, tip of the nose, corners of the mouth of such a face, from the middle of the field of 32 x 32 pixels."""


def write_all(folder: Path) -> None:
    """Write every file into ComfyUI's folders below `folder`."""
    faces, detectors, core = (folder / kind for kind in ("face_restore", "face_detection", "detection"))
    for each in (faces, detectors, core):
        each.mkdir(parents=True, exist_ok=True)
    _save(faces / GFPGAN_FILE, {"params_ema": gfpgan()})
    _save(faces / RESTOREFORMER_FILE, {"state_dict": restoreformer()})
    _save(faces / CODEFORMER_FILE, codeformer_keys())
    _save(detectors / BRIGHT_SPOTS_FILE, bright_spots())
    write_safetensors(core / LANDMARKER_FILE, {name: value.numpy() for name, value in landmarker().items()})


def gfpgan() -> dict[str, torch.Tensor]:
    """Zeros, but for what the decoder adds up to its colours, level by level."""
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in GFPGAN().state_dict().items()}
    weights = {name: torch.zeros(1).expand(shape) for name, shape in shapes.items()}
    biases = [name for name, shape in shapes.items() if "decoder.to_rgb" in name and shape == (1, 3, 1, 1)]
    for name in biases:
        weights[name] = (torch.tensor(GFPGAN_COLOUR) * 2 - 1).reshape(1, 3, 1, 1) / len(biases)
    return weights


def restoreformer() -> dict[str, torch.Tensor]:
    """The narrowest network that the layout allows, two levels deep, without attention."""
    network = RestoreFormer(
        n_embed=16, embed_dim=4, ch=32, ch_mult=(1, 1), num_res_blocks=1, z_channels=4, enable_mid=False
    )
    weights = {}
    for name, value in network.state_dict().items():
        shape = tuple(value.shape)
        std = 0.05 if len(shape) == 1 else 1 / np.prod(shape[1:]) ** 0.5
        random = torch.from_numpy(uniform(5, name, shape, std))
        weights[name] = random + 1 if "norm" in name and name.endswith("weight") else random
    return weights


def codeformer_keys() -> dict[str, torch.Tensor]:
    """The keys that tell a CodeFormer from all else."""
    names = ("position_emb", "idx_pred_layer.1.weight", "quantize.embedding.weight", "encoder.blocks.0.weight")
    return {name: torch.zeros(1, 1) for name in (*names, "ft_layers.0.self_attn.in_proj_weight")}


def bright_spots() -> dict[str, torch.Tensor]:
    """A YuNet that passes the brightness on unchanged, and whose third head finds a face where it is near 1.

    One face a field of 32 x 32 pixels, around its middle. The score is then nearly 1, and nearly 0 elsewhere. Darker
    than 0.5 is never a face.
    """
    from kornia.models.yunet import YuNet  # the host brings it, but can do without

    weights = {name: torch.zeros_like(value) for name, value in YuNet("test", pretrained=False).state_dict().items()}
    for name, value in weights.items():
        if name.endswith(("running_var", "bn.weight", "bn1.weight")):
            value.fill_(1)
        elif name == "model0.conv1.weight":
            value[0] = 1 / (value[0].numel() * 255)
        elif name.endswith("conv1.weight") and value.shape[2] == 1:
            value[0, 0] = 1
        elif name.endswith("conv2.weight"):
            value[:, 0, 1, 1] = 1  # one filter a channel
    for head in range(4):
        gain, bias = weights[f"head.{head}.conv2.conv1.weight"], weights[f"head.{head}.conv2.conv1.bias"]
        gain.zero_()
        bias.view(-1, 17)[:, -1] = 1  # the expected overlap
        bias.view(-1, 17)[:, -2] = -20
    bias = weights["head.2.conv2.conv1.bias"].view(-1, 17)[0]
    bias[4:14] = torch.tensor(SPOT_POINTS).flatten() / (0.1 * SPOT_BOX)
    weights["head.2.conv2.conv1.weight"].view(-1, 17, 64)[0, -2, 0] = 40
    return weights


def mesh_of(five: np.ndarray) -> np.ndarray:
    """A mesh of MediaPipe's 478 points with the eyes, the nose and the mouth at these five, `(5,)` complex.

    An eye has its two corners 6 pixels left and right of its point; all other points lie on the nose.
    """
    mesh = np.full(478, five[2])
    mesh[[33, 133]] = five[0] - 6, five[0] + 6
    mesh[[362, 263]] = five[1] - 6, five[1] + 6
    mesh[[61, 291]] = five[3:]
    return np.stack([mesh.real, mesh.imag], axis=1).astype(np.float32)


def middle_face() -> np.ndarray:
    """The five points of the face that core's landmark node finds with LANDMARKER_FILE."""
    template = [192.98138 + 239.94708j, 318.90277 + 240.1936j, 256.63416 + 314.01935j]
    mouth = [201.26117 + 371.41043j, 313.08905 + 371.15118j]
    return (np.array(template + mouth) - 256 - 256j) * MESH_FACTOR + MESH_SIDE / 2 * (1 + 1j)


def landmarker() -> dict[str, torch.Tensor]:
    """The last layers only, which is enough: core leaves the others as they are made, and these ignore them.

    Every anchor of the detector sees a face ten times as large as the picture; they overlap so much that core takes
    them for one, in the middle. The mesh then lies in a crop one and a half times as large.
    """
    weights = {}
    for level, anchors, width in ((16, 2, 88), (8, 6, 96)):
        for head, values in (("cls", [20.0]), ("reg", [0.0, 0.0, 1280.0, 1280.0, *[0.0] * 12])):
            name = f"detector_short.{head}_{level}"
            weights[f"{name}.weight"] = torch.zeros(anchors * len(values), width, 1, 1)
            weights[f"{name}.bias"] = torch.tensor(values * anchors)
    mesh = torch.zeros(478, 3)
    mesh[:, :2] = (torch.from_numpy(mesh_of(middle_face())) - MESH_SIDE / 2) * 192 / (15 * MESH_SIDE) + 96
    mesh[:, 2] = torch.from_numpy(uniform(6, "depth", (478,), 1.0))
    weights["mesh.head_landmarks.weight"] = torch.zeros(478 * 3, 8, 3, 3)
    weights["mesh.head_landmarks.bias"] = mesh.flatten()
    weights["canonical_vertices"] = torch.from_numpy(uniform(6, "canonical", (478, 3), 1.0))
    weights["procrustes_indices"] = torch.tensor([1, 33, 61, 263, 291])
    weights["procrustes_weights"] = torch.ones(5)
    parts = ("face_oval", "left_eye", "right_eye", "left_eyebrow", "right_eyebrow", "lips", "irises", "nose")
    return weights | {f"topology.{part}": torch.tensor([[1, 33], [33, 1]]) for part in (*parts, "tesselation")}


def _save(path: Path, content: dict[str, object]) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        torch.save(content, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
