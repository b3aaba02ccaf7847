"""EXIF blocks read by the letter of TIFF 6.0, as strict programs do: also the types of the values count."""

import struct

EXIF_IFD = 0x8769
BYTE, ASCII, UNDEFINED = 1, 2, 7
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}


def entries(data, directory=0):
    """The tags of a block or classic TIFF file, or of one of its inner directories: type and bytes by number."""
    order = {b"II": "<", b"MM": ">"}[data[:2]]
    found = _directory(data, struct.unpack_from(f"{order}I", data, 4)[0], order)
    return found if not directory else _directory(data, struct.unpack(f"{order}I", found[directory][1])[0], order)


def _directory(data, place, order):
    found = {}
    for at in range(place + 2, place + 2 + 12 * struct.unpack_from(f"{order}H", data, place)[0], 12):
        tag, kind, count = struct.unpack_from(f"{order}HHI", data, at)
        size = count * _SIZES[kind]
        start = at + 8 if size <= 4 else struct.unpack_from(f"{order}I", data, at + 8)[0]
        found[tag] = kind, data[start : start + size]
    return found
