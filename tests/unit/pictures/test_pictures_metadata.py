"""EXIF blocks: what A1111 and ComfyUI hide in them is found, and the rest stays as it is."""

import struct

import pytest
from hires_pack.pictures.base.exif import fit_exif, join_exif, split_exif
from hires_pack.tests import exif_by_hand
from PIL import Image

INFOTEXT = "a fish, 木\nNegative prompt: ü\nSteps: 20, Sampler: Euler a, Size: 512x512"


def block(tags=None, inner=None, endian="<"):
    """An EXIF block by Pillow, without the mark."""
    exif = Image.Exif()
    exif.endian = endian
    for tag, value in (tags or {}).items():
        exif[tag] = value
    if inner:
        exif[0x8769] = inner
    return exif.tobytes().removeprefix(b"Exif\0\0")


def tags_of(data):
    exif = Image.Exif()
    exif.load(data)
    return dict(exif), dict(exif.get_ifd(0x8769)) if 0x8769 in exif else {}


def by_hand(value):
    """A block as piexif writes it for A1111: high byte first, nothing but a user comment."""
    inner = struct.pack(">HHHII", 1, 0x9286, 7, len(value), 26 + 18) + bytes(4) + value
    return b"MM\0*" + struct.pack(">I", 8) + struct.pack(">HHHII", 1, 0x8769, 4, 1, 26) + bytes(4) + inner


def test_a1111s_own_layout():
    data = by_hand(b"UNICODE\0" + INFOTEXT.encode("utf-16-be"))
    assert split_exif(data) == (None, 1, {"parameters": INFOTEXT})
    assert split_exif(b"Exif\0\0" + data) == (None, 1, {"parameters": INFOTEXT})


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        (b"UNICODE\0" + INFOTEXT.encode("utf-16-le"), INFOTEXT),
        (b"UNICODE\0" + INFOTEXT.encode("utf-16"), INFOTEXT),
        (b"UNICODE\0" + "木と海".encode("utf-16-be"), "木と海"),
        (b"ASCII\0\0\0Steps: 20\0", "Steps: 20"),
        (bytes(8) + INFOTEXT.encode(), INFOTEXT),
        (b"ASCII\0\0\0" + b" " * 100, None),
        (bytes(200), None),
    ],
)
def test_user_comments_of_other_programs(comment, text):
    data = block({0x010F: "a camera"}, {0x9286: comment, 0x829A: 0.5})
    rest, orientation, found = split_exif(data)
    assert (orientation, found) == (1, {} if text is None else {"parameters": text})
    tags, inner = tags_of(rest)
    assert tags[0x010F] == "a camera"
    assert inner[0x829A] == 0.5
    assert (0x9286 in inner) == (text is None)


def test_a_block_without_any_of_it_stays_byte_by_byte():
    data = block({0x010F: "a camera", 0x0110: "model: {", 0x9999: 7}, {0x829A: 0.5}, ">") + b"a maker's own data"
    assert split_exif(data) == (data, 1, {})


@pytest.mark.parametrize("endian", "<>")
def test_comfyuis_layout(endian):
    graph = '{"nodes": [1, "ü"], "a": {"b": 2}}'
    data = block({0x0110: f"prompt:{graph}".encode(), 0x010F: f"workflow:{graph}".encode(), 0x0131: "x"}, None, endian)
    rest, _, found = split_exif(data)
    assert found == {"prompt": graph, "workflow": graph}
    assert tags_of(rest)[0] == {0x0131: "x"}


@pytest.mark.parametrize(("value", "orientation"), [(1, 1), (6, 6), (8, 8), (0, 1), (9, 1), (65535, 1)])
def test_the_orientation_is_taken_out(value, orientation):
    rest, found, _ = split_exif(block({0x0112: value, 0x010F: "a camera"}))
    assert found == orientation
    assert tags_of(rest)[0] == {0x010F: "a camera"}
    assert split_exif(block({0x0112: value}))[0] is None


def test_the_rest_of_a_changed_block_is_kept():
    """Strings in other alphabets, places, and what cameras note about other cameras."""
    exif = Image.Exif()
    exif[0x0112], exif[0x013B], exif[0x8298] = 6, "Jörg 木".encode(), b"\xa9 Jos\xe9"
    exif[0x8769] = {0x9003: "2024:01:02 03:04:05", 0xA005: {1: "R98"}, 0x927C: b"maker's \xff\0 note"}
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 0.5)}
    rest, orientation, _ = split_exif(exif.tobytes())
    assert orientation == 6
    found = Image.Exif()
    found.load(rest)
    assert found[0x013B].encode("latin-1").decode() == "Jörg 木"
    assert found[0x8298] == "© José"
    assert found.get_ifd(0x8825) == {1: "N", 2: (48, 8, 0.5)}
    inner = found.get_ifd(0x8769)
    assert (inner[0x9003], inner[0x927C]) == ("2024:01:02 03:04:05", b"maker's \xff\0 note")
    assert found.get_ifd(0xA005) == {1: "R98"}


@pytest.mark.parametrize(
    "data", [b"nonsense", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"\0" * 50]
)
def test_a_damaged_block_counts_as_none(data):
    rest, orientation, text = split_exif(data)
    assert (orientation, text) == (1, {})
    assert rest in (None, data)


def test_no_block():
    assert split_exif(None) == split_exif(b"") == split_exif(b"Exif\0\0") == (None, 1, {})
    assert join_exif(None, {}) is None
    assert join_exif(b"block", {"Software": "no JSON", "XML:com.adobe.xmp": "<x/>"}) == b"block"


def test_join_is_the_reverse_of_split():
    data = block({0x0131: "x"}, {0x829A: 0.5})
    text = {"parameters": INFOTEXT, "prompt": '{"ä": 1}', "workflow": "[]", "third": "{}"}
    rest, _, found = split_exif(join_exif(data, text))
    assert found == text
    assert tags_of(rest) == tags_of(data)


@pytest.mark.parametrize("endian", "<>")
def test_bytes_have_the_type_that_exif_asks_for(endian):
    """A1111 reads by piexif, which makes a tuple of BYTE: png-info then answers 500."""
    inner = {
        0x9000: b"0232",
        0x927C: b"maker's note",
        0x9286: b"ASCII\0\0\0mine",
        0xA300: b"\3",
        0xA005: {1: "R98", 2: b"0100"},
    }
    rewritten = join_exif(block({0x010F: "a camera"}, inner, endian), {"parameters": INFOTEXT})
    found = exif_by_hand.entries(rewritten, exif_by_hand.EXIF_IFD)
    comment = b"UNICODE\0" + INFOTEXT.encode("utf-16-be")
    assert found[0x9286] == (exif_by_hand.UNDEFINED, comment)
    assert found[0x927C] == (exif_by_hand.UNDEFINED, b"maker's note")
    assert [found[tag][0] for tag in (0x9000, 0xA300)] == [exif_by_hand.UNDEFINED] * 2
    order = {"<": "little", ">": "big"}[endian]
    further = exif_by_hand.entries(
        rewritten[:4] + int.to_bytes(int.from_bytes(found[0xA005][1], order), 4, order) + rewritten[8:]
    )
    assert further[2] == (exif_by_hand.UNDEFINED, b"0100")


def test_the_prompt_is_not_where_cameras_put_their_model():
    """SD Prompt Reader stops at a Model that begins with "prompt:"."""
    tags = exif_by_hand.entries(join_exif(None, {"workflow": "[]", "prompt": "{}", "parameters": INFOTEXT}))
    assert {tag: value for tag, value in tags.items() if tag != exif_by_hand.EXIF_IFD} == {
        0x010E: (exif_by_hand.ASCII, b"prompt:{}\0"),
        0x010F: (exif_by_hand.ASCII, b"workflow:[]\0"),
    }


def test_a_camera_keeps_its_name(caplog):
    camera = block({0x010F: "a maker", 0x0110: "a model"})
    tags, _ = tags_of(join_exif(camera, {"prompt": "{}", "workflow": "[1]", "third": "[2]"}))
    assert (tags[0x010F], tags[0x0110]) == ("a maker", "a model")
    assert {tags[0x010E], tags[0x010D]} == {"prompt:{}", "workflow:[1]"}
    assert "'third'" in caplog.text


def test_what_does_not_fit_is_left_out_longest_first():
    text = {"parameters": "p" * 100, "prompt": "[%s]" % ("1" * 1000), "workflow": "[%s]" % ("2" * 3000)}
    for limit, kept in ((9000, set(text)), (3000, {"parameters", "prompt"}), (500, {"parameters"})):
        fitted = fit_exif(None, text, limit)
        assert len(fitted) <= limit
        assert set(split_exif(fitted)[2]) == kept
    assert fit_exif(None, text, 50) is None
    assert fit_exif(block({0x010F: "m" * 200}), text, 100) is None
    assert fit_exif(None, {"Software": "s" * 1000}, 50) is None
    assert set(text) == {"parameters", "prompt", "workflow"}
