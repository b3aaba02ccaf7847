"""Nodes that a picture may come through, or take numbers from, and show the same after."""

_PASSTHROUGH = frozenset(
    (
        *("HiresFixRenoise", "HiresFixEncodeAnySize", "HiresFixDecodeToSize", "HiresFixTargetSize"),
        *("VAEDecode", "VAEDecodeTiled", "VAEEncode", "VAEEncodeTiled", "GetImageSize", "PreviewImage", "Reroute"),
    )
)


def changes_nothing(kind: str) -> bool:
    """Whether nodes of this class leave what a picture shows as it is."""
    return kind in _PASSTHROUGH or kind.startswith("Primitive")
