"""The table of photographs, and how they come out of their wheels. Nothing is fetched here."""

import bz2
import hashlib
import io
import re
import zipfile
from dataclasses import fields, replace

import numpy as np
import pytest
from hires_pack.dev.training import photographs
from hires_pack.dev.training.photograph_table import PHOTOGRAPHS
from hires_pack.dev.training.photographs import PhotographError
from PIL import Image

DOUBTFUL = ("lena", "lenna", "groot", "cheetah", "face01", "cameraman")

PICTURE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3) * 3
GREY = PICTURE[..., 0].copy()


def part(split):
    return [it for it in PHOTOGRAPHS if it.split == split]


def test_the_two_parts_share_nothing_and_together_are_the_table():
    training, held_back = part("training"), part("held back")
    assert len(training) + len(held_back) == len(PHOTOGRAPHS)
    assert len(held_back) >= 10
    assert len(training) >= 10
    for key in ("name", "path", "sha256", "file_name"):
        assert not {getattr(it, key) for it in training} & {getattr(it, key) for it in held_back}
        assert len({getattr(it, key) for it in PHOTOGRAPHS}) == len(PHOTOGRAPHS)
    assert "chelsea" in {it.name for it in held_back}, "workflows/input/hires-fix-cat.jpg is a crop of it"


def test_every_photograph_is_pinned_and_has_a_licence():
    for it in PHOTOGRAPHS:
        assert all(getattr(it, field.name) for field in fields(it)), it.name
        assert re.fullmatch(r"[A-Za-z-]+==[0-9][0-9.a-z]*", it.wheel)
        assert re.fullmatch(r"[0-9a-f]{64}", it.sha256)
        assert re.match(r"CC0 1\.0|public domain|CC BY 2\.0|BSD|MIT", it.licence)
        assert not any(word in it.path.lower() for word in DOUBTFUL)


# ---- out of a wheel -------------------------------------------------------------------------------------------------


def stored(kind):
    """A picture as wheels hold it."""
    if kind == "dat":
        return bz2.compress(PICTURE.tobytes())
    file = io.BytesIO()
    if kind == "npz":
        np.savez_compressed(file, data=GREY)
    else:
        Image.fromarray(PICTURE).save(file, kind)
    return file.getvalue()


def entry(name, kind, split):
    data = stored(kind)
    return replace(
        PHOTOGRAPHS[0], name=name, wheel="made-up==1.0", path=f"made/{name}.{kind}", size=(6, 4), split=split,
        sha256=hashlib.sha256(data).hexdigest(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "expected"), [("png", PICTURE), ("dat", PICTURE), ("npz", np.repeat(GREY[..., None], 3, 2))]
)
def test_pictures_are_read_in_rgb_whatever_the_wheel_holds(kind, expected):
    picture = photographs.decode(entry("one", kind, "training"), stored(kind))
    assert picture.mode == "RGB"
    assert np.array_equal(np.asarray(picture), expected)


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """A table of three pictures in one wheel that lies on the disk; returns the names of the wheels fetched."""
    table = (entry("one", "png", "training"), entry("two", "dat", "held back"), entry("three", "npz", "training"))
    wheel = tmp_path / "made_up.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for it in table:
            archive.writestr(it.path, stored(it.path.rpartition(".")[2]))
    fetched = []
    monkeypatch.setattr(photographs, "PHOTOGRAPHS", table)
    monkeypatch.setattr(photographs, "FOLDER", tmp_path / "kept")
    monkeypatch.setattr(photographs, "_download", lambda name, folder: (fetched.append(name), wheel)[1])
    return fetched


def test_a_wheel_is_fetched_once_and_only_its_pictures_are_kept(wheels):
    assert list(photographs.training_photographs()) == ["one", "three"]
    assert list(photographs.held_back_photographs()) == ["two"]
    assert list(photographs.training_photographs()) == ["one", "three"]
    assert wheels == ["made-up==1.0"]
    assert sorted(file.name for file in photographs.FOLDER.iterdir()) == ["one.png", "three.npz", "two.dat"]


def test_a_damaged_picture_is_fetched_again(wheels):
    photographs.training_photographs()
    (photographs.FOLDER / "one.png").write_bytes(b"half of it")
    assert np.array_equal(np.asarray(photographs.training_photographs()["one"]), PICTURE)
    assert len(wheels) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [({"sha256": "0" * 64}, "expected is 0000"), ({"path": "made/other.png"}, "has no made/other.png")],
)
def test_another_picture_than_the_one_in_the_table_is_refused(wheels, monkeypatch, change, said):
    monkeypatch.setattr(photographs, "PHOTOGRAPHS", (replace(photographs.PHOTOGRAPHS[0], **change),))
    with pytest.raises(PhotographError, match=said):
        photographs.training_photographs()
    assert list(photographs.FOLDER.iterdir()) == []


@pytest.mark.slow
def test_without_a_connection_a_sentence_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(PhotographError, match=r"could not fetch made-up==1\.0.*Check the connection(.|\n)*ERROR"):
        photographs._download("made-up==1.0", str(tmp_path))
