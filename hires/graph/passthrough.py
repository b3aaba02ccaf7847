"""Nodes that change nothing of a picture: they hand it on in another form, show it, or hold a number."""

from __future__ import annotations

DECODERS = ("VAEDecode", "VAEDecodeTiled")
ENCODERS = ("VAEEncode", "VAEEncodeTiled")
ENCODE_ANY_SIZE, DECODE_TO_SIZE = "HiresFixEncodeAnySize", "HiresFixDecodeToSize"
IMAGE_SIZE = "GetImageSize"

PRIMITIVES = ("PrimitiveInt", "PrimitiveFloat", "PrimitiveBoolean", "PrimitiveString")
"""Those whose value is an input of that name; there are more, see `changes_nothing`."""

_OTHERS = ("PreviewImage", "Reroute")

UNCHANGING = frozenset((*DECODERS, *ENCODERS, ENCODE_ANY_SIZE, DECODE_TO_SIZE, IMAGE_SIZE, *PRIMITIVES, *_OTHERS))


def changes_nothing(kind: str) -> bool:
    """Whether nodes of this type do not change what a picture shows."""
    return kind in UNCHANGING or kind.startswith("Primitive")
