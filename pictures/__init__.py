"""Picture files: read and written with their depth, colour profile and texts."""

from .metadata import PARAMETERS
from .picture import Picture, PictureError
from .read import read_picture
from .texts import read_texts
from .write import DEEP_FORMATS, EXTENSIONS, FORMATS, PictureFormat, write_picture

__all__ = [
    "DEEP_FORMATS",
    "EXTENSIONS",
    "FORMATS",
    "PARAMETERS",
    "Picture",
    "PictureError",
    "PictureFormat",
    "read_picture",
    "read_texts",
    "write_picture",
]
