"""Target size: the table of A1111's own results, and what must hold for every size."""

import pytest
from hires_pack.hires.sizes.image_sizes import MAX_SIDE, SizeError, cover_size, image_size, target_size
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("first", "resize", "up", "crop", "final"),
    [
        ((512, 768), (1024, 1024), (1024, 1536), (0, 64), (1024, 1024)),
        ((512, 512), (1920, 1080), (1920, 1920), (0, 105), (1920, 1080)),
        ((512, 512), (1025, 1023), (1025, 1025), (0, 0), (1024, 1024)),
        ((512, 512), (1023, 1001), (1023, 1023), (0, 2), (1016, 1000)),
        ((512, 768), (1000, 0), (1000, 1500), (0, 0), (1000, 1496)),
        ((1024, 1024), (512, 800), (800, 800), (36, 0), (512, 800)),
        ((704, 384), (1920, 1080), (1980, 1080), (7, 0), (1920, 1080)),
    ],
)
def test_resize_fields_as_recorded(first, resize, up, crop, final):
    target = target_size(*first, hr_resize_x=resize[0], hr_resize_y=resize[1])
    assert (target.up_width, target.up_height) == up
    assert (target.crop_x, target.crop_y) == crop
    assert target.size == final


@pytest.mark.parametrize(
    ("first", "scale", "up", "final"),
    [
        ((832, 512), 1.3, (1081, 665), (1080, 664)),
        ((960, 960), 2.05, (1967, 1967), (1960, 1960)),  # double arithmetic, not 1968
        ((512, 512), 2.0, (1024, 1024), (1024, 1024)),
        ((512, 512), 0.5, (256, 256), (256, 256)),
    ],
)
def test_scale_as_recorded(first, scale, up, final):
    target = target_size(*first, hr_scale=scale)
    assert (target.up_width, target.up_height) == up
    assert target.size == final


def test_resize_fields_override_scale():
    assert target_size(512, 512, 4.0, 768, 0).size == (768, 768)


def test_an_odd_crop_takes_the_extra_cell_from_the_right_and_the_bottom():
    target = target_size(512, 512, hr_resize_x=1920, hr_resize_y=1080)  # 105 cells off the height
    assert target.crop_window(240, 240) == (0, 52, 240, 187)


def test_cells_of_another_vae():
    target = target_size(512, 512, hr_resize_x=1000, hr_resize_y=512, cell=16)
    assert target.latent_size == (62, 1000 // 16 - (1000 - 512) // 16)
    assert all(side % 16 == 0 for side in target.size)


@given(
    width=st.integers(16, 2048),
    height=st.integers(16, 2048),
    scale=st.floats(0.5, 4),
    x=st.just(0) | st.integers(16, 2048),
    y=st.just(0) | st.integers(16, 2048),
    cell=st.sampled_from([8, 16]),
)
def test_every_accepted_target_is_whole_cells_and_near_what_was_asked(width, height, scale, x, y, cell):
    try:
        target = target_size(width, height, scale, x, y, cell)
    except SizeError:
        return  # more than MAX_SIDE, or less than a cell: covered below
    for side, asked in zip(target.size, (x, y), strict=True):
        assert side % cell == 0
        assert 0 < side <= MAX_SIDE
        if asked:
            assert side <= asked + cell
            assert x == 0 or y == 0 or abs(side - asked) < 2 * cell
    x0, y0, x1, y1 = target.crop_window(target.up_width // cell, target.up_height // cell)
    assert (x1 - x0, y1 - y0) == target.latent_size


@pytest.mark.parametrize(
    ("arguments", "name", "words"),
    [
        ((0, 512), "width", "0"),
        ((512, -8), "height", "-8"),
        ((512, 512, 0.0), "hr_scale", "0"),
        ((512, 512, float("nan")), "hr_scale", "nan"),
        ((512, 512, 200.0), "hr_scale", "102400"),
        ((512, 512, 2.0, -1), "hr_resize_x", "-1"),
        ((512, 512, 2.0, 100_000), "hr_resize_x", "100000"),
        ((512, 512, 2.0, 0, 16385), "hr_resize_y", "16385.* 16384"),
        ((4096, 16, 4.001), "hr_scale", "16388x64.* 16384"),
        ((16, 16384, 2.0, 8192, 0), "hr_resize_x", "8192x8388608"),
        ((512, 16, 0.05), "hr_scale", "25x0"),
    ],
)
def test_impossible_sizes_name_the_input_and_the_number(arguments, name, words):
    with pytest.raises(SizeError, match=words) as error:
        target_size(*arguments)
    assert error.value.input_name == name


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 5000))
def test_cover_size_covers_tightly(width, height, target_width, target_height):
    w, h = cover_size(width, height, target_width, target_height)
    assert w >= target_width
    assert h >= target_height
    assert w == target_width or h == target_height


@pytest.mark.parametrize(
    ("source", "resize", "crop", "up", "size"),
    [
        ((2000, 12), 16.0, True, (32000, 192), (32000, 192)),
        ((300, 9000), 8.0, True, (2400, 72000), (2400, 72000)),
        ((6000, 6000), 4.0, True, (24000, 24000), (24000, 24000)),
        ((1000, 1), 1000.0, True, (1_000_000, 1000), (1_000_000, 1000)),
        ((100, 1000), (16384, 16), True, (16384, 163840), (16384, 16)),
        ((100, 1000), (16384, 16), False, (16384, 163840), (16384, 163840)),
        ((3, 2), (30000, 20000), True, (30000, 20000), (30000, 20000)),
    ],
)
def test_pictures_without_a_diffusion_model_may_be_longer(source, resize, crop, up, size):
    found = image_size(*source, resize, crop)
    assert ((found.up_width, found.up_height), (found.width, found.height)) == (up, size)


@pytest.mark.parametrize(
    ("arguments", "name", "words"),
    [
        ((1000, 1, 1000.001), "upscaling_resize", "1000001x1000.* 1000000"),
        ((10, 10, (1_000_001, 8)), "upscaling_resize_w", "1000001.* 1000000"),
        ((10, 10, (8, 1_000_001)), "upscaling_resize_h", "1000001.* 1000000"),
        ((16, 1000, (16384, 16384)), "upscaling_resize_w", "16384x1024000.* 1000000"),
        ((4097, 8, 4.0, True, MAX_SIDE), "upscaling_resize", "16388x32.* 16384"),
        ((8, 9, (16384, 16384), True, MAX_SIDE), "upscaling_resize_w", "16384x18432.* 16384"),
        ((8, 8, 0.0), "upscaling_resize", "0x0"),
        ((8, 8, float("nan")), "upscaling_resize", "nan"),
    ],
)
def test_impossible_pictures_name_the_input_and_the_number(arguments, name, words):
    with pytest.raises(SizeError, match=words) as error:
        image_size(*arguments)
    assert error.value.input_name == name
