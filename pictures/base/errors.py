"""What goes wrong with a picture file, in sentences that name it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from ...hires.errors import InputError


class PictureError(InputError):
    """A picture file cannot be read or written. The text names the file and the reason."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Make a PictureError with the file's name of whatever goes wrong inside."""
    try:
        yield
    except PictureError as error:
        raise PictureError(f"'{path.name}' cannot be read: {error}.", "image") from error
    except Image.DecompressionBombError as error:  # WebP and TIFF ask the limit that all of the host shares
        raise PictureError(f"'{path.name}' cannot be read: it has more pixels than Pillow takes.", "image") from error
    except MemoryError as error:
        raise PictureError(f"'{path.name}' cannot be read: there is not enough memory for it.", "image") from error
    except Exception as error:  # every format and decoder has its own complaints about a damaged file
        system = isinstance(error, OSError) and error.strerror
        reason = system or f"it is damaged or cut off ({type(error).__name__}: {error})"
        raise PictureError(f"'{path.name}' cannot be read: {reason}.", "image") from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file in what goes wrong while it is written."""
    try:
        yield
    except OSError as error:
        raise PictureError(f"'{path.name}' cannot be written: {error.strerror or error}.") from error
    except PictureError as error:
        if error.input_name == "image":  # of a file that is read meanwhile, and already named
            raise
        raise PictureError(f"'{path.name}' cannot be written: {error}.", error.input_name) from error
