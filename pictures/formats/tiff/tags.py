"""What TIFF files say about their picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, TiffImagePlugin

from ...base.directories import EXIF_IFD, GPS_IFD, INTEROPERABILITY
from ...base.errors import PictureError
from ...base.exif import to_block
from ...base.picture import XMP, FileFacts

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# tags of TIFF 6.0 and its supplements
PAGE_KIND, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 254, 256, 257, 258, 259, 262, 266
STRIP_OFFSETS, ORIENTATION, CHANNELS, ROWS_PER_STRIP, STRIP_SIZES = 273, 274, 277, 278, 279
X_RESOLUTION, Y_RESOLUTION, PLANES, RESOLUTION_UNIT, PREDICTOR = 282, 283, 284, 296, 317
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 322, 323, 324, 325
EXTRA_CHANNELS, NUMBER_FORMAT, XMP_PACKET, ICC_PROFILE = 338, 339, 700, 34675
DESCRIPTIONS = (269, 270, 271, 272, 305, 306, 315, 33432)
"""Document name, description, make, model, software, date, artist, copyright: EXIF has them under the same numbers."""

PLAIN, LZW, DEFLATE, OLD_DEFLATE, PACKBITS, LZMA, ZSTD = 1, 5, 8, 32946, 32773, 34925, 50000
"""Methods of compression."""

DIFFERENCES, FLOAT_DIFFERENCES = 2, 3
"""Predictors."""

IGNORED, MULTIPLIED, STRAIGHT_ALPHA = 0, 1, 2
"""What an extra channel is."""

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK, CIELAB, ICCLAB = 0, 1, 2, 5, 8, 9
"""Photometric interpretations."""

_INCH, _CENTIMETRE = 2, 3
_NUMBER_KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}  # the last is "undefined"


@dataclass(frozen=True)
class TiffInfo:
    """The tags of a picture in a TIFF file."""

    tags: dict[int, Any]
    """As Pillow reads them: a number, a string, bytes, or a tuple of numbers."""
    exif: bytes | None
    """The tags that also an EXIF block has, as such a block."""
    order: str
    """Of the bytes of a number: "<" low first, ">" high first."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels. Raises PictureError if it does not say."""
        try:
            return self.tags[WIDTH], self.tags[HEIGHT]
        except KeyError as error:
            raise PictureError("it is damaged: it does not say how large it is") from error

    @property
    def channels(self) -> int:
        """Values a pixel."""
        return self.tags.get(CHANNELS, 1)

    @property
    def photometric(self) -> int:
        """What the values mean; -1 if it does not say."""
        return self.tags.get(PHOTOMETRIC, -1)

    @property
    def compression(self) -> int:
        """How they are packed."""
        return self.tags.get(COMPRESSION, PLAIN)

    @property
    def orientation(self) -> int:
        """As EXIF has it."""
        return self.tags.get(ORIENTATION, 1)

    @property
    def bits(self) -> int:
        """Bits a channel. Raises PictureError if they are not the same in all."""
        bits = set(as_tuple(self.tags.get(BITS, 1)))
        if len(bits) != 1:
            raise PictureError(f"its channels have different depths ({sorted(bits)} bits)")
        return bits.pop()

    @property
    def number_kind(self) -> str:
        """The kind of the numbers, as numpy has it; "?" if they are of several or others."""
        formats = set(as_tuple(self.tags.get(NUMBER_FORMAT, 1)))
        return _NUMBER_KINDS.get(formats.pop(), "?") if len(formats) == 1 else "?"

    @property
    def number_type(self) -> np.dtype:
        """The numbers as they lie in the file. Raises PictureError if numpy does not know such numbers."""
        try:
            return np.dtype(f"{self.order}{self.number_kind}{self.bits // 8}" if self.bits % 8 == 0 else "")
        except TypeError as error:
            raise PictureError(
                f"it has {self.bits} bits a channel, of a kind of numbers that is not known. Convert it to 8 or 16"
            ) from error

    @property
    def facts(self) -> FileFacts:
        """What is said besides the pixels; the EXIF block as it is in the file."""
        profile, packet = self.tags.get(ICC_PROFILE), self.tags.get(XMP_PACKET)
        across, down = (float(self.tags.get(tag, 0)) for tag in (X_RESOLUTION, Y_RESOLUTION))
        factor = {_INCH: 1.0, _CENTIMETRE: 2.54}.get(self.tags.get(RESOLUTION_UNIT, _INCH))
        return FileFacts(
            depth=8 if max(as_tuple(self.tags.get(BITS, 1)), default=1) <= 8 else 16,
            icc=profile if isinstance(profile, bytes) else None,
            exif=self.exif,
            text={XMP: packet.decode("utf-8", "replace")} if isinstance(packet, bytes) else {},
            dpi=(across * factor, down * factor) if factor and across > 0 and down > 0 else None,
        )


def read_info(file: BinaryIO, place: int | None = None) -> TiffInfo:
    """Read the tags of the first picture, or of the page at this place. Damaged ones raise whatever Pillow raises,
    PictureError a kind that it does not read.
    """
    file.seek(0)
    head = file.read(8)
    big = b"+" in head[:4]
    if big and head.startswith(b"MM"):
        raise PictureError("it is a BigTIFF file with the high byte first. Save it with the low byte first")
    head += file.read(8) if big else b""
    directory = TiffImagePlugin.ImageFileDirectory_v2(head)
    tags = _directory(file, directory, directory.next if place is None else place)
    exif = Image.Exif()
    for tag in DESCRIPTIONS:
        # scientific programs describe the shape of the array there, which would be wrong in a copy
        if tag in tags and not str(tags[tag]).startswith('{"shape"'):
            exif[tag] = tags[tag]
    for tag in (EXIF_IFD, GPS_IFD):
        if tag in tags:
            inner = _directory(file, TiffImagePlugin.ImageFileDirectory_v2(head, group=tag), tags[tag])
            inner.pop(INTEROPERABILITY, None)  # the place of further tags, which nobody needs
            exif[tag] = inner
    return TiffInfo(tags, to_block(exif), "<" if head.startswith(b"II") else ">")


def _directory(file: BinaryIO, directory: TiffImagePlugin.ImageFileDirectory_v2, offset: int) -> dict[int, Any]:
    file.seek(offset)
    directory.load(file)
    return {
        tag: value[0] if isinstance(value, tuple) and len(value) == 1 else value for tag, value in directory.items()
    }


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return the numbers of a tag, one or several."""
    return value if isinstance(value, tuple) else (value,)
