"""A1111's prompt syntax: what applies when, with which weight, and in which chunk.

Expectations are documented behaviour of A1111 v1.10.1: its own examples, its wiki, and closed forms.
"""

import math
import sys

import pytest
import torch
from hires_pack.hires.prompts.chunks import SpecialTokens, TokenRun, empty_chunk, pack
from hires_pack.hires.prompts.counting import EITHER, FIRST, SECOND, CountedPass, Counting
from hires_pack.hires.prompts.grammar import PassSteps, schedule
from hires_pack.hires.prompts.passes import (
    PromptPart,
    SubPrompt,
    counts_steps,
    plan_negative,
    plan_prompt,
    without_comments,
    without_extra_networks,
)
from hires_pack.hires.prompts.weights import apply_weights, parse_weights
from hires_pack.hires.sampling.same import SAME_SAMPLER
from hypothesis import given
from hypothesis import strategies as st

TEN = PassSteps(10)


def alternating(*options, steps=10):
    return [(step, options[(step - 1) % len(options)]) for step in range(1, steps + 1)]


# ---------------------------------------------------------------------------------------------------- editing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("test", [(10, "test")]),
        ("", [(10, "")]),
        ("a [b:3]", [(3, "a "), (10, "a b")]),
        ("a [b: 3]", [(3, "a "), (10, "a b")]),
        ("a [b:3 ]", [(3, "a "), (10, "a b")]),
        ("a [[[b]]:2]", [(2, "a "), (10, "a [[b]]")]),
        ("[(a:2):3]", [(3, ""), (10, "(a:2)")]),
        ("a [b : c : 1] d", [(1, "a b  d"), (10, "a  c  d")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("a [unbalanced", [(10, "a [unbalanced")]),
        ("a [b:.5] c", [(5, "a  c"), (10, "a b c")]),
        ("((a][:b:c [d:3]", [(3, "((a][:b:c "), (10, "((a][:b:c d")]),
        ("a [b::4] c", [(4, "a b c"), (10, "a  c")]),
        ("[:b:4]", [(4, ""), (10, "b")]),
        ("(a [b:c:4]:1.2)", [(4, "(a b:1.2)"), (10, "(a c:1.2)")]),
        ("[a:b:4] [c:d:7]", [(4, "a c"), (7, "b c"), (10, "b d")]),
        ("[a:b:4] [c:d:4]", [(4, "a c"), (10, "b d")]),
        ("é [雨:☀:2]\n", [(2, "é 雨\n"), (10, "é ☀\n")]),
    ],
)
def test_editing(text, expected):
    assert schedule(text, TEN) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a|(b:1.1)]", alternating("a", "(b:1.1)")),
        ("[fe|]male", alternating("female", "male")),
        ("[fe|||]male", alternating("female", "male", "male", "male")),
        ("[|x]", alternating("", "x")),
        ("[[a|b]|c]", alternating("a", "c")),  # both count the same steps, so b never has its turn
        ("[a|[b:c:4]]", [(s, "a" if s % 2 else "b" if s <= 4 else "c") for s in range(1, 11)]),
        ("[a:[b|c]:4]", [(s, "a" if s <= 4 else "b" if s % 2 else "c") for s in range(1, 11)]),
    ],
)
def test_alternation(text, expected):
    assert schedule(text, TEN) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a | b [c:3]",  # a bar belongs into an alternation
        "(a|b) [c:3]",
        "[a|b:3]",
        "[a:b|c:3]",
        "[c:3] \\",  # nothing to escape
        "[c:3] \\\n",
        "[a:b:c:3]",
        "[a:b:c]",
        "[a:3x]",
        "[a:(3)]",
        "[3]",
        "\\[a:3]",
        "[a (b:3]",  # the round bracket never closes, so the square one cannot either
        "a:3",
    ],
)
def test_what_is_no_editing_stays_as_it_is(text):
    assert schedule(text, TEN) == [(10, text)]


def test_escapes_are_left_for_emphasis():
    assert schedule(r"[\(a\]:b\|:3]", TEN) == [(3, r"\(a\]"), (10, r"b\|")]


@pytest.mark.parametrize(
    ("when", "first", "second"),
    [
        ("3", 3, None),  # an absolute step of the first pass is over in the second
        ("10", 10, None),
        ("13", 10, 3),  # counted through both passes
        ("40", 10, 8),
        ("0", None, None),
        ("-4", None, None),
        (".5", 5, None),
        ("0.55", 5, None),
        ("0.0", None, None),
        ("1.0", 10, None),
        ("1.5", 10, 4),  # 1 to 2 is the second pass
        ("2.0", 10, 8),
        ("7.5", 10, 8),
        ("1.", 10, None),
        ("1e1", 10, None),
        ("+.5", 5, None),
        ("9e999", 10, 8),
    ],
)
def test_steps_and_fractions_in_both_passes(when, first, second):
    """A pass of 10 steps, then one of 8."""
    for steps, last in ((PassSteps(10), first), (PassSteps(10, 8), second)):
        expected = [(steps.total, "b")] if last is None else [(last, "a"), (steps.total, "b")]
        if last == steps.total:
            expected = [(last, "a")]
        assert schedule(f"[a:b:{when}]", steps) == expected


@pytest.mark.parametrize(
    ("arguments", "first", "second"),
    [
        ((FIRST, 20, 0, "Euler", "Euler"), 20, None),
        ((FIRST, 20, 5, "Heun", "Euler"), 40, None),
        ((SECOND, 20, 0, "Euler", "Euler"), 20, 20),
        ((SECOND, 20, 5, "Euler", "Euler"), 20, 5),
        ((SECOND, 20, 5, "DPM++ SDE", "DPM2 a"), 40, 10),
        ((SECOND, 20, 0, "DPM++ 2M", "Restart"), 20, 40),
        ((SECOND, 20, 0, "DPM++ 2S a", "DPM2"), 40, 40),
        ((SECOND, 20, 0, "heun", "dpmpp_2s_ancestral"), 40, 40),
        ((SECOND, 20, 0, "Heun", SAME_SAMPLER), 40, 40),
    ],
)
def test_samplers_of_second_order_count_double(arguments, first, second):
    counting = Counting(*arguments)
    assert counting.steps_in(None) == PassSteps(first, second)
    # what is said there, a pass does not change
    assert counting.steps_in(CountedPass(True, 7, "DPM++ SDE", 9, "Restart")) == PassSteps(first, second)


BASE, HIRES = CountedPass(False, 30, "Euler"), CountedPass(True, 30, "Euler", 12, "Heun")


@pytest.mark.parametrize(
    ("arguments", "in_first", "in_second"),
    [
        ((EITHER, 0, 0, SAME_SAMPLER, SAME_SAMPLER), (30, None), (30, 24)),
        ((EITHER, 20, 0, "Euler", SAME_SAMPLER), (20, None), (20, 20)),  # as told: as many as the first
        ((EITHER, 0, 7, SAME_SAMPLER, SAME_SAMPLER), (30, None), (30, 14)),
        ((EITHER, 0, 0, "DPM2", SAME_SAMPLER), (60, None), (60, 24)),
        ((EITHER, 0, 0, SAME_SAMPLER, "Euler a"), (30, None), (30, 12)),
        ((SECOND, 0, 0, SAME_SAMPLER, SAME_SAMPLER), (30, 30), (30, 24)),
        ((FIRST, 0, 0, SAME_SAMPLER, SAME_SAMPLER), (30, None), (30, None)),
        ((FIRST, 20, 0, SAME_SAMPLER, SAME_SAMPLER), (20, None), (20, None)),
    ],
)
def test_what_a_prompt_is_not_told_its_pass_says(arguments, in_first, in_second):
    counting = Counting(*arguments)
    assert counting.steps_in(None) is None
    assert [counting.steps_in(of) for of in (BASE, HIRES)] == [PassSteps(*in_first), PassSteps(*in_second)]


@pytest.mark.parametrize(
    ("text", "in_prompt", "in_negative"),
    [
        ("a (b:1.2) [c] AND d:0.5", False, False),
        ("[a:b:0.5]", True, True),
        ("a AND [b|c]", True, True),
        ("[a AND b:0.5]", False, True),
        ("a [b:30] c", True, True),
        (r"\[a:b:0.5\]", False, False),
    ],
)
def test_only_editing_counts_steps(text, in_prompt, in_negative):
    assert (counts_steps(text, False), counts_steps(text, True)) == (in_prompt, in_negative)


def pieces():
    """(text, function of the step, steps at which it switches), built so that the answer is known."""
    words = st.text("abc ,é\n", max_size=4).map(lambda text: (text, lambda step: text, set()))

    def join(children):
        return (
            "".join(child[0] for child in children),
            lambda step: "".join(child[1](step) for child in children),
            set().union(*(child[2] for child in children)),
        )

    def edit(before, after, when):
        return (
            f"[{before[0]}:{after[0]}:{when}]",
            lambda step: before[1](step) if step <= when else after[1](step),
            before[2] | after[2] | {when},
        )

    def alternate(options):
        return (
            "[" + "|".join(option[0] for option in options) + "]",
            lambda step: options[(step - 1) % len(options)][1](step),
            set(range(1, 11)).union(*(option[2] for option in options)),
        )

    def emphasise(child, weight):
        return f"({child[0]}{weight})", lambda step: f"({child[1](step)}{weight})", child[2]

    def grow(inner):
        return st.one_of(
            st.lists(inner, max_size=3).map(join),
            st.builds(edit, inner, inner, st.integers(1, 10)),
            st.lists(inner, min_size=2, max_size=3).map(alternate),
            st.builds(emphasise, inner, st.sampled_from(["", ":1.2"])),
        )

    return st.recursive(words, grow, max_leaves=6)


@given(pieces())
def test_well_formed_prompts_of_any_nesting(piece):
    text, at, switches = piece
    assert schedule(text, TEN) == [(end, at(end)) for end in sorted(switches | {10})]


# ------------------------------------------------------------------------------------------- long prompts


def nested(opening, closing):
    return (
        lambda length: opening * (length // len(opening + closing)) + "b" + closing * (length // len(opening + closing))
    )


def repeated(piece):
    return lambda length: piece * (length // len(piece))


SHAPES = {
    **{
        f"nested {opening}…{closing}": nested(opening, closing)
        for opening, closing in (
            *(("(a", ")"), ("((", "))"), ("[a", "]"), ("(a", ":1.01)"), ("(a[b", "])")),
            *(("[a:", ":0.5]"), ("[a", ":0.5]"), ("[", ":a:5]"), ("[a|", "]"), ("[a(", "|b)]")),
        )
    },
    **{
        f"repeated {piece!r}": repeated(piece)
        for piece in (
            *(" ", "\n", "\t \n", "x ", "(", "[", "(a", "[a", "[a:", "[a|", ")", "a]", ":", ": ", "|", "a:1.5"),
            *(" AND ", "a AND  ", " BREAK ", "BREAK", "[a|b]", "[a:b:5]", "(a:1.2)", "\\", "\\a", "\\(", "(a[b)c]"),
            *("<lora:", "<lora:x:1>", "<a:>", "<", ">", "#", "#\n", "\n#", "1", "1.", "[a:b:1"),
        )
    },
    "blanks in the middle": lambda length: "a" + " " * length + "b",
    "blanks before a weight": lambda length: "(a:" + " " * length + "b)",
    "blanks before a step": lambda length: "[a:" + " " * length + "b]",
    "digits that are no weight": lambda length: "(a:" + "1" * length + "x)",
    "digits that are no step": lambda length: "[a:" + "1" * length + "x]",
    "digits that are a step": lambda length: "[a:" + "1" * length + "]",
    "digits at the end": lambda length: "a:" + "1" * length + "x",
}


def understood(text):
    """Everything that is done with a prompt before it becomes tokens."""
    text, _ = without_extra_networks(without_comments(text))
    for sub in (*plan_prompt(text, TEN), *plan_negative(text, TEN)):
        for words in {words for _, words in sub.schedule}:
            parse_weights(words)


def work(text):
    """Lines of the pack that run, and pieces that it copies from one list or string to another."""
    count = 0

    def trace(frame, event, value):
        nonlocal count
        if "hires" not in frame.f_code.co_filename:
            return None
        count += len(value) if event == "return" and isinstance(value, list | str) else event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        understood(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_work_grows_as_the_prompt_does(shape):
    assert work(shape(2000)) <= 2.2 * work(shape(1000)) + 100


@pytest.mark.slow
@pytest.mark.parametrize("shape", [shape for name, shape in SHAPES.items() if "nested" not in name])
def test_long_prompts_come_to_an_end(shape):
    """What regular expressions do is not counted above. Nor is there a limit of time here: some once took minutes."""
    understood(shape(2**14))


@pytest.mark.slow
def test_prompts_of_any_depth_are_understood():
    for opening, closing in (("[a:", ":0.5]"), ("[", "|b]"), ("(", ")"), ("[(", ")]")):
        understood(nested(opening, closing)(2**15))


@given(st.lists(st.sampled_from(["(", ")", "[", "]", "a", "b ", ":1.3)", ":0.7)"]), max_size=30))
def test_weights_are_multiplied_in_the_order_of_closing(tokens):
    """A1111's own way, which takes time squared: each bracket multiplies all that stands in it when it is closed."""
    runs, open_at, factors = [], {"(": [], "[": []}, {"(": 1.1, "[": 1 / 1.1}

    def close(opening, factor):
        for run in runs[open_at[opening].pop() :]:
            run[1] *= factor

    for token in tokens:
        opening = "[" if token == "]" else "("
        if token in open_at:
            open_at[token].append(len(runs))
        elif token[-1] in ")]" and open_at[opening]:
            close(opening, float(token[1:-1]) if token[0] == ":" else factors[opening])
        else:
            runs.append([token, 1.0])
    for opening, places in open_at.items():
        while places:
            close(opening, factors[opening])
    found = [(mark, run.weight) for run in parse_weights("".join(tokens)) for mark in run.text]
    assert found == [(mark, weight) for text, weight in runs for mark in text]


# -------------------------------------------------------------------------------------- AND, comments, tags


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", [("a", 1.0)]),
        ("", [("", 1.0)]),
        ("a AND b", [("a", 1.0), (" b", 1.0)]),
        ("a :1.2 AND b:0.5", [("a", 1.2), (" b", 0.5)]),
        ("an old sailor AND a stormy sea :0.5", [("an old sailor", 1.0), (" a stormy sea", 0.5)]),
        ("a : -1. AND b :+.5\n", [("a", -1.0), (" b", 0.5)]),
        ("a\nAND\nb:2", [("a", 1.0), ("\nb", 2.0)]),
        ("a:1:2", [("a:1", 2.0)]),
        ("(a:1.2)", [("(a:1.2)", 1.0)]),
        ("a :1e3", [("a :1e3", 1.0)]),
        ("a :", [("a :", 1.0)]),
        ("BRAND SAND ANDY", [("BRAND SAND ANDY", 1.0)]),
        ("a and b", [("a and b", 1.0)]),
        ("a AND", [("a", 1.0), ("", 1.0)]),
        ("a :" + "9" * 400, [("a :" + "9" * 400, 1.0)]),
    ],
)
def test_and(text, expected):
    assert plan_prompt(text, TEN) == [SubPrompt(weight, [(10, part)]) for part, weight in expected]


def test_and_is_a_word_in_a_negative_prompt():
    assert plan_negative("a AND b:0.5", TEN) == [SubPrompt(1.0, [(10, "a AND b:0.5")])]


def test_every_part_has_its_own_schedule():
    assert plan_prompt("[a:b:4] AND c:2", TEN) == [SubPrompt(1.0, [(4, "a"), (10, "b")]), SubPrompt(2.0, [(10, " c")])]


def test_the_steps_of_a_part():
    """An entry applies while the step is not past its end; model calls count from 0."""
    [sub] = plan_prompt("[a:b:4] [c::7] :0.5", TEN)
    assert sub.parts(3) == [PromptPart(3, 0.5, 0, 4), PromptPart(3, 0.5, 5, 7), PromptPart(3, 0.5, 8, 10)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "a"),
        ("a # b", "a \n"),
        ("a # b\nc", "a \nc"),
        ("# a\nb", "\nb"),
        ("a\n# b\nc", "a\nc"),
        ("a\n#b\n#c\nd", "a\n\nd"),
    ],
)
def test_comments(text, expected):
    assert without_comments(text) == expected


def test_extra_networks_are_taken_out():
    text = "a <lora:x y:0.8>, <hypernet:z:1:te=2>b <3 a:b"
    assert without_extra_networks(text) == ("a , b <3 a:b", ["<lora:x y:0.8>", "<hypernet:z:1:te=2>"])


# --------------------------------------------------------------------------------------------------- emphasis


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("normal text", [("normal text", 1.0)]),
        ("", [("", 1.0)]),
        ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
        ("(unbalanced", [("unbalanced", 1.1)]),
        ("unbalanced)", [("unbalanced)", 1.0)]),
        ("[unbalanced", [("unbalanced", 1 / 1.1)]),
        (r"\(literal\]", [("(literal]", 1.0)]),
        (r"back\\slash \x", [("back\\slash x", 1.0)]),
        ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
        (
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            [
                ("a ", 1.0),
                ("house", 1.3 * 1.1 * 1.1),
                (" ", 1.1),
                ("on", 1.0),
                (" a ", 1.1),
                ("hill", 0.55),
                (", sun, ", 1.1),
                ("sky", 1.1**4),
                (".", 1.1),
            ],
        ),
        ("(a: 1.3 )", [("a", 1.3)]),
        ("(a:-1)", [("a", -1.0)]),
        ("(a:b:1.3)", [("a:b", 1.3)]),
        ("a:1.3)", [("a:1.3)", 1.0)]),
        ("(a:1.2.3)", [("a:1.2.3)", 1.1)]),
        ("[a:1.3]", [("a:1.3", 1 / 1.1)]),
        ("(a [b) c]", [("a ", 1.1), ("b", 1.0), (" c", 1 / 1.1)]),  # the kinds of bracket close independently
        ("é (雨:2)", [("é ", 1.0), ("雨", 2.0)]),
    ],
)
def test_emphasis(text, expected):
    found = parse_weights(text)
    assert [run.text for run in found] == [text for text, _ in expected]
    assert [run.weight for run in found] == pytest.approx([weight for _, weight in expected], rel=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a BREAK b", ["a", None, "b"]),
        ("a\nBREAK, b", ["a", None, ", b"]),
        ("BREAKFAST", ["BREAKFAST"]),
        ("BREAK BREAK", ["", None, "", None, ""]),
        (r"a BREAK \( b", ["a", None, "( b"]),
        ("(a) BREAK b", ["a", "", None, "b"]),
        ("(a BREAK b:1.5)", ["a", "BREAK", "b"]),  # A1111 multiplies the mark's weight, which makes it a word
    ],
)
def test_breaks(text, expected):
    assert [None if run.is_break else run.text for run in parse_weights(text)] == expected


def weights(*values):
    return torch.tensor([values])


ONE = torch.ones(1, dtype=torch.float64)


def test_original_emphasis_restores_the_mean():
    z = torch.tensor([[[1.0, 2.0], [3.0, 6.0]]])  # mean 3; weighted by 1 and 2: 1 2 6 12, mean 21/4
    expected = torch.tensor([[[1.0, 2.0], [6.0, 12.0]]]) * 12 / 21
    torch.testing.assert_close(apply_weights(z, weights(1.0, 2.0), ONE, "Original"), expected)


def test_no_norm_only_multiplies():
    z = torch.tensor([[[1.0, 2.0], [3.0, 6.0]]])
    expected = torch.tensor([[[1.0, 2.0], [6.0, 12.0]]])
    torch.testing.assert_close(apply_weights(z, weights(1.0, 2.0), ONE, "No norm"), expected)


@pytest.mark.parametrize("mode", ["Ignore", "None"])
def test_modes_without_effect(mode):
    z = torch.randn(1, 2, 3)
    assert apply_weights(z, weights(1.0, 2.0), ONE, mode) is z


def test_without_weights_nothing_changes_by_a_bit():
    z = torch.randn(1, 2, 3)
    assert apply_weights(z, weights(1.0, 1.0), ONE, "Original") is z


def test_the_mean_is_taken_over_the_whole_schedule():
    """Two texts, the first in three entries: as if it were encoded three times in the same batch."""
    z = torch.rand(2, 5, 4, dtype=torch.float64) + 1
    w = torch.ones(2, 5, dtype=torch.float64)
    w[1, 2] = 1.5
    batch, batch_w = z[[0, 0, 1, 0]], w[[0, 0, 1, 0]]
    by_hand = batch * batch_w[..., None]
    by_hand = by_hand * (batch.mean() / by_hand.mean())
    got = apply_weights(z, w, torch.tensor([3.0, 1.0], dtype=torch.float64), "Original")
    torch.testing.assert_close(got, by_hand[[0, 2]])


# ----------------------------------------------------------------------------------------------------- chunks

START, END, COMMA = 900, 901, 902
SD1 = SpecialTokens(START, END, END, COMMA)
SD2 = SpecialTokens(START, END, 0, COMMA)


def run(*tokens, weight=1.0):
    return TokenRun([[token] for token in tokens], weight)


def packed(*runs, special=SD1, backtrack=20):
    """The prompt's own tokens of every chunk."""
    chunks = pack(runs, special, backtrack)
    for chunk in chunks:
        assert len(chunk.tokens) == len(chunk.weights) == 77
        assert chunk.tokens[0] == START
        assert chunk.tokens[76] == special.pad or chunk.tokens[76] == END
    return [[t for t in chunk.tokens[1:] if t not in (special.end, special.pad)] for chunk in chunks]


def test_a_short_prompt_is_one_padded_chunk():
    [chunk] = pack([run(1, 2), run(3, weight=1.5)], SD1)
    assert chunk.tokens == [START, 1, 2, 3] + [END] * 73
    assert chunk.weights == [1.0, 1.0, 1.0, 1.5] + [1.0] * 73
    [chunk] = pack([run(1, 2), run(3, weight=1.5)], SD2)
    assert chunk.tokens == [START, 1, 2, 3, END] + [0] * 72


def test_an_empty_prompt_is_one_empty_chunk():
    assert pack([], SD2) == pack([run()], SD2) == [empty_chunk(SD2)]
    assert empty_chunk(SD2).tokens == [START, END] + [0] * 75


def test_75_tokens_fit_and_the_76th_does_not():
    assert packed(run(*range(1, 76))) == [list(range(1, 76))]
    assert packed(run(*range(1, 77))) == [list(range(1, 76)), [76]]


@pytest.mark.parametrize(
    ("comma_at", "backtrack", "first_chunk"),
    [
        (70, 20, 71),  # what follows the comma moves on
        (55, 20, 56),  # the comma is the 20th from the end
        (54, 20, 75),  # too far back
        (54, 21, 55),
        (74, 20, 75),  # the last one: nothing to move
        (70, 0, 75),  # off
    ],
)
def test_commas(comma_at, backtrack, first_chunk):
    tokens = list(range(1, 101))
    tokens[comma_at] = COMMA
    assert packed(run(*tokens), backtrack=backtrack) == [tokens[:first_chunk], tokens[first_chunk:]]


def test_the_last_comma_counts_and_weights_move_along():
    tokens = list(range(1, 81))
    tokens[60] = tokens[65] = COMMA
    chunks = pack([run(*tokens[:70]), run(*tokens[70:], weight=1.3)], SD1)
    assert chunks[0].tokens[1:67] == tokens[:66]
    assert chunks[1].tokens[1:15] == tokens[66:]
    assert chunks[1].weights[1:15] == [1.0] * 4 + [1.3] * 10


def test_a_comma_that_starts_a_chunk_is_not_remembered():
    tokens = [*range(1, 76), COMMA, *range(101, 180)]
    assert [len(chunk) for chunk in packed(run(*tokens), backtrack=74)] == [75, 75, 5]


def test_break_starts_a_chunk():
    stop = TokenRun([], is_break=True)
    assert packed(run(1), stop, run(2), stop) == [[1], [2]]
    assert packed(stop, run(1)) == [[], [1]]
    assert packed(run(1), stop, stop, run(2)) == [[1], [], [2]]


def test_an_embedding_is_not_torn_apart():
    vectors = [torch.zeros(4)] * 6
    chunks = pack([run(*range(1, 73)), TokenRun([vectors])], SD1)
    assert [isinstance(t, torch.Tensor) for t in chunks[1].tokens] == [False] + [True] * 6 + [False] * 70
    long = pack([TokenRun([[torch.zeros(4)] * 80])], SD1)
    assert [sum(isinstance(t, torch.Tensor) for t in chunk.tokens) for chunk in long] == [75, 5]


def test_a_spelled_out_end_is_followed_by_padding():
    """Where padding differs from the end, A1111 pads from the first end on."""
    [chunk] = pack([run(1, END, 2)], SD2)
    assert chunk.tokens == [START, 1, END] + [0] * 74


# ------------------------------------------------------------------------------------------------- any text

TEXT = st.one_of(st.text(), st.text("ab ,()[]:|\\.1#<>\nANDBREK", max_size=60))


def tokens_of(text):
    """A tokenizer of characters."""
    return [COMMA if c == "," else ord(c) + 1000 for c in text if not c.isspace()]


@given(TEXT, st.sampled_from([TEN, PassSteps(10, 7), PassSteps(1)]))
def test_any_text_gives_a_schedule_weights_and_chunks(text, steps):
    for sub in plan_prompt(text, steps) + plan_negative(text, steps):
        ends = [end for end, _ in sub.schedule]
        assert ends == sorted(set(ends))
        assert ends[-1] == steps.total
        assert math.isfinite(sub.weight)
        for _, part in sub.schedule:
            runs = parse_weights(part)
            assert all(math.isfinite(found.weight) for found in runs)
            words = [
                TokenRun([], is_break=True) if r.is_break else run(*tokens_of(r.text), weight=r.weight) for r in runs
            ]
            stream = [group[0] for found in words for group in found.groups]
            assert [t for chunk in packed(*words) for t in chunk] == stream  # nothing lost, nothing reordered


@given(st.text().filter(lambda text: not set(text) & set("()[]|\\") and "BREAK" not in text))
def test_text_without_brackets_is_left_alone(text):
    assert schedule(text, TEN) == [(10, text)]
    assert [(run.text, run.weight) for run in parse_weights(text)] == [(text, 1.0)]


@pytest.mark.parametrize("text", ["(" * 5000, "[" * 5000 + "a" + "]" * 5000, "[" * 2000 + "a" + ":b:3]" * 2000])
def test_depth_is_no_limit(text):
    assert schedule(text, TEN)[-1][0] == 10
    assert parse_weights(text)


def test_absurd_weights_stay_finite():
    assert all(math.isfinite(run.weight) for run in parse_weights("(" * 9000 + "a:" + "9" * 200 + ")" + " b"))
    assert all(math.isfinite(run.weight) for run in parse_weights("(((a:" + "9" * 300 + "):" + "9" * 300 + "):0)"))
