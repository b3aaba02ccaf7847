"""What results take of main memory, and what a container may take."""

import pytest
from hires_pack.hires import memory


def test_a_pixel_of_three_colours_takes_twelve_bytes():
    assert memory.pictures((100, 50), 2) == 100 * 50 * 2 * 12
    assert memory.enlarged((100, 50), 2, channels=4, upscalers=2) == 100 * 50 * 2 * 16 * 2
    # what a redraw makes of a stage is kept beside it
    assert memory.staged([(2, 1), (4, 2)], [0.5, 0.0], 3) == (2 * 2 + 8) * 3 * 12
    assert memory.between_passes((100, 50), (100, 50), 2) == 100 * 50 * 2 * 12
    assert memory.between_passes((100, 60), (100, 50), 1) == (6000 + 5000) * 12


def test_with_a1111s_numbers_a_picture_is_made_whole_before_it_is_cropped():
    assert memory.enlarged_as_a1111((16384, 16384), (8, 16384), 1) == 16384 * 16384 * 4
    assert memory.enlarged_as_a1111((64, 64), (64, 64), 9) == 64 * 64 * 9 * 16
    assert memory.enlarged_as_a1111((64, 64), (64, 64), 1, [(400, 400)]) == 400 * 400 * 4
    assert memory.between_passes((64, 64), (64, 64), 2, a1111=True) == 64 * 64 * 2 * 16


@pytest.mark.parametrize("count", [0, 34, 999_999, 1_500_000, 2_000_000_000, 10**15, -5])
def test_a_number_of_bytes_never_rounds_to_nothing(count):
    text = memory.as_text(count)
    assert text == {0: "0 kB", 34: "1 kB", 999_999: "1000 kB", 1_500_000: "1.5 MB", 2 * 10**9: "2.0 GB"}.get(
        count, "0 kB" if count < 0 else "1000000.0 GB"
    )


GROUPS = {
    2: {
        "memory.max": "1000\n",
        "memory.current": "700\n",
        "memory.stat": "anon 5\ninactive_file 200\nactive_file 50\n",
    },
    1: {
        "memory/memory.limit_in_bytes": "1000",
        "memory/memory.usage_in_bytes": "700",
        "memory/memory.stat": "cache 9\ntotal_inactive_file 200\ntotal_active_file 50",
    },
}


@pytest.mark.parametrize("version", GROUPS)
def test_the_limit_of_a_container(version, tmp_path):
    assert memory.free_in_container(tmp_path) is None
    for name, text in GROUPS[version].items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert memory.free_in_container(tmp_path) == 1000 - 700 + 200 + 50


def test_a_container_without_a_limit(tmp_path):
    for name, text in {**GROUPS[2], "memory.max": "max\n"}.items():
        (tmp_path / name).write_text(text)
    assert memory.free_in_container(tmp_path) is None
