"""A model file costs about its size, whatever its names and shapes say, and is refused before it costs more."""

import io
import pickle
import zipfile

import pytest
import torch
from hires_pack.dev.fixtures.upscaler_families import FAMILIES
from hires_pack.upscale_models import UnusableModelError, from_state_dict
from hires_pack.upscale_models.faces import FaceModelError, face_model_from_state_dict
from hires_pack.upscale_models.models import network as loading
from hires_pack.upscale_models.models import outline
from hires_pack.upscale_models.models.cost import (
    MOST_TENSORS,
    CostError,
    check_container,
    check_held,
    check_numbers,
    within_its_size,
)
from hires_pack.upscale_models.models.live_bytes import LiveBytes
from spandrel import canonicalize_state_dict
from spandrel.architectures.Compact import Compact


def compact_state(features=16):
    return dict(Compact(num_feat=features, num_conv=3, upscale=2).state_dict())


class NeverAsked:
    def __init__(self, *_, **__):
        raise AssertionError("spandrel was asked")


# ---- numbers in names ------------------------------------------------------------------------------------------------


NUMBERED = ("esrgan-old", "esrgan-real", "compact", "swinir-light", "hat", "dat", "realplksr", "nafnet")


def with_an_absurd_number(name):
    """What a family's file holds, and once more under a name whose first number is absurd."""
    state = dict(canonicalize_state_dict(dict(FAMILIES[name].state_dict())))
    key = next(key for key in state if any(map(str.isdecimal, key.split("."))))
    parts = key.split(".")
    parts[next(place for place, part in enumerate(parts) if part.isdecimal())] = "5000000"
    return {**state, ".".join(parts): state[key]}


@pytest.mark.parametrize("name", NUMBERED)
def test_an_absurd_number_is_refused_before_anything_is_built(name, monkeypatch):
    state = with_an_absurd_number(name)
    monkeypatch.setattr(loading, "ModelLoader", NeverAsked)
    monkeypatch.setattr(outline, "ModelLoader", NeverAsked)
    with pytest.raises(UnusableModelError, match=r"numbered parts.* 5000000"):
        from_state_dict("hostile", state)
    with pytest.raises(CostError, match="5000000"):
        outline.outline_of("hostile", state)
    with pytest.raises(FaceModelError, match="5000000"):
        face_model_from_state_dict("hostile", state)


@pytest.mark.parametrize("number", ["99999998", "1" * 5000, "٩٩٩٩٩٩"])
def test_numbers_of_any_length_and_script(number):
    with pytest.raises(CostError):
        check_numbers({**compact_state(), f"body.{number}.weight": torch.zeros(16)})


def test_gaps_of_parts_without_weights_are_usual():
    check_numbers([f"features.{number}.weight" for number in range(1, 400, 4)])
    check_numbers(["slice.62.weight"])


def test_too_many_tensors():
    with pytest.raises(CostError, match=str(MOST_TENSORS + 1)):
        check_numbers([f"a.{number}" for number in range(MOST_TENSORS + 1)])


# ---- shapes ----------------------------------------------------------------------------------------------------------


class RealBytes(LiveBytes):
    """Counts tensors that have memory."""

    def _count(self, storage):
        if storage.device.type != "meta":
            super()._count(storage)


def refused(state, words):
    """Loading and planning refuse it, and hold no more than a little on the way."""
    with RealBytes() as live:
        with pytest.raises(UnusableModelError, match=words):
            from_state_dict("hostile", state)
        with pytest.raises(CostError, match=words):
            outline.outline_of("hostile", state)
    assert live.most < 2**29


def test_a_wide_first_layer_does_not_make_wide_layers_of_small_ones():
    state = compact_state()
    state["body.0.weight"] = torch.zeros(20_000, 3, 3, 3)
    refused(state, "GB")


def test_what_networks_compute_while_they_are_built_is_bounded_too():
    """A window of 500x500 pixels, each of which sees each: 62 thousand million pairs, 500 GB."""

    def build():
        with within_its_size(compact_state()):
            place = torch.arange(250_000)
            return place[:, None] - place[None]

    with RealBytes() as live, pytest.raises(CostError, match=r"500\.. GB"):
        build()
    assert live.most < 2**24


@pytest.mark.slow
def test_so_is_the_number_of_parts():
    def build():
        with within_its_size(compact_state()):
            while True:
                torch.zeros(1)

    with pytest.raises(CostError, match="far more parts"):
        build()


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.zeros(1).expand(4096, 4096, 3, 3), "claims 150994944 values and holds 1"),
        (torch.zeros(16, 16, 3, 3, device="meta"), "no plain tensor"),
        (torch.zeros(9, 9).to_sparse(), "no plain tensor"),
    ],
    ids=["one value", "meta", "sparse"],
)
def test_tensors_that_claim_more_than_they_hold(tensor, words):
    refused({**compact_state(), "body.2.weight": tensor}, words)


def test_tensors_that_claim_more_than_the_file():
    state = compact_state()
    held = sum(value.nbytes for value in state.values())
    assert check_held(state, held) == held
    shared = {f"{number}": state["body.2.weight"] for number in range(9)}
    assert check_held({"params": {**state, **shared}, "again": state}, held) == held
    with pytest.raises(CostError, match=f"{held} bytes, the file has {held - 1}"):
        check_held({"params": state}, held - 1)
    knot = dict(state)
    knot["knot"] = knot
    assert check_held(knot, held) == held


# ---- containers ------------------------------------------------------------------------------------------------------


def saved(state, **options):
    file = io.BytesIO()
    torch.save(state, file, **options)
    return file.getvalue()


class Claim:
    """Unpickles as memory of a size that is only told."""

    def __init__(self, size):
        self.size = size

    def __reduce__(self):
        return bytearray, (self.size,)


def zipped(compression):
    source, target = zipfile.ZipFile(io.BytesIO(saved(compact_state()))), io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name in source.namelist():
            archive.writestr(name, source.read(name))
    return target.getvalue()


@pytest.mark.parametrize("legacy", [False, True])
def test_files_of_torch_are_read(legacy, tmp_path):
    path = tmp_path / "model.pth"
    path.write_bytes(saved(compact_state(), _use_new_zipfile_serialization=not legacy))
    check_container(str(path))
    path.write_bytes(zipped(zipfile.ZIP_STORED))
    check_container(str(path))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.pth", zipped(zipfile.ZIP_DEFLATED), "compressed"),
        ("a.pth", pickle.dumps({"a": Claim(10**11)}, protocol=2), "memory that it does not fill"),
        ("a.ckpt", saved({"a": Claim(1)}), "memory that it does not fill"),
        ("a.safetensors", (10**15).to_bytes(8, "little") + b"{}", "claims 1000000000000000 bytes, the file has 10"),
    ],
    ids=["deflated", "bytearray", "bytearray in a zip", "header"],
)
def test_files_that_claim_memory(name, content, words, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CostError, match=words):
        check_container(str(path))


def test_parts_of_a_zip_that_lie_over_one_another(tmp_path):
    """All entries of the directory tell of the one large part."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("data/0", b"x" * 10_000)
        archive.filelist += [archive.filelist[0]] * 9
    path = tmp_path / "a.pth"
    path.write_bytes(file.getvalue())
    with pytest.raises(CostError, match="its parts claim 100000 bytes"):
        check_container(str(path))


def test_an_empty_file_is_left_to_its_reader(tmp_path):
    path = tmp_path / "a.pth"
    path.touch()
    check_container(str(path))
