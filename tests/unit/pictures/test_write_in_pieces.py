"""Pictures that are read piece by piece from the disk and written without being in memory, and parts that are kept."""

import shutil

import numpy as np
import pytest
import torch
from hires_pack.hires.tiles.boxes import Box
from hires_pack.pictures import FileFacts, Picture, PictureError, write_picture
from hires_pack.pictures.source import MemorySource
from hires_pack.pictures.streams.kept import KeptParts
from hires_pack.pictures.write import write_source


@pytest.mark.parametrize("format", ["png", "jpeg", "webp", "tiff"])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_picture_that_is_read_in_pieces_is_written_as_one_in_memory(format, depth, tmp_path):
    random = torch.rand(600, 21, 4, generator=torch.Generator().manual_seed(1)).mul(255).round().div(255)
    picture = Picture(random, FileFacts(depth=depth, text={"parameters": "a text"}, dpi=(72, 72)))
    write_picture(tmp_path / "whole", picture, format)
    write_source(tmp_path / "pieces", MemorySource(picture), picture.facts, format)
    assert (tmp_path / "pieces").read_bytes() == (tmp_path / "whole").read_bytes()
    with pytest.raises(PictureError, match="there is a file of that name already"):
        write_source(tmp_path / "pieces", MemorySource(picture), picture.facts, format)


def test_parts_are_kept_until_they_are_forgotten(tmp_path):
    kept = KeptParts(tmp_path)
    parts = {Box(x, y, x + 5, y + 3): torch.rand(3, 5, 4) for x in (0, 7) for y in (0, 2, 4)}
    assert all(kept.get(box) is None for box in parts)
    for box, pixels in parts.items():
        kept.keep(box, pixels)
    again = KeptParts(tmp_path)
    assert all(torch.equal(again.get(box), pixels) for box, pixels in parts.items())
    again.forget_above(2)
    assert [box.y0 for box in parts if again.get(box) is not None] == [2, 4, 2, 4]
    assert len(list(tmp_path.iterdir())) == 4


def test_what_is_no_complete_part_is_made_again(tmp_path):
    """Cut off by a crash, of another layout, or nothing at all."""
    kept, box = KeptParts(tmp_path), Box(0, 0, 5, 3)
    kept.keep(box, torch.rand(3, 5, 3))
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    spoiled = bytearray(whole)
    spoiled[-50] ^= 1
    claims = whole.replace(b"(3, 5, 3)", b"(3, 5, 9999999999)".ljust(9))  # of a part that fits no memory
    for content in (whole[:-1], whole[:20], b"", b"no numbers", b"PK\x03\x04", spoiled, claims, whole + b"more"):
        file.write_bytes(content)
        assert kept.get(box) is None
    with open(file, "wb") as written:
        np.lib.format.write_array(written, np.full((3, 5, 3), print), allow_pickle=True)
    assert kept.get(box) is None
    file.write_bytes(whole)
    assert kept.get(box) is not None
    assert kept.get(Box(0, 0, 5, 4)) is None


def test_a_disk_that_does_not_take_parts_stops_nothing(tmp_path, caplog):
    (tmp_path / "a file").touch()
    kept = KeptParts(tmp_path / "a file")
    for _ in range(3):
        kept.keep(Box(0, 0, 5, 3), torch.rand(3, 5, 3))
    assert len(caplog.records) == 1
    assert kept.get(Box(0, 0, 5, 3)) is None


def test_parts_may_have_another_size_than_their_place(tmp_path):
    kept, pixels = KeptParts(tmp_path / "made with the first"), torch.rand(6, 10, 3)
    kept.keep(Box(0, 0, 7, 5), pixels)
    assert torch.equal(kept.get(Box(0, 0, 7, 5), (10, 6)), pixels)
    assert kept.get(Box(0, 0, 7, 5)) is None


def test_parts_leave_the_disk_to_the_result(tmp_path, monkeypatch, caplog):
    """One whose file has holes takes its room later."""
    box, pixels, needed = Box(0, 0, 100, 100), torch.rand(100, 100, 3), 120000
    with open(tmp_path / "result", "wb") as file:
        file.truncate(10**6)
    held = (tmp_path / "result").stat().st_blocks * 512
    for free, fits in ((10**6 - held + needed - 1, False), (10**6 - held + needed, True)):
        usage = shutil.disk_usage(tmp_path)._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        kept = KeptParts(tmp_path / "parts", tmp_path / "result")
        kept.keep(box, pixels)
        assert (kept.get(box) is not None) == fits
    assert [record.getMessage() for record in caplog.records] == [
        "What is made is not kept for the case of a crash: the disk has only as much room as the result needs"
    ]
