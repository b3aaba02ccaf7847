"""What a job notes of windows that memory ran out for: a restart knows it, and the report tells it."""

from hires_pack.hires.tiles.boxes import Box
from hires_pack.host.redraw.in_tiles import InTiles

FIRST, SECOND = Box(0, 0, 96, 96), Box(64, 0, 160, 96)


def test_a_restart_knows_how_a_window_was_drawn(tmp_path):
    notes = InTiles(tmp_path)
    assert (notes.of(FIRST), notes.remark) == (0, "")
    notes.note(FIRST, 576)
    notes.note(SECOND, 576)
    notes.note(SECOND, 432)
    again = InTiles(tmp_path)
    assert (again.of(FIRST), again.of(SECOND), again.of(Box(0, 64, 96, 160))) == (576, 432, 0)
    assert "memory ran out for 2 windows, sampled in tiles of 432 pixels or more" in again.remark


def test_what_cannot_be_read_is_as_nothing_noted(tmp_path):
    for text in ("", "[]", '{"0-0": "many"}', "null"):
        (tmp_path / "in-tiles.json").write_text(text, encoding="utf-8")
        assert InTiles(tmp_path).of(FIRST) == 0
