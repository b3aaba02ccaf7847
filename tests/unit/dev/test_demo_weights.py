"""The demo's weights are those that were shipped, and the small networks find their places in the full shapes."""

import hashlib
from ast import literal_eval

import pytest
from hires_pack.dev.demo import checkpoint
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
        small, large = literal_eval(said["scenes"]).values()
        assert f"{small:,} scenes" in row
        assert f"{large:,} at 256" in row
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
