"""The demo checkpoint's text encoder: a CLIP-L whose weights follow from a rule, so that it need not be shipped.

Every token has a random code. A token leaves the encoder as its own code and those of the two tokens before it, side
by side: "red" is near enough to "house" to be told from the "red" of "red sun". Only the first of the twelve layers
does anything. Its first three heads look at the token before, the next three at the one before that: positions are
written as cosines and sines, so "the position before mine" is a rotation. All other layers add nothing.

`text_encoder` writes the weights that the host loads, `encode` computes what they do.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..seeded.weights import Weights, uniform
from .sizes import CODE, CONTEXT, FULL_CONTEXT, TOKENS

Array = NDArray[np.float32]

LAYERS, VOCABULARY = 12, 49408
START, END = 49406, 49407
"""Before the words and after them; the rest is filled with END."""

SEED = 1
WAVES = 32
"""Frequencies of the position code, one head's width as cosines and sines."""
POSITION = CONTEXT
"""First channel of the position code; each cosine and sine is there with both signs, so that the mean is zero."""
SHARPNESS = 4.0
PASSED_ON = 0.5
"""Factor on what a head fetches."""
HEAD = 64


def text_encoder(w: Weights, prefix: str = "cond_stage_model.transformer.text_model.") -> None:
    """Add the encoder to `w`: 196 tensors, 123 M numbers, most of them zero."""
    width = FULL_CONTEXT
    embedding = np.zeros((VOCABULARY, width), np.float16)
    embedding[:, :CODE] = codes()
    positions = np.zeros((TOKENS, width), np.float16)
    waves = position_codes()
    positions[:, POSITION : POSITION + 4 * WAVES] = np.concatenate([waves, -waves], axis=1)
    w.put(prefix + "embeddings.token_embedding.weight", embedding)
    w.put(prefix + "embeddings.position_embedding.weight", positions)
    w.put(prefix + "embeddings.position_ids", np.arange(TOKENS, dtype=np.int64).reshape(1, TOKENS))
    zero = np.zeros(width, np.float16)
    square, wide = np.zeros((width, width), np.float16), np.zeros((4 * width, width), np.float16)
    fetching = _fetching_weights()
    for i in range(LAYERS):
        layer = f"{prefix}encoder.layers.{i}."
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            w.put(f"{layer}self_attn.{name}.weight", fetching[name] if i == 0 else square)
            w.put(f"{layer}self_attn.{name}.bias", zero)
        for name in ("layer_norm1", "layer_norm2"):
            w.put(f"{layer}{name}.weight", zero + np.float16(1))
            w.put(f"{layer}{name}.bias", zero)
        w.put(layer + "mlp.fc1.weight", wide)
        w.put(layer + "mlp.fc1.bias", np.zeros(4 * width, np.float16))
        w.put(layer + "mlp.fc2.weight", wide.T)
        w.put(layer + "mlp.fc2.bias", zero)
    w.put(prefix + "final_layer_norm.weight", (np.arange(width) < CONTEXT).astype(np.float16))
    w.put(prefix + "final_layer_norm.bias", zero)


def encode(tokens: NDArray[Any]) -> Array:
    """Return what the encoder makes of token numbers (N, T), T <= 77: (N, T, CONTEXT). Other channels are zero."""
    own = codes()[tokens]
    mean, deviation = _moments(own)
    fetched = [
        PASSED_ON * (_looks(offset)[: own.shape[1], : own.shape[1]] @ ((own - mean) / deviation)) for offset in (1, 2)
    ]
    joined = np.concatenate([own, *fetched], axis=-1)
    mean, deviation = _moments(joined)
    return ((joined - mean) / deviation).astype(np.float32)


@lru_cache(maxsize=1)
def codes() -> Array:
    """Return every token's code, (VOCABULARY, CODE) of -1 and 1."""
    return np.where(uniform(SEED, "token codes", (VOCABULARY, CODE), 1.0) < 0, np.float32(-1), np.float32(1))


def position_codes() -> Array:
    """Return (TOKENS, 2 * WAVES): the cosines, then the sines."""
    angles = np.arange(TOKENS)[:, None] * _frequencies()
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _frequencies() -> NDArray[np.float64]:
    return 2 * np.pi * np.arange(1, WAVES + 1) / TOKENS


def _moments(channels: Array) -> tuple[Array, Array]:
    """Return mean and deviation over all 768 channels; the position code has zero mean and a square of 2 * WAVES."""
    mean = channels.sum(axis=-1, keepdims=True) / FULL_CONTEXT
    square = (np.square(channels).sum(axis=-1, keepdims=True) + 2 * WAVES) / FULL_CONTEXT
    return mean, np.sqrt(square - mean**2 + 1e-5)


@lru_cache(maxsize=2)
def _looks(offset: int) -> Array:
    """Return how much each position looks at each: nearly all at the one `offset` before."""
    positions = np.arange(TOKENS)
    distance = positions[:, None] - offset - positions
    square = (CODE + 2 * WAVES) / FULL_CONTEXT + 1e-5
    scores = SHARPNESS * np.cos(distance[..., None] * _frequencies()).sum(axis=-1) / square / HEAD**0.5
    scores[positions[:, None] < positions] = -np.inf
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def _fetching_weights() -> dict[str, NDArray[np.float16]]:
    """Return the first layer's attention: heads 0..2 fetch the code of the token before, heads 3..5 of the second."""
    names = ("q_proj", "k_proj", "v_proj", "out_proj")
    weights = {name: np.zeros((FULL_CONTEXT, FULL_CONTEXT), np.float32) for name in names}
    cosines, sines = POSITION + np.arange(WAVES), POSITION + WAVES + np.arange(WAVES)
    per_code = CODE // HEAD
    for offset in (1, 2):
        turn = offset * _frequencies()
        for part in range(per_code):
            first = HEAD * (per_code * (offset - 1) + part)
            rows = first + np.arange(WAVES)
            weights["q_proj"][rows, cosines] = SHARPNESS * np.cos(turn)
            weights["q_proj"][rows, sines] = SHARPNESS * np.sin(turn)
            weights["q_proj"][rows + WAVES, sines] = SHARPNESS * np.cos(turn)
            weights["q_proj"][rows + WAVES, cosines] = -SHARPNESS * np.sin(turn)
            weights["k_proj"][rows, cosines] = 1
            weights["k_proj"][rows + WAVES, sines] = 1
            channels = np.arange(HEAD)
            weights["v_proj"][first + channels, HEAD * part + channels] = 1
            weights["out_proj"][CODE * offset + HEAD * part + channels, first + channels] = PASSED_ON
    return {name: weight.astype(np.float16) for name, weight in weights.items()}
