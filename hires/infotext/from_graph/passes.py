"""The samplings of a picture, as far as A1111's generation text has words for them."""

from __future__ import annotations

from ...errors import InputError
from .walk import PictureGraph

_FIRST, _SECOND = "HiresFixBaseSampling", "HiresFixSecondSampling"


class NoWordsError(InputError):
    """The pack's samplings draw the picture, but in a way that A1111's text has no words for."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message, "images")
        self.reason = reason


class OtherSamplerError(NoWordsError):
    """No sampling of the pack draws the picture, but another node does."""


def passes_of(walk: PictureGraph, node_id: str) -> tuple[str, str | None]:
    """The nodes of the first and the second pass of the picture that reaches a node.

    Raises:
        InputError: neither Base Sampling nor Second Sampling draws it; OtherSamplerError if another node does.
        NoWordsError: anything but one Base Sampling, followed by at most one Second Sampling.
    """
    drawing = [node for node in walk.way(node_id) if walk[node].kind in (_FIRST, _SECOND) or walk.draws(node)]
    firsts, seconds = ([node for node in drawing if walk[node].kind == kind] for kind in (_FIRST, _SECOND))
    others = sorted({walk[node].kind for node in drawing if walk[node].kind not in (_FIRST, _SECOND)})
    if not firsts and not seconds:
        missing = "no Base Sampling or Second Sampling leads to this picture"
        if others:
            names = " and ".join(others)
            raise OtherSamplerError(
                f"{names} draws it",
                f"{missing}, but {names}: settings are read off those two alone. Connect a picture that one of "
                "them made, or link a text of your own to the save node.",
            )
        raise InputError(
            f"{missing}, so there are no settings to write. Connect a picture that one of them made.", "images"
        )
    if not firsts:
        raise NoWordsError(
            "it begins with another picture",
            "the picture is made from one that was there before. A1111's infotext has words only for pictures that "
            "begin with Base Sampling. Connect one of those, or link a text of your own to the save node.",
        )
    first, second = firsts[0], next(iter(seconds), None)
    if len(drawing) > 1 + bool(second) or (second and first not in walk.way(second)):
        reasons = [
            *([f"{_number(len(firsts))} first passes"] if len(firsts) > 1 else []),
            *([f"{_number(len(seconds))} second passes"] if len(seconds) > 1 else []),
            *([f"{' and '.join(others)} besides"] if others else []),
        ]
        reason = ", ".join(reasons) or "a second pass of another picture"
        raise NoWordsError(
            reason,
            f"the graph has {reason}. A1111's infotext has words for one Base Sampling and one Second Sampling; "
            "here other nodes sample or take prompts on the way to this picture. Connect the picture before them, "
            "or link a text of your own to the save node.",
        )
    return first, second


def _number(count: int) -> str:
    return {2: "two", 3: "three", 4: "four"}.get(count, str(count))
