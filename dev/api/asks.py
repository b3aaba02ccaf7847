"""Requests of many clients: right ones, broken ones, and such whose client goes away or interrupts them."""

from __future__ import annotations

import base64
import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

Kind = Literal["right", "broken", "gone", "interrupted"]
"""`gone`: the client closes the line and does not wait; `interrupted`: it ends its job when that has begun."""

SIZE = (32, 24)
"""Of a picture; small ones tell as much, and two slow cores draw hundreds in minutes."""

_ROOT = "/sdapi/v1"
_LONG = 150
"""Steps of a job that is interrupted: it does not end by itself before."""


@dataclass(frozen=True)
class Ask:
    """One request, and what has to come of it."""

    kind: Kind
    path: str
    body: Any
    """JSON; bytes are sent as they are."""

    status: int = 200
    words: str = ""
    """A part of the refusal."""

    pictures: int = 1
    size: tuple[int, int] = SIZE
    """Of each picture."""

    info: tuple[tuple[str, Any], ...] = ()
    """What the reply's `info` holds."""

    @property
    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()

    @property
    def name(self) -> str:
        """For findings."""
        told = self.body if isinstance(self.body, dict) else {}
        return f"{self.kind} {self.path.rpartition('/')[2]} {told.get('prompt', '')!r}"


def asks(count: int, seed: int, checkpoint: str, upscaler: str) -> list[Ask]:
    """So many, of which every tenth is broken and every tenth cancelled, in an order of that seed.

    `upscaler`: A1111's name of one that doubles. No two ask for the same picture.
    """
    shared = {"sd_model_checkpoint": checkpoint}
    cancelled = max(1, count // 10)
    right, broken = _right(shared, upscaler), _broken(shared)
    found = [_cancelled(number, shared) for number in range(cancelled)]
    found += [next(broken) for _ in range(cancelled)]
    found += [next(right) for _ in range(count - len(found))]
    random.Random(seed).shuffle(found)
    return found


def picture(number: int, size: tuple[int, int] = SIZE) -> str:
    """A picture in base64, another one for every number."""
    width, height = size
    levels = np.zeros((height, width, 3), np.uint8)
    levels[..., 0] = np.linspace(0, 255, width)
    levels[..., 1] = np.linspace(0, 255, height)[:, None]
    levels[..., 2] = number * 37 % 256
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")


def plain(prompt: str, seed: int, shared: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The body of a small txt2img."""
    width, height = SIZE
    told = {"prompt": prompt, "seed": seed, "steps": 2, "width": width, "height": height, "sampler_name": "Euler"}
    return {**told, "override_settings": shared, **more}


def _right(shared: dict[str, Any], upscaler: str) -> Iterator[Ask]:
    number = 0
    hires = {"enable_hr": True, "hr_scale": 2, "denoising_strength": 0.6}
    double = (2 * SIZE[0], 2 * SIZE[1])
    while True:
        number += 1
        body = plain(f"a fox, number {number}", 1000 + 10 * number, shared)
        told = (("seed", body["seed"]), ("prompt", body["prompt"]))
        match number % 7:
            case 0:
                yield _drawn({**body, "batch_size": 2, "save_images": True, "do_not_save_grid": True}, told, pictures=2)
            case 1:
                yield _drawn({**body, "save_images": True, "sampler_name": "Euler a"}, told)
            case 2:
                yield _drawn({**body, **hires, "hr_upscaler": "Latent"}, told, size=double)
            case 3:
                yield _drawn({**body, **hires, "hr_upscaler": upscaler}, told, size=double)
            case 4:
                again = {**body, "init_images": [picture(number)], "denoising_strength": 0.7}
                yield _drawn(again, told, path="img2img")
            case 5:
                # what A1111 does not know is its first sampler
                yield _drawn({**body, "sampler_name": "No Such"}, (*told, ("sampler_name", "DPM++ 2M")))
            case _:
                large = {"image": picture(number), "upscaler_1": upscaler, "upscaling_resize": 2}
                yield Ask("right", f"{_ROOT}/extra-single-image", large, size=double)


def _drawn(body: dict[str, Any], info: tuple[tuple[str, Any], ...], path: str = "txt2img", **more: Any) -> Ask:
    return Ask("right", f"{_ROOT}/{path}", body, info=info, **more)


def _cancelled(number: int, shared: dict[str, Any]) -> Ask:
    seed = 900_000 + 100 * number
    if number % 2:
        body = plain(f"gone, number {number}", seed, shared)
        return Ask("gone", f"{_ROOT}/txt2img", body)
    # progress tells whose job runs by the number of its batches
    body = plain(f"interrupted, number {number}", seed, shared, steps=_LONG, n_iter=number + 3)
    return Ask("interrupted", f"{_ROOT}/txt2img", body, info=(("seed", seed),))


def _broken(shared: dict[str, Any]) -> Iterator[Ask]:
    number = 0
    hires = {"enable_hr": True, "denoising_strength": 0.5}
    wrong: list[tuple[str, dict[str, Any] | bytes, int, str]] = [
        ("txt2img", {"steps": "many"}, 422, "value is not a valid integer"),
        ("txt2img", {"width": 10**9}, 500, "16384"),
        ("img2img", {"init_images": ["no picture"]}, 500, "Invalid encoded image"),
        ("txt2img", {**hires, "hr_sampler_name": "No Such"}, 500, "bad sampler name"),
        ("txt2img", {"cfg_scale": {"a": 1}}, 422, "value is not a valid float"),
        ("txt2img", {**hires, "hr_upscaler": "No Such"}, 500, "could not find upscaler"),
        ("txt2img", b'{"prompt": "a fox', 422, "Unterminated string"),
        ("img2img", {}, 404, "Init image not found"),
        ("txt2img", {"batch_size": 10**6, "n_iter": 10**6}, 500, "10000 pictures"),
        ("txt2img", {"script_name": "No Such"}, 422, "not found"),
        ("txt2img", {"height": -8}, 500, "at least 8 pixels"),
        ("txt2img", {"steps": 0}, 500, "at least 1"),
        ("extra-single-image", {"image": picture(1), "upscaler_1": "No Such"}, 500, "could not find upscaler"),
        ("txt2img", {"override_settings": {"sd_model_checkpoint": "no_such"}}, 500, "not found"),
        ("extra-single-image", {"image": picture(1), "upscaling_resize": -1}, 422, "greater than 0"),
        ("png-info", {"image": "AAAA"}, 500, "Invalid encoded image"),
    ]
    while True:
        path, change, status, words = wrong[number % len(wrong)]
        body = change if isinstance(change, bytes) else {**plain(f"broken, number {number}", 5, shared), **change}
        yield Ask("broken", f"{_ROOT}/{path}", body, status, words)
        number += 1
