"""Face restoration: find the five points of a face, turn it upright, restore it, put it back.

Used as a library: what others need is named here. May import `models` (how networks are loaded) and `hires`.
"""

from .alignment import FACE_SIZE, FacePoints, Similarity
from .landmarks import points_of_landmarks
from .model import FaceModel, FaceModelError, face_model_from_descriptor, face_model_from_state_dict
from .restore import Placement, place, restore_faces, whole_picture
from .yunet import YuNet, detect_faces, yunet_from_state_dict

__all__ = [
    "FACE_SIZE",
    "FaceModel",
    "FaceModelError",
    "FacePoints",
    "Placement",
    "Similarity",
    "YuNet",
    "detect_faces",
    "face_model_from_descriptor",
    "face_model_from_state_dict",
    "place",
    "points_of_landmarks",
    "restore_faces",
    "whole_picture",
    "yunet_from_state_dict",
]
