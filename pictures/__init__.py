"""Picture files: read and written with their depth, colour profile and texts; series, streams and whole folders.

Used as a library: `read_picture`, `write_picture`, `read_texts`. Each room imports those before it: `base`, `formats`,
then this one with `streams` beside it, then `folders`. Imports `hires`, never the host.
"""

from .base.errors import PictureError
from .base.picture import PARAMETERS, FileFacts, Picture
from .read import read_picture, read_texts
from .write import DEEP_FORMATS, EXTENSIONS, FORMATS, PictureFormat, write_picture

__all__ = [
    "DEEP_FORMATS",
    "EXTENSIONS",
    "FORMATS",
    "PARAMETERS",
    "FileFacts",
    "Picture",
    "PictureError",
    "PictureFormat",
    "read_picture",
    "read_texts",
    "write_picture",
]
