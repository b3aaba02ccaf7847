"""What TIFF files say about their picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

from PIL import Image, TiffImagePlugin

from ..metadata import EXIF_IFD, GPS_IFD, INTEROPERABILITY, to_block
from ..picture import XMP, PictureError

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# tags of TIFF 6.0 and its supplements
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_OFFSETS, CHANNELS, ROWS_PER_STRIP, STRIP_SIZES = 273, 277, 278, 279
X_RESOLUTION, Y_RESOLUTION, PLANES, RESOLUTION_UNIT, PREDICTOR = 282, 283, 284, 296, 317
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_SIZES = 322, 323, 324, 325
FILL_ORDER = 266
EXTRA_CHANNELS, NUMBER_FORMAT, XMP_PACKET, ICC_PROFILE = 338, 339, 700, 34675
ORIENTATION = 274
DESCRIPTIONS = (269, 270, 271, 272, 305, 306, 315, 33432)
"""Document name, description, make, model, software, date, artist, copyright: EXIF has them under the same numbers."""

_INCH, _CENTIMETRE = 2, 3


@dataclass(frozen=True)
class TiffInfo:
    """The tags of the first picture in a TIFF file."""

    tags: dict[int, Any]
    """As Pillow reads them: a number, a string, bytes, or a tuple of numbers."""

    exif: bytes | None
    """The tags that also an EXIF block has, as such a block."""

    big: bool
    """A BigTIFF file."""

    order: str
    """Of the bytes of a number: "<" low first, ">" high first."""

    @property
    def depth(self) -> int:
        """Bits a channel.

        Raises:
            PictureError: not the same in all channels.
        """
        bits = set(as_tuple(self.tags.get(BITS, 1)))
        if len(bits) != 1:
            raise PictureError(f"its channels have different depths ({sorted(bits)} bits)")
        return bits.pop()

    @property
    def icc(self) -> bytes | None:
        """Colour profile."""
        profile = self.tags.get(ICC_PROFILE)
        return profile if isinstance(profile, bytes) else None

    @property
    def text(self) -> dict[str, str]:
        """The XMP packet, if there is one."""
        packet = self.tags.get(XMP_PACKET)
        return {XMP: packet.decode("utf-8", "replace")} if isinstance(packet, bytes) else {}

    @property
    def dpi(self) -> tuple[float, float] | None:
        """Pixels an inch, across and down."""
        across, down = (float(self.tags.get(tag, 0)) for tag in (X_RESOLUTION, Y_RESOLUTION))
        factor = {_INCH: 1.0, _CENTIMETRE: 2.54}.get(self.tags.get(RESOLUTION_UNIT, _INCH))
        return (across * factor, down * factor) if factor and across > 0 and down > 0 else None


def read_info(file: BinaryIO) -> TiffInfo:
    """Read the tags of the first picture. Damaged ones raise whatever Pillow raises.

    Raises:
        PictureError: of a kind that Pillow does not read.
    """
    head = file.read(8)
    big = b"+" in head[:4]
    if big and head.startswith(b"MM"):
        raise PictureError("it is a BigTIFF file with the high byte first. Save it with the low byte first")
    head += file.read(8) if big else b""
    directory = TiffImagePlugin.ImageFileDirectory_v2(head)
    tags = _directory(file, directory, directory.next)
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
    return TiffInfo(tags, to_block(exif), big, "<" if head.startswith(b"II") else ">")


def _directory(file: BinaryIO, directory: TiffImagePlugin.ImageFileDirectory_v2, offset: int) -> dict[int, Any]:
    file.seek(offset)
    directory.load(file)
    return {
        tag: value[0] if isinstance(value, tuple) and len(value) == 1 else value for tag, value in directory.items()
    }


def as_tuple(value: Any) -> tuple[Any, ...]:
    """Return the numbers of a tag, one or several."""
    return value if isinstance(value, tuple) else (value,)
