"""Many clients at once, and whatever the API's own description allows or does not: `dev.py api` does more of both."""

import pytest
from hires_pack.dev.api.asks import asks
from hires_pack.dev.api.described import Request, problems, read_description, send_all
from hires_pack.dev.api.load import Clients
from hires_pack.dev.parity.http.caller import Reply

ALONE = 5
"""Requests that are sent once more without others."""


def test_everybody_gets_what_was_asked_for(host, models):
    requests = asks(24, 3, models.oracle, models.oracle_compact_x2.removesuffix(".safetensors"))
    outcome = Clients(host).play(requests, threads=8, again=ALONE)
    assert not outcome.problems
    assert outcome.replies == {"right": 20, "broken": 2, "gone": 1, "interrupted": 1}


@pytest.fixture(scope="module")
def described(host, models):
    return read_description(int(host.url.rpartition(":")[2]), models.oracle)


def test_whatever_is_sent_a_reply_or_a_sentence_comes_back(host, described):
    found = send_all(int(host.url.rpartition(":")[2]), described, 120, 3)
    assert not found.problems
    assert sum(found.statuses.values()) >= 100
    assert {"200", "422", "500"} <= found.statuses.keys()


@pytest.mark.parametrize(
    ("status", "body", "wrong"),
    [
        (None, b"timed out", "no reply"),
        (418, b'{"errors": "it is a teapot."}', "not described"),
        (500, b"<html>", "no JSON"),
        (500, b'{"error": "ValueError", "detail": "", "errors": ""}', "without a sentence"),
        (500, b'{"error": "TypeError", "errors": "\'NoneType\' object is not iterable"}', "Python's words"),
        (200, b"null", None),
        (500, b'{"error": "ValueError", "errors": "steps is 0; it takes at least 1."}', None),
    ],
)
def test_what_counts_as_a_problem(described, status, body, wrong):
    found = problems(described.document, Request("POST", "/sdapi/v1/txt2img", b"{}"), Reply(status, {}, body))
    assert [wrong in text for text in found if wrong] == ([True] * len(found) if wrong else [])
    assert bool(found) == bool(wrong)
