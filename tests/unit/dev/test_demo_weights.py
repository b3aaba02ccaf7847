"""The demo's weights are those that were shipped, and the small networks find their places in the full shapes."""

import hashlib

import numpy as np
import pytest
from hires_pack.dev.demo import checkpoint, text_encoder, widen
from hires_pack.dev.demo.sizes import CHANNELS, CODE, FULL_VAE_WIDTH, TOKENS, WIDTH
from safetensors import safe_open

FILES = (checkpoint.UNET, checkpoint.VAE)


def test_weights_are_small_and_as_listed():
    listed = {name: digest for digest, name in (line.split() for line in checkpoint.SUMS.read_text().splitlines())}
    assert sorted(listed) == sorted(FILES)
    assert {p.name for p in checkpoint.TRAINED.glob("*.safetensors")} == set(FILES)
    contents = {name: (checkpoint.TRAINED / name).read_bytes() for name in FILES}
    assert {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()} == listed
    assert sum(map(len, contents.values())) <= 12e6


@pytest.mark.parametrize("name", FILES)
def test_the_file_and_its_licence_tell_of_the_same_training(name):
    with safe_open(checkpoint.TRAINED / name, "np") as file:
        said = file.metadata()
    text = (checkpoint.TRAINED.parent / "LICENSES.md").read_text(encoding="utf-8")
    (row,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` (")]
    assert f" {said['seed']} " in row
    if name == checkpoint.UNET:
        assert f"{int(said['steps']):,} batches" in row
        assert f"{int(said['scenes']):,} scenes" in row
    assert f"torch {'.'.join(said['torch'].split('.')[:2])}" in text


@pytest.mark.parametrize("name", FILES)
def test_one_wrong_bit_is_refused(name, tmp_path):
    for file in FILES:
        content = bytearray((checkpoint.TRAINED / file).read_bytes())
        if file == name:
            content[-1] ^= 1
        (tmp_path / file).write_bytes(content)
    target = tmp_path / "made.safetensors"
    with pytest.raises(checkpoint.WeightsError, match=rf"{name} are not those of this version.*get it again"):
        checkpoint.write(target, tmp_path)
    assert not target.exists()


@pytest.mark.parametrize("content", [None, "", "not a list at all", "0" * 64 + "  unet.safetensors\n"])
def test_a_list_of_hashes_that_is_missing_or_damaged_is_said(tmp_path, monkeypatch, content):
    monkeypatch.setattr(checkpoint, "SUMS", tmp_path / "SHA256SUMS")
    if content is not None:
        checkpoint.SUMS.write_text(content)
    with pytest.raises(checkpoint.WeightsError, match="get this checkout again"):
        checkpoint.ensure(tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(checkpoint.WeightsError, match=r"unet\.safetensors cannot be read"):
        checkpoint.write(tmp_path / "made.safetensors", tmp_path)


def test_trained_numbers_keep_their_values_and_the_rest_is_zero():
    narrow = checkpoint.read(checkpoint.TRAINED / checkpoint.UNET)
    wide = widen.unet(narrow)
    for name, array in narrow.items():
        assert np.count_nonzero(wide[name]) == np.count_nonzero(array), name
        # equal numbers in equal order, wherever they are
        assert np.array_equal(wide[name][wide[name] != 0], array[array != 0]), name
    joined = "output_blocks.2.0.in_layers.2.weight"
    assert wide[joined].shape == (CHANNELS, 2 * CHANNELS, 3, 3)
    assert np.array_equal(wide[joined][:WIDTH, :WIDTH], narrow[joined][:, :WIDTH])
    assert np.array_equal(wide[joined][:WIDTH, CHANNELS : CHANNELS + WIDTH], narrow[joined][:, WIDTH:])
    gated = "middle_block.1.transformer_blocks.0.ff.net.0.proj.bias"
    assert np.array_equal(wide[gated][4 * CHANNELS : 4 * CHANNELS + 4 * WIDTH], narrow[gated][4 * WIDTH :])


def test_vae_has_every_block_of_a_taesd():
    wide = widen.vae(checkpoint.read(checkpoint.TRAINED / checkpoint.VAE))
    # 10 blocks of three convolutions on each side; 5 convolutions besides, of which 3 have no bias
    assert len(wide) == 2 * (10 * 6 + 5 + 2)
    blocks = [array for name, array in wide.items() if ".conv." in name and name.endswith("weight")]
    assert {array.shape for array in blocks} == {(FULL_VAE_WIDTH, FULL_VAE_WIDTH, 3, 3)}


def test_a_token_brings_the_two_before_it():
    words = [1746, 2553, 267, 736, 1212]  # any numbers of tokens
    end = text_encoder.END
    tokens = np.array([[text_encoder.START, *words] + [end] * (TOKENS - 1 - len(words))])
    encoded = text_encoder.encode(tokens)[0]
    slots = encoded.reshape(TOKENS, 3, CODE)
    codes = text_encoder.codes()
    for position in range(2, TOKENS):
        for back in range(3):
            slot, code = slots[position, back], codes[tokens[0, position - back]]
            assert np.corrcoef(slot, code)[0, 1] > 0.999
    assert np.abs(encoded[len(words) + 3] - encoded[-1]).max() < 1e-4  # all fillers alike


def test_words_can_be_told_apart():
    codes = text_encoder.codes()[:2000]
    assert set(np.unique(codes)) == {-1, 1}
    likeness = codes @ codes.T / CODE - np.eye(len(codes))
    assert np.abs(likeness).max() < 0.5
