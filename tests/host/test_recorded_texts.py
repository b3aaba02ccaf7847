"""A1111's recorded texts on the real host: text, workflow, run, saved picture, and its text has equal parameters.

The pictures are a quarter as large and take two steps: what a text says does not depend on them. A few texts have all
keys between them; with HIRES_FIX_ALL_TEXTS=1 in the environment all of them run, which takes some minutes. That their
graphs say the same at full size, tests/unit/infotext/test_from_infotext.py shows.
"""

import json
import os
import re

import pytest
from hires_pack.hires.infotext.text import parse

from .test_infotext import CASES, comparable, graph_of, saved_texts

NO_NODE = "Tiling"
"""The key that no node stands for."""

FIRST = "pixel-rrdb-x4"
"""Drawn in any case: its upscaler is a file."""

AT_ONCE = 9
"""Texts in one run, whose equal nodes are one."""


def text_of(case):
    """A recorded text, smaller, where its sampler can do with it."""
    text = CASES[case]["infotexts"][-1].replace(f", {NO_NODE}: True", "")
    if "DPM adaptive" in text:  # chooses its steps itself, and needs very many for tiny pictures
        return text
    if "UniPC" not in text:  # which refuses fewer steps than its order
        text = re.sub(r"((?:Steps|Hires steps): )\d+", r"\g<1>2", text)
    return re.sub(r"((?:Size|Hires resize|Seed resize from): )(\d+)x(\d+)", quarter, text)


def quarter(found):
    """Both sides in whole latent cells; 0 stays."""
    sides = (int(side) and max(16, int(side) // 32 * 8) for side in found.groups()[1:])
    return found[1] + "x".join(map(str, sides))


def cases_with_all_keys():
    """Few of them: always the one with the most keys that are still missing."""
    keys = {case: {found.key for found in parse(text_of(case)).parameters} for case in CASES}
    chosen, missing = [FIRST], set().union(*keys.values()) - keys[FIRST]
    while missing:
        chosen.append(max(keys, key=lambda case: len(keys[case] & missing)))
        missing -= keys[chosen[-1]]
    return chosen


class OneGraph(dict):
    """Many graphs in API format as one, in which what several of them have is there once."""

    def __init__(self):
        self.ids = {}

    def add(self, graph, node):
        """Add a node with all that leads to it; returns its id here."""
        inputs = {
            name: [self.add(graph, value[0]), value[1]] if isinstance(value, list) else value
            for name, value in graph[node]["inputs"].items()
        }
        meaning = json.dumps([graph[node]["class_type"], inputs], sort_keys=True)
        name = self.ids.setdefault(meaning, str(len(self.ids)))
        self[name] = {**graph[node], "inputs": inputs}
        return name


CHOSEN = list(CASES) if os.environ.get("HIRES_FIX_ALL_TEXTS") else cases_with_all_keys()


@pytest.mark.parametrize("start", range(0, len(CHOSEN), AT_ONCE))
def test_recorded_texts_are_drawn_and_saved_again(start, host, client):
    together = OneGraph()
    saves = {case: together.add(*graph_of(text_of(case))) for case in CHOSEN[start : start + AT_ONCE]}
    run = client.queue(together, timeout=580)
    for case, save in saves.items():
        (written,) = saved_texts(host, run, save)
        assert comparable(written) == comparable(text_of(case)), case
