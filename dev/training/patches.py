"""Pairs of patches to learn from: a small picture, and the large one that it was made from."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from . import procedural
from .procedural import Rng

Pixels = NDArray[np.uint8]
"""(H, W, 3)"""

SIDE = 512
"""Of a procedural picture."""

REDUCTIONS = (1.0, 0.7, 0.5)
"""A photograph is also used at these sizes: finer structures, less noise, sharper edges."""

LARGEST_PHOTOGRAPH = 2400
"""Longest side in pixels; more of one subject teaches little."""

PLAIN = 8
"""One patch in so many is a checkerboard."""

COLOURS = 6
"""Flat colours that go with a batch, most of them near the ends of a channel, where borders show first."""

MARGIN = 8
"""Input pixels around a patch that is made worse, so that its own border is not special."""


@dataclass(frozen=True)
class Patches:
    """One batch."""

    small: Pixels
    """(N, side, side, 3)"""
    large: Pixels
    """(N, side * scale, side * scale, 3)"""
    plain: NDArray[np.bool_]
    """(N,) Which are checkerboards."""
    colours: NDArray[np.float32]
    """(COLOURS, 3) in [0, 1]. A picture that is nothing but one of them must stay so."""


class Pool:
    """All pictures to learn from, and batches of pieces of them."""

    def __init__(self, photographs: list[Pixels], drawings: list[Pixels], scale: int, soft: bool) -> None:
        """Reduce all pictures; half of the patches come from the photographs. `soft`: `worsen` the small ones."""
        self._scale = scale
        self._soft = soft
        self._groups = [_pairs(_reduced(photographs), scale), _pairs(drawings, scale)]
        self._weights = []
        for group in self._groups:
            areas = np.array([np.sqrt(small.shape[0] * small.shape[1]) for small, _ in group])
            self._weights.append(areas / areas.sum())

    def batch(self, rng: Rng, count: int, side: int) -> Patches:
        """Return `count` patches of `side` input pixels; the state of `rng` decides everything."""
        plain = np.arange(count) % PLAIN == PLAIN - 1
        pairs = [self._plain(rng, side) if is_plain else self._piece(rng, side) for is_plain in plain]
        small, large = (np.stack(pixels) for pixels in zip(*pairs, strict=True))
        return Patches(small, large, plain, rng.beta(0.4, 0.4, (COLOURS, 3)).astype(np.float32))

    def _piece(self, rng: Rng, side: int) -> tuple[Pixels, Pixels]:
        group = int(rng.integers(2))
        small, large = self._groups[group][rng.choice(len(self._weights[group]), p=self._weights[group])]
        margin, scale = MARGIN * self._soft, self._scale
        whole = side + 2 * margin
        # of two places the livelier one: most of a photograph is sky and walls
        places = [
            (int(rng.integers(small.shape[0] - whole + 1)), int(rng.integers(small.shape[1] - whole + 1))) for _ in "12"
        ]
        top, left = max(places, key=lambda at: float(small[at[0] : at[0] + whole, at[1] : at[1] + whole].std()))
        source = small[top : top + whole, left : left + whole]
        target = large[top * scale : (top + whole) * scale, left * scale : (left + whole) * scale]
        if self._soft:
            source = worsen(rng, target, scale)[margin:-margin, margin:-margin]
            target = target[margin * scale : -margin * scale, margin * scale : -margin * scale]
        return _turned(rng, source, target)

    def _plain(self, rng: Rng, side: int) -> tuple[Pixels, Pixels]:
        colours = rng.integers(0, 256, (2, 3))
        if rng.random() < 0.25:
            colours = rng.choice([0, 255], (2, 1)).repeat(3, 1)
        # squares of one input pixel lie on the pixels: between them they cannot be told from their mean
        square = self._scale * int(rng.choice([1, 2, 3, 4, 6, 8]))
        drawn = rng.random() < 0.7
        shift = int(rng.integers(square)) if square > self._scale and not drawn else 0
        ys, xs = np.indices((side * self._scale,) * 2)
        large = np.where((((ys + shift) // square + xs // square) % 2)[..., None], *colours).astype(np.uint8)
        if drawn:  # as a program draws them small: no lens and no filter has been at their edges
            return large[:: self._scale, :: self._scale], large
        return worsen(rng, large, self._scale) if self._soft else reduced(large, self._scale), large


def reduced(large: Pixels, scale: int) -> Pixels:
    """A picture at 1/scale of its size by Pillow's bicubic filter; its sides are multiples of the scale."""
    size = (large.shape[1] // scale, large.shape[0] // scale)
    return np.asarray(Image.fromarray(large).resize(size, Image.Resampling.BICUBIC))


def worsen(rng: Rng, large: Pixels, scale: int) -> Pixels:
    """A picture at 1/scale of its size as it comes from the web: blurred, noisy, a JPEG of quality 30 to 95."""
    image = Image.fromarray(large)
    if rng.random() < 0.7:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.6) * scale))
    methods = [Image.Resampling.BICUBIC, Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.BOX]
    method = methods[int(rng.integers(len(methods)))]
    image = image.resize((image.width // scale, image.height // scale), method)
    if rng.random() < 0.6:
        grey = rng.random() < 0.4
        noise = rng.normal(0, rng.uniform(0, 8), (image.height, image.width, 1 if grey else 3))
        image = Image.fromarray(np.clip(np.rint(np.asarray(image) + noise), 0, 255).astype(np.uint8))
    if rng.random() < 0.9:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(rng.integers(30, 96)), subsampling=int(rng.choice([0, 2])))
        image = Image.open(file)
    return np.asarray(image.convert("RGB"))


def drawings(count: int, seed: int, folder: Path) -> list[Pixels]:
    """Return procedural pictures, drawn once and kept in a folder for the next run."""
    key = hashlib.sha256(Path(procedural.__file__).read_bytes() + f"{count} {seed}".encode()).hexdigest()[:16]
    file = folder / f"drawings-{key}.npy"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        found = [procedural.procedural_picture(np.random.default_rng([seed, i]), SIDE) for i in range(count)]
        temporary = file.with_suffix(".tmp")
        with open(temporary, "wb") as stream:
            np.save(stream, np.stack(found))
        temporary.replace(file)
    return list(np.load(file))


def _reduced(photographs: list[Pixels]) -> list[Pixels]:
    found = []
    for pixels in photographs:
        image = Image.fromarray(pixels)
        image.thumbnail((LARGEST_PHOTOGRAPH, LARGEST_PHOTOGRAPH), Image.Resampling.BICUBIC)
        for part in REDUCTIONS:
            size = (round(image.width * part), round(image.height * part))
            if min(size) >= SIDE // 2:
                found.append(np.asarray(image.resize(size, Image.Resampling.BICUBIC)))
    return found


def _pairs(pictures: list[Pixels], scale: int) -> list[tuple[Pixels, Pixels]]:
    whole = [large[: large.shape[0] // scale * scale, : large.shape[1] // scale * scale] for large in pictures]
    return [(reduced(large, scale), large) for large in whole]


def _turned(rng: Rng, small: Pixels, large: Pixels) -> tuple[Pixels, Pixels]:
    """Both mirrored, turned, at times with other channels or as a negative, in the same way."""
    turns, mirrored, negative = int(rng.integers(4)), rng.random() < 0.5, rng.random() < 0.1
    channels = rng.permutation(3) if rng.random() < 0.3 else np.arange(3)

    def change(pixels: Pixels) -> Pixels:
        pixels = np.rot90(pixels[:, ::-1] if mirrored else pixels, turns)[..., channels]
        return 255 - pixels if negative else pixels

    return change(small), change(large)
