"""A1111's face restoration: GFPGAN and CodeFormer, on any picture."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..host.upscaling.faces import (
    FROM_LANDMARKS,
    WHOLE_PICTURE,
    detection_names,
    face_model_names,
    load_face_model,
    restore,
)
from . import inputs
from .errors import input_errors
from .registry import PackNode, node

FaceModelType = io.Custom("HIRES_FIX_FACE_MODEL")
FaceLandmarksType = io.Custom("FACE_LANDMARKS")


@node(150, "GFPGAN, RestoreFormer, CodeFormer", a1111={"face_model_name": "GFPGAN, CodeFormer"})
class HiresFixFaceModelLoader(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixFaceModelLoader",
            display_name="Load Face Restore Model",
            category=inputs.CATEGORY,
            description="A model that restores faces: GFPGAN or RestoreFormer, and CodeFormer if the package "
            "spandrel_extra_arches is installed.",
            search_aliases=["gfpgan", "codeformer", "restoreformer", "face restoration", "face fix"],
            inputs=[
                io.Combo.Input(
                    "face_model_name",
                    options=face_model_names(),
                    tooltip="Files in models/face_restore, models/facerestore_models and models/upscale_models.",
                )
            ],
            outputs=[FaceModelType.Output(display_name="face_model", tooltip="For Restore Faces.")],
        )

    @classmethod
    def execute(cls, face_model_name: str) -> io.NodeOutput:
        with input_errors(cls, "face_model_name"):
            return io.NodeOutput(load_face_model(face_model_name))


@node(
    160,
    "several faces a picture, visibility, CodeFormer weight; everything outside a face untouched",
    a1111={"visibility": "GFPGAN or CodeFormer: Visibility", "codeformer_weight": "CodeFormer: Weight"},
)
class HiresFixRestoreFaces(PackNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="HiresFixRestoreFaces",
            display_name="Restore Faces",
            category=inputs.CATEGORY,
            description="Restores the faces of pictures with GFPGAN, CodeFormer or RestoreFormer, as A1111 does: each "
            "is turned upright, restored and laid back with a soft edge. All else stays as it is. Use it after "
            "upscaling. Without a face the pictures come back unchanged.",
            search_aliases=["gfpgan", "codeformer", "face restoration", "restore face", "fix faces", "extras tab"],
            inputs=[
                io.Image.Input("image", tooltip="The pictures; grey and transparent ones, too."),
                io.MultiType.Input(
                    "face_model",
                    types=[FaceModelType, io.UpscaleModel],
                    tooltip="From Load Face Restore Model, or a face model from core's Load Upscale Model.",
                ),
                inputs.share(
                    "visibility",
                    1.0,
                    "How much of the restored picture is laid over the original: A1111's gfpgan_visibility or "
                    "codeformer_visibility.",
                    round=None,
                ),
                inputs.share(
                    "codeformer_weight",
                    0.5,
                    "Only for CodeFormer. 0: strongest; 1: closest to the face as it was.",
                    round=None,
                ),
                inputs.choice(
                    "detection",
                    detection_names(),
                    f"How faces are found. {FROM_LANDMARKS}: by core's Detect Face Landmarks (MediaPipe), "
                    f"connected to face_landmarks. {WHOLE_PICTURE}: the picture is one upright, aligned face. A file: "
                    "a YuNet detector (yunet_final.pth) in models/face_detection.",
                    default=FROM_LANDMARKS,
                ),
                FaceLandmarksType.Input(
                    "face_landmarks",
                    optional=True,
                    tooltip=f"Used by '{FROM_LANDMARKS}'. They may come from the same pictures in another size, for "
                    "example from before the upscaling.",
                ),
                io.Float.Input(
                    "min_confidence",
                    default=0.8,
                    min=0.3,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    advanced=True,
                    tooltip="Used by YuNet: finds that it is less sure of are left out. Lower finds more, also things "
                    "that are no faces.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The pictures with restored faces."),
                io.Int.Output(display_name="faces", tooltip="Number of faces in all pictures."),
                io.BoundingBox.Output(
                    display_name="bboxes", tooltip="For every picture the parts that its restored faces cover."
                ),
            ],
        )

    @classmethod
    def execute(cls, **asked: Any) -> io.NodeOutput:
        with input_errors(cls, "image"):
            return io.NodeOutput(*restore(**asked))
