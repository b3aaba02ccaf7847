"""Generation texts: what A1111 wrote comes back byte for byte, and nothing of any text is lost."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from hires_pack.hires.infotext.text import Infotext, Parameter, parse, quoted, write
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

DATA = Path(__file__).resolve().parents[2] / "data"
RECORDED = {
    f"{name}-{index}": text
    for name, case in json.loads((DATA / "oracle-infotexts" / "cases.json").read_text(encoding="utf-8")).items()
    for index, text in enumerate(case["infotexts"])
}
ODD = json.loads((DATA / "odd-infotexts" / "texts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", RECORDED.values(), ids=RECORDED)
def test_recorded_texts_come_back_byte_for_byte(text):
    infotext = parse(text)
    assert write(infotext) == text
    assert not infotext.trailer
    # A1111's own rules give the same bytes: nothing had to be remembered as it was written
    bare = tuple(Parameter(found.key, found.value) for found in infotext.parameters)
    assert write(Infotext(infotext.prompt, infotext.negative_prompt, bare)) == text


def test_a_recorded_text_in_its_parts():
    infotext = parse(RECORDED["hr-prompt-override-0"])
    assert infotext.prompt == "a photo of a red apple on a wooden table"
    assert infotext.negative_prompt == "blurry, low quality"
    assert infotext.get("hires PROMPT") == "portrait of an old sailor, oil painting, dramatic light"
    assert [found.key for found in infotext.parameters][-5:] == [
        "Hires prompt",
        "Hires negative prompt",
        "Hires upscale",
        "Hires upscaler",
        "Version",
    ]
    assert infotext.get("Hires steps") is None


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Euler a", "Euler a"),
        ('say "cheese" now', 'say "cheese" now'),  # a quote alone needs no quotes
        ("a, b", '"a, b"'),
        ("a: b", '"a: b"'),
        ("a\nb", r'"a\nb"'),
        ('a, "b" \\ é 猫', r'"a, \"b\" \\ é 猫"'),
        ("", ""),
        # beyond A1111: these would be read back as something else
        (' a"', r'" a\""'),
        ('"a"', r'"\"a\""'),
        ("[1", '"[1"'),
    ],
)
def test_quoting(value, written):
    assert quoted(value) == written
    text = write(Infotext("a cat", "", (Parameter("Steps", "1"), Parameter("Note", value), Parameter("End", "1"))))
    assert text == f"a cat\nSteps: 1, Note: {written}, End: 1"
    assert parse(text).get("Note") == value


def test_a_key_that_equals_its_value_is_written_once():
    assert str(Parameter("Tiled", "Tiled")) == "Tiled"
    assert parse("Steps: 1, Tiled, Tiled: Tiled").parameters[1:] == (
        Parameter("Tiled", "Tiled"),
        Parameter("Tiled", "Tiled", "Tiled"),
    )


@pytest.mark.parametrize("odd", ODD, ids=[odd["name"] for odd in ODD])
def test_odd_texts(odd):
    infotext = parse(odd["text"])
    found = {"prompt": infotext.prompt, "negative": infotext.negative_prompt, "trailer": infotext.trailer}
    for part, value in found.items():
        if part in odd:
            assert value == odd[part]
    for key, value in odd.get("keys", {}).items():
        assert infotext.get(key) == value
    assert words(write(infotext)) == words(odd["text"])


def words(text: str) -> Counter[str]:
    """Every word, but the heading that goes with an empty negative prompt; zeros around a text are no part of it."""
    text = text.strip("\0\ufeff")
    return Counter(re.findall(r"\w+", re.sub(r"Negative prompt:(?=\s*(Steps|Negative prompt:|$))", "", text)))


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=40)
KEYS = st.from_regex(r"\A\w[\w \-/]+\Z").filter(lambda key: key == key.strip())
VALUES = WORDS | KEYS | st.sampled_from(['"', '"a', "[1", "{", 'a"', "Steps: 1,"])
PARAMETERS = st.lists(st.builds(Parameter, KEYS, VALUES))


@st.composite
def infotexts(draw):
    """Any that a text can hold: prompts that do not start with blanks, no line that starts the negative prompt."""
    lead = draw(WORDS.map(str.lstrip).filter(lambda text: not any(map(starts_negative, text.split("\n")))))
    steps = Parameter("Steps", str(draw(st.integers(0, 10**6))))
    return Infotext(lead, draw(WORDS), (steps, *draw(PARAMETERS)))


def starts_negative(line: str) -> bool:
    return line.startswith("Negative prompt:")


@pytest.mark.slow
@hypothesis_settings(deadline=None)
@given(infotexts())
@example(Infotext("Steps: 3, up", "Negative prompt: x\nSteps: 3, a: b, c: d", (Parameter("Steps", "1"),)))
@example(Infotext("", "", (Parameter("Steps", "1"), Parameter("Note", "a Steps: 2, b"))))
def test_what_is_written_reads_back(infotext):
    assert parse(write(infotext)) == infotext


MARKS = [",", ":", '"', "\\", "\n", "\r\n", "[", "]", "{", "}", "(", ")", "<", ">", "é", "猫", "\0", "\\u", " "]
PIECES = st.sampled_from([*MARKS, "Steps: 20", "Negative prompt:", "Seed: 5, "])


@hypothesis_settings(deadline=None)
@given(st.lists(PIECES | WORDS, max_size=30).map("".join))
@example("Negative prompt:\0")
@example("Negative prompt:\0 a")
@example(",Negative prompt:\nNegative prompt:")
def test_no_text_raises_or_loses_a_word(text):
    assert words(write(parse(text))) == words(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "a " * 100_000,
        "a:" * 100_000,
        '"a,' * 50_000,
        "[" * 100_000,
        "[1," * 50_000,
        "\n" * 100_000,
        " " * 100_000 + "a",
    ],
    ids=["words", "keys", "quotes", "brackets", "lists", "lines", "blanks"],
)
def test_long_texts_take_no_longer_than_they_are(text):
    parse(f"a cat\nSteps: 1, Note: {text}, End: 1")
    parse(text)
