"""Pictures drawn by chance, to learn upscaling from: dead leaves, noise fields, strands, text, line art, flat pieces.

Everything is drawn at twice the size and averaged, so that edges are those of a camera and not of a drawing program.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

Rng = np.random.Generator

Field = NDArray[np.float32]
"""(H, W) or (H, W, 3)"""

OVERSAMPLING = 2

SMALLEST_LEAF, LARGEST_LEAF = 3.0, 0.35
"""Radius in pixels of the large drawing, and as a part of its side."""

TEXTURED_LEAF = 20.0
"""Radius from which a leaf has a texture of its own."""

SOFT = 0.4
"""Part of the pictures that a lens has blurred a little."""

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;-+*/=()!?&%$#@"


def procedural_picture(rng: Rng, size: int) -> NDArray[np.uint8]:
    """Draw one picture of a kind chosen by chance, (size, size, 3); the state of `rng` decides everything."""
    kinds = list(KINDS)
    weights = np.array([weight for _, weight in kinds])
    draw = kinds[rng.choice(len(kinds), p=weights / weights.sum())][0]
    large = draw(rng, size * OVERSAMPLING)
    if draw is not flat_pieces and rng.random() < SOFT:
        large = gaussian_filter(large, (rng.uniform(0.5, 2.5),) * 2 + (0,))
    picture = large.reshape(size, OVERSAMPLING, size, OVERSAMPLING, 3).mean((1, 3))
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def dead_leaves(rng: Rng, side: int) -> Field:
    """Shapes that hide one another, with radii by the law 1/r^3 that photographs follow, and textures inside."""
    palette = _palette(rng, 24)
    canvas = _textured(rng, side, side, palette)
    low, high = SMALLEST_LEAF * rng.uniform(1, 4), side * LARGEST_LEAF
    radii = 1 / np.sqrt(rng.uniform(high**-2, low**-2, int(rng.uniform(1500, 4000))))
    curved = rng.random()
    for radius in radii:
        x, y = rng.uniform(0, side, 2)
        outline = _outline(rng, x, y, radius, curved)
        left, top = np.maximum(np.floor(outline.min(0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(outline.max(0)).astype(int) + 1, side)
        if right <= left or bottom <= top:
            continue
        mask = Image.new("L", (int(right - left), int(bottom - top)))
        ImageDraw.Draw(mask).polygon([(px - left, py - top) for px, py in outline], fill=1)
        inside = np.asarray(mask, dtype=bool)
        part = canvas[top:bottom, left:right]
        if radius < TEXTURED_LEAF:
            part[inside] = _colour(rng, palette)
        else:
            part[inside] = _textured(rng, part.shape[0], part.shape[1], palette)[inside]
    return canvas


def noise_fields(rng: Rng, side: int) -> Field:
    """Clouds, soil, marble: noise with a spectrum of 1/f^a, at times cut into regions."""
    palette = _palette(rng, 6)
    picture = _textured(rng, side, side, palette)
    for _ in range(int(rng.integers(0, 3))):
        field = _coloured_noise(rng, side, side, rng.uniform(1.0, 2.2))
        cover = field > rng.normal(0, 0.7)
        picture[cover] = _textured(rng, side, side, palette)[cover]
    return picture


def strands(rng: Rng, side: int) -> Field:
    """Hair, fur, grass: many thin curves along a flow."""
    palette = _palette(rng, 5)
    image = Image.fromarray(_textured(rng, side, side, palette).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    flow = _coloured_noise(rng, side, side, 2.4) * rng.uniform(0.2, 1.2) + rng.uniform(0, 2 * np.pi)
    length, width = rng.uniform(15, 140), rng.uniform(1, 6)
    for _ in range(int(rng.uniform(1500, 4000))):
        x, y = rng.uniform(0, side, 2)
        points = [(x, y)]
        for _ in range(5):
            angle = flow[int(y) % side, int(x) % side]
            x, y = x + np.cos(angle) * length / 5, y + np.sin(angle) * length / 5
            points.append((x, y))
        colour = np.clip(_colour(rng, palette) * rng.uniform(0.6, 1.3), 0, 255)
        pen.line(points, fill=_fill(colour), width=max(1, round(width * rng.uniform(0.5, 1.2))), joint="curve")
    return np.asarray(image, dtype=np.float32).copy()


def text(rng: Rng, side: int) -> Field:
    """Lines of letters of several sizes, weights and slants."""
    palette = _palette(rng, 4)
    image = Image.fromarray(_ground(rng, side, palette).astype(np.uint8))
    y = 0.0
    while y < side:
        height = int(rng.uniform(14, 60) if rng.random() < 0.8 else rng.uniform(60, 220))
        words = ["".join(rng.choice(list(LETTERS), int(rng.integers(1, 10)))) for _ in range(2 + side // (2 * height))]
        mask = Image.new("L", (side, int(height * 1.5)))
        bold = int(rng.integers(0, 1 + max(1, height // 18)))
        font = ImageFont.load_default(height)
        ImageDraw.Draw(mask).text((4, 0), " ".join(words), fill=255, font=font, stroke_width=bold)
        slant, wide = rng.uniform(-0.3, 0.3) * (rng.random() < 0.5), rng.uniform(0.7, 1.3)
        mask = mask.transform(mask.size, Image.Transform.AFFINE, (wide, slant, 0, 0, 1, 0), Image.Resampling.BICUBIC)
        image.paste(_fill(_colour(rng, palette)), (int(rng.uniform(0, 30)), int(y)), mask)
        y += height * rng.uniform(1.1, 1.8)
    if rng.random() < 0.3:
        image = image.rotate(rng.uniform(0, 360), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32).copy()


def line_art(rng: Rng, side: int) -> Field:
    """Outlines, curves, hatching and regular grids on a calm ground."""
    palette = _palette(rng, 5)
    image = Image.fromarray(_ground(rng, side, palette).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 7))):
        # families of parallel lines
        angle, step, width = rng.uniform(0, np.pi), rng.uniform(6, 40), int(rng.integers(1, 9))
        across, along = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        middle, reach = rng.uniform(0, side, 2), rng.uniform(30, side / 2)
        colour = _fill(_colour(rng, palette))
        for offset in np.arange(-reach, reach, step):
            start, end = middle + across * offset - along * reach, middle + across * offset + along * reach
            pen.line([tuple(start), tuple(end)], fill=colour, width=width)
    for _ in range(int(rng.integers(10, 60))):
        outline = _outline(rng, *rng.uniform(0, side, 2), rng.uniform(8, side / 3), rng.random())
        points = [tuple(point) for point in outline]
        fill = _fill(_colour(rng, palette)) if rng.random() < 0.4 else None
        colour = _fill(_colour(rng, palette) * (rng.random() < 0.6))
        if fill:
            pen.polygon(points, fill=fill)
        pen.line([*points, points[0]], fill=colour, width=int(rng.integers(1, 10)), joint="curve")
    return np.asarray(image, dtype=np.float32).copy()


def flat_pieces(rng: Rng, side: int) -> Field:
    """Rectangles of one colour, checkerboards, stripes and ramps, of all cell sizes from one pixel of the result."""
    palette = _palette(rng, 10)
    picture = np.empty((side, side, 3), np.float32)
    picture[:] = _colour(rng, palette)
    for _ in range(int(rng.integers(12, 40))):
        left, top = (int(start) for start in rng.uniform(-0.1, 0.9, 2) * side)
        left, top = max(left, 0), max(top, 0)
        part = picture[top : top + int(rng.uniform(20, side / 2)), left : left + int(rng.uniform(20, side / 2))]
        kind, a, b = rng.integers(0, 4), _colour(rng, palette), _colour(rng, palette)
        ys, xs = np.mgrid[: part.shape[0], : part.shape[1]]
        cell = round(OVERSAMPLING * 2 ** rng.uniform(0, 4.5))
        if kind == 0:
            part[:] = a
        elif kind == 1:
            part[:] = np.where((xs // cell + ys // cell)[..., None] % 2, a, b)
        elif kind == 2:
            angle = rng.uniform(0, np.pi)
            wave = np.floor((xs * np.cos(angle) + ys * np.sin(angle)) / cell) % 2
            part[:] = np.where(wave[..., None] > 0, a, b)
        else:
            part[:] = a + (b - a) * (xs / max(1, part.shape[1] - 1))[..., None]
    return picture


KINDS: tuple[tuple[Callable[[Rng, int], Field], float], ...] = (
    (dead_leaves, 0.52),
    (noise_fields, 0.08),
    (strands, 0.16),
    (text, 0.08),
    (line_art, 0.10),
    (flat_pieces, 0.06),
)
"""The kinds of pictures, and how often each is drawn."""


def _palette(rng: Rng, count: int) -> Field:
    """Colours that go together: (count, 3). Lightness varies most, as it does in photographs."""
    light = rng.uniform(0, 255, (count, 1)) ** rng.uniform(0.85, 1.15)
    tint = rng.normal(0, 1, 3) * rng.uniform(0, 35)
    own = rng.normal(0, 1, (count, 3)) * rng.uniform(3, 50)
    return np.clip(light + tint + own, 0, 255).astype(np.float32)


def _colour(rng: Rng, palette: Field) -> Field:
    return np.clip(palette[rng.integers(len(palette))] + rng.normal(0, 8, 3), 0, 255).astype(np.float32)


def _fill(colour: Field) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in np.clip(colour, 0, 255))
    return red, green, blue


def _ground(rng: Rng, side: int, palette: Field) -> Field:
    """White, one colour, a ramp or a texture."""
    kind = rng.random()
    if kind < 0.3:
        return np.full((side, side, 3), rng.uniform(230, 255), np.float32)
    if kind < 0.5:
        return np.broadcast_to(_colour(rng, palette), (side, side, 3)).copy()
    return _textured(rng, side, side, palette)


def _textured(rng: Rng, height: int, width: int, palette: Field) -> Field:
    """A ramp between two colours with light from one side, and noise or waves on it: (height, width, 3), 0 to 255."""
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    ramp = (xs * np.cos(angle) + ys * np.sin(angle)) / max(height, width)
    first, second = _colour(rng, palette), _colour(rng, palette)
    mixed = ramp * rng.uniform(0, 0.7) + 0.3
    kind = rng.random()
    if kind < 0.55:
        mixed = mixed + _coloured_noise(rng, height, width, rng.uniform(0.4, 2.0)) * rng.uniform(0, 0.35)
    elif kind < 0.7:
        # folds: waves along a direction that itself bends
        wave = 2 * np.pi / (OVERSAMPLING * 2 ** rng.uniform(1.3, 5))
        bend = _coloured_noise(rng, height, width, 2.2) * rng.uniform(0, 4)
        angle = rng.uniform(0, np.pi)
        mixed = mixed + np.sin((xs * np.cos(angle) + ys * np.sin(angle)) * wave + bend) * rng.uniform(0.1, 0.6)
    result = first + (second - first) * mixed[..., None]
    if rng.random() < 0.25:
        result = result + rng.normal(0, rng.uniform(1, 12), (height, width, 1))
    return np.clip(result, 0, 255).astype(np.float32)


def _coloured_noise(rng: Rng, height: int, width: int, falloff: float) -> Field:
    """Gaussian noise with amplitudes of 1/f^falloff: (height, width), mean 0, standard deviation 1."""
    tall, wide = (1 << max(3, (side - 1).bit_length()) for side in (height, width))
    # along a stretched axis noise becomes wood, water or brushed metal
    stretch = np.exp(rng.normal(0, 0.6))
    frequency = np.hypot(np.fft.fftfreq(tall)[:, None] * stretch, np.fft.rfftfreq(wide)[None] / stretch)
    frequency[0, 0] = np.inf
    noise = np.fft.rfft2(rng.standard_normal((tall, wide), dtype=np.float32)) / frequency**falloff
    field = np.fft.irfft2(noise, (tall, wide))[:height, :width]
    return ((field - field.mean()) / max(float(field.std()), 1e-6)).astype(np.float32)


def _outline(rng: Rng, x: float, y: float, radius: float, curved: float) -> NDArray[np.float64]:
    """The points of a closed shape around (x, y): an ellipse, a blob or a polygon, turned by any angle."""
    if rng.random() < curved:
        angles = np.linspace(0, 2 * np.pi, 12 + int(radius), endpoint=False)
        distance = np.ones_like(angles)
        if rng.random() < 0.5:
            for wave in range(2, 6):
                distance += rng.normal(0, 0.35 / wave) * np.sin(wave * angles + rng.uniform(0, 2 * np.pi))
    else:
        corners = int(rng.choice([3, 4, 4, 4, 5, 6]))
        angles = np.linspace(0, 2 * np.pi, corners, endpoint=False) + rng.normal(0, 0.15, corners)
        distance = np.ones(corners)
    points = np.stack([np.cos(angles) * distance, np.sin(angles) * distance], 1) * radius
    points[:, 1] *= np.exp(-abs(rng.normal(0, 0.7)))
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return points @ rotation.T + (x, y)
