"""Face models and face detection from ComfyUI's folders, and restoring faces with them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import comfy.model_management
import folder_paths
import torch

from ...hires import memory
from ...hires.errors import InputError
from ...hires.images.checks import check_image
from ...upscale_models.faces import (
    FaceModel,
    FacePoints,
    Placement,
    detect_faces,
    face_model_from_descriptor,
    face_model_from_state_dict,
    place,
    points_of_landmarks,
    restore_faces,
    whole_picture,
    yunet_from_state_dict,
)
from ...upscale_models.shipped import checksums
from ..memory import check_memory
from .model_files import UnreadableFileError, read_weights
from .runtime import HostRuntime, patcher_of

FROM_LANDMARKS, WHOLE_PICTURE = "face landmarks", "whole picture"
"""Ways to find faces without a detector of our own: ComfyUI's landmarks, or none at all."""

_MODEL_FOLDERS = ("face_restore", "facerestore_models", "upscale_models")
_DETECTOR_FOLDER = "face_detection"

_WORKING_MEMORY = 1 << 30
"""Bytes that a face model needs besides its weights; GFPGAN takes most."""


def _register_folders() -> None:
    for folder in ("face_restore", "facerestore_models", _DETECTOR_FOLDER):
        if folder not in folder_paths.folder_names_and_paths:
            folder_paths.folder_names_and_paths[folder] = ([], folder_paths.supported_pt_extensions)
        folder_paths.add_model_folder_path(folder, os.path.join(folder_paths.models_dir, folder))


_register_folders()  # before any node is asked for its choices


def face_model_names() -> list[str]:
    """Every file of the folders for face models, then every upscale model but ours: people keep them there, too."""
    names = [sorted(folder_paths.get_filename_list(folder), key=str.lower) for folder in _MODEL_FOLDERS]
    return [name for name in dict.fromkeys([*names[0], *names[1], *names[2]]) if name not in checksums()]


def detection_names() -> list[str]:
    """Ways to find faces: without a file first, then every file of `face_detection`."""
    return [FROM_LANDMARKS, WHOLE_PICTURE, *sorted(folder_paths.get_filename_list(_DETECTOR_FOLDER), key=str.lower)]


def load_face_model(name: str) -> FaceModel:
    """Return a face model by its name in `face_model_names`, in the hands of the host's model management.

    Raises:
        InputError: the file is gone, damaged, unsafe, not a face model or one that needs another package.
    """
    path = next(filter(None, (folder_paths.get_full_path(folder, name) for folder in _MODEL_FOLDERS)), None)
    model = face_model_from_state_dict(name, _read(name, path, "face_model_name"))
    patcher_of(model)
    return model


def restore(
    image: torch.Tensor,
    face_model: Any,
    visibility: float,
    codeformer_weight: float,
    detection: str,
    face_landmarks: Any = None,
    min_confidence: float = 0.8,
) -> tuple[torch.Tensor, int, list[list[dict[str, Any]]]]:
    """Find the faces of pictures and restore them.

    Args:
        image: `(B, H, W, C)`, 0 to 1; grey, RGB, both with or without alpha.
        face_model: ours, or core's UPSCALE_MODEL that is one.
        visibility: 0 to 1: how much of the restored picture is laid over the original.
        codeformer_weight: 0 (strongest) to 1; other models have none.
        min_confidence: 0 to 1: what a detector of ours leaves out.

    Returns:
        The pictures, the number of faces, and for every picture the boxes as core's BOUNDING_BOX.

    Raises:
        InputError: of the picture, the model, the landmarks or the detector.
    """
    check_image(image, "image")
    model = face_model if isinstance(face_model, FaceModel) else face_model_from_descriptor(face_model)
    count, height, width, channels = image.shape
    # the result, and of one picture what a detector looks at and what is laid over it
    needed = memory.pictures((width, height), count, channels) + 2 * memory.pictures((width, height))
    check_memory(f"the faces of {count} pictures of {width}x{height} pixels are restored", needed, "image")
    faces = _find(image, detection, face_landmarks, min_confidence)
    runtime = HostRuntime()
    if visibility > 0 and any(faces):
        comfy.model_management.load_models_gpu([patcher_of(model)], memory_required=_WORKING_MEMORY)

    def run(face: torch.Tensor) -> torch.Tensor:
        return model(face.to(runtime.device, model.dtype), codeformer_weight).to(face)

    restored, boxes = restore_faces(image, faces, run, visibility, runtime.progress)
    named = [
        [{"x": box.x0, "y": box.y0, "width": box.width, "height": box.height, "label": "face"} for box in found]
        for found in boxes
    ]
    return restored, sum(map(len, boxes)), named


def _find(image: torch.Tensor, detection: str, landmarks: Any, confidence: float) -> list[list[Placement]]:
    batch, height, width, _ = image.shape
    if detection == WHOLE_PICTURE:
        return [[whole_picture(width, height)]] * batch
    if detection != FROM_LANDMARKS:
        points = _detect(image, detection, confidence)
    elif landmarks is None:
        raise InputError(
            f"detection is '{FROM_LANDMARKS}', but none are connected. Connect Detect Face Landmarks (MediaPipe), put "
            f"a YuNet file into models/{_DETECTOR_FOLDER} and choose it, or choose '{WHOLE_PICTURE}'.",
            "face_landmarks",
        )
    else:
        points = points_of_landmarks(landmarks, width, height, batch)
    return [[face for face in map(place, found) if face is not None] for found in points]


def _detect(image: torch.Tensor, name: str, confidence: float) -> list[list[FacePoints]]:
    path = folder_paths.get_full_path(_DETECTOR_FOLDER, name)
    network = yunet_from_state_dict(name, _read(name, path, "detection"))
    found = []
    for picture in image:
        comfy.model_management.throw_exception_if_processing_interrupted()
        found.append([face.points for face in detect_faces(network, picture, confidence)])
    return found


def _read(name: str, path: str | None, input_name: str) -> Mapping[str, Any]:
    """Read a file's weights; `path` is None where it is gone."""
    if path is None:
        raise InputError(f"there is no file '{name}' any more. Put it back, or choose another.", input_name)
    try:
        return read_weights(path)
    except UnreadableFileError as error:
        raise InputError(f"'{name}' cannot be used: {error}. Download it again.", input_name) from error
