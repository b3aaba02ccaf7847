"""The windows of `Bands` by name: what they see, and what of it is theirs."""

from hires_pack.hires.tiles.bands import Bands
from hires_pack.hires.tiles.boxes import Box
from hires_pack.hires.tiles.windows import plan_windows


def test_windows_come_row_by_row_and_own_a_partition():
    bands = Bands.of(plan_windows(40, 30, 16, 4), 318, 240, 8)
    seen: list[Box] = []
    bands_area = 0
    for box, owned in bands.windows:
        assert box.shared(owned) == owned
        bands_area += owned.area
        seen.append(box)
    assert bands_area == 318 * 240
    assert seen == sorted(seen, key=lambda box: (box.y0, box.x0))
    assert len(seen) == bands.count
