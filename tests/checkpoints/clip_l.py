"""The CLIP-L text encoder of SD 1.x in its fixed full size, with random weights: 196 tensors, 123 M parameters."""

from __future__ import annotations

import numpy as np

from ...demo.weights import Weights

WIDTH, LAYERS, TOKENS, VOCABULARY = 768, 12, 77, 49408


def clip_l(w: Weights, prefix: str = "cond_stage_model.transformer.text_model.") -> None:
    """Add the encoder to `w`. Residual branches are small, so that a token's embedding survives all layers."""
    w.random(prefix + "embeddings.token_embedding.weight", (VOCABULARY, WIDTH), 0.03)
    w.random(prefix + "embeddings.position_embedding.weight", (TOKENS, WIDTH), 0.01)
    w.put(prefix + "embeddings.position_ids", np.arange(TOKENS, dtype=np.int64).reshape(1, TOKENS))
    for i in range(LAYERS):
        layer = f"{prefix}encoder.layers.{i}."
        for name in ("q_proj", "k_proj"):
            w.linear(layer + "self_attn." + name, WIDTH, WIDTH, gain=1.2)
        w.linear(layer + "self_attn.v_proj", WIDTH, WIDTH)
        w.linear(layer + "self_attn.out_proj", WIDTH, WIDTH, gain=0.05)
        w.norm(layer + "layer_norm1", WIDTH)
        w.norm(layer + "layer_norm2", WIDTH)
        w.linear(layer + "mlp.fc1", 4 * WIDTH, WIDTH)
        w.linear(layer + "mlp.fc2", WIDTH, 4 * WIDTH, gain=0.05)
    w.norm(prefix + "final_layer_norm", WIDTH)
