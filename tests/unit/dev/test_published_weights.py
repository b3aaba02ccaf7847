"""Reading published weights: ncnn's files."""

import numpy as np
import pytest
from hires_pack.dev.training.published_weights import ncnn_layers


def test_the_layers_of_a_file_of_ncnn():
    graph = b"7767517\n4 4\nInput a 0 1 x\nConvolution b 1 1 x y 0=2 1=1 5=1 6=6\nPReLU c 1 1 y z 0=2\n"
    graph += b"Convolution d 1 1 z w 0=1 1=1 5=1 6=2"
    half = np.arange(6, dtype=np.float16).tobytes()
    single = np.array([7, 8, 9, 10], np.float32).tobytes()
    weights = (
        (0x01306B47).to_bytes(4, "little") + half + single + bytes(4) + np.array([11, 12, 13], np.float32).tobytes()
    )
    (first, bias), (slopes, none), (last, shift) = ncnn_layers(graph, weights)
    assert first.flatten().tolist() == [0, 1, 2, 3, 4, 5]
    assert first.shape == (2, 3, 1, 1)
    assert (bias.tolist(), slopes.tolist(), none) == ([7, 8], [9, 10], None)
    assert (last.flatten().tolist(), shift.tolist()) == ([11, 12], [13])
    with pytest.raises(ValueError, match="4 bytes of weights belong to no layer"):
        ncnn_layers(graph, weights + bytes(4))
