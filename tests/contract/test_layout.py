"""What a reader sees of the saved graphs: all of it at a readable size, and no link behind a node."""

import itertools
import json
import math
from pathlib import Path

import pytest
from hires_pack.hires.graph.to_ui import to_ui
from hires_pack.hires.infotext.to_graph.workflow import hires_workflow

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*(ROOT / "workflows").glob("*.json"), *(ROOT / "subgraphs").glob("*.json")])
TITLE_BAR, SLOT_ROW, WIDGET_ROW = 30, 20, 24
ENTRANCE, EXIT = -10, -20

SMALL_LAPTOP, FULL_HD = (1366, 657), (1920, 950)
"""The page of a browser on a screen of 1366x768 and of 1920x1080 pixels."""

PANEL = 12
"""With more fields than that a box is a panel: too high for a small window, with links that come from everywhere."""

FITTED, PADDING = 0.75, 10
"""The template dialog fits the nodes with so much around them into this share of the page."""

READABLE = 8 / 14
"""The editor's MinFontSizeForLOD and its font size: below this zoom it draws no text."""

SPLINE = 20
"""The editor's LiteGraph.Reroute.SplineOffset."""

EDGE = 5
"""So far a curve may swing over the edge of a node, in units."""


def graphs(file: dict):
    """The graph of a file with nodes beside each other, and the insides of its boxes."""
    if len(file["nodes"]) > 1:
        yield file
    yield from file.get("definitions", {}).get("subgraphs", [])


def is_box(node: dict) -> bool:
    return len(node["type"]) == 36 and node["type"].count("-") == 4


def rectangle(node: dict) -> tuple[float, float, float, float]:
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE_BAR, x + width, y + height


def fitted(graph: dict, window: tuple[int, int]) -> float:
    """The zoom at which the template dialog shows a graph in a page of this size; tests/frontend looks at it there."""
    lefts, tops, rights, bottoms = zip(*map(rectangle, graph["nodes"]), strict=True)
    size = max(rights) - min(lefts), max(bottoms) - min(tops)
    return min(FITTED * page / (side + 2 * PADDING) for page, side in zip(window, size, strict=True))


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def file(request) -> dict:
    return json.loads(request.param.read_text(encoding="utf-8"))


def test_text_is_drawn_in_a_small_window(file):
    """The zoom that the template dialog chooses; the insides of boxes are fitted in the same way when they open.

    A panel opens as a form, and as a graph in a larger window.
    """
    for graph in graphs(file):
        window = (
            FULL_HD if any(len(node["inputs"]) > PANEL for node in graph["nodes"] if is_box(node)) else SMALL_LAPTOP
        )
        assert fitted(graph, window) >= READABLE, graph.get("name")


def test_stages_are_numbered_in_the_order_of_the_run(file):
    for graph in graphs(file):
        titles = [group["title"] for group in sorted(graph["groups"], key=lambda group: group["bounding"][0])]
        assert [title.split()[0] for title in titles] == [str(number) for number in range(1, len(titles) + 1)]


def bezier(a, b, c, d):
    """Points of a curve, a few units apart."""
    count = 2 + round(math.dist(a, d) / 3)
    for step in range(count + 1):
        t = step / count
        s = 1 - t
        yield tuple(
            s**3 * p + 3 * s * s * t * q + 3 * s * t * t * r + t**3 * w for p, q, r, w in zip(a, b, c, d, strict=True)
        )


class Lines:
    """The links of a graph as the editor draws them: curves from corner to corner."""

    def __init__(self, graph: dict) -> None:
        self.nodes = {node["id"]: node for node in graph["nodes"]}
        self.ends = {
            number: graph[name]["bounding"]
            for number, name in ((ENTRANCE, "inputNode"), (EXIT, "outputNode"))
            if name in graph
        }
        if isinstance(next(iter(graph["links"]), None), dict):
            self.links = [
                tuple(link[key] for key in ("id", "origin_id", "origin_slot", "target_id", "target_slot"))
                for link in graph["links"]
            ]
            last = {link["id"]: link["parentId"] for link in graph["links"] if "parentId" in link}
            corners = graph.get("reroutes", [])
        else:
            self.links = [tuple(link[:5]) for link in graph["links"]]
            last = {entry["id"]: entry["parentId"] for entry in graph["extra"].get("linkExtensions", [])}
            corners = graph["extra"].get("reroutes", [])
        self.corners = {corner["id"]: corner for corner in corners}
        self.chains = {link[0]: self._chain(last.get(link[0])) for link in self.links}
        self.ways = {
            link[0]: [self._start(link), *(tuple(c["pos"]) for c in self.chains[link[0]]), self._end(link)]
            for link in self.links
        }

    def _chain(self, number):
        chain = []
        while number is not None:
            chain.append(self.corners[number])
            number = self.corners[number].get("parentId")
        return chain[::-1]

    def _start(self, link):
        _, source, slot, *_ = link
        if source == ENTRANCE:
            x, y, width, _ = self.ends[ENTRANCE]
            return x + width, y + (slot + 1) * SLOT_ROW
        _, top, right, _ = rectangle(self.nodes[source])
        if self.nodes[source]["flags"].get("collapsed"):
            return right, top + TITLE_BAR / 2
        return right, top + TITLE_BAR + slot * SLOT_ROW + 14

    def _end(self, link):
        *_, target, slot = link
        if target == EXIT:
            x, y, *_ = self.ends[EXIT]
            return x, y + (slot + 1) * SLOT_ROW
        node = self.nodes[target]
        left, top, *_ = rectangle(node)
        sockets = [number for number, entry in enumerate(node["inputs"]) if "widget" not in entry]
        if slot in sockets:
            return left, top + TITLE_BAR + sockets.index(slot) * SLOT_ROW + 14
        rows = max(len(sockets), len(node["outputs"]))
        return left, top + TITLE_BAR + rows * SLOT_ROW + WIDGET_ROW * (slot - len(sockets)) + 12

    def points(self, number):
        """The curve of a link; corners take the mean direction of all that leaves them."""
        way, chain = self.ways[number], self.chains[number]
        if not chain:
            (a, b), reach = way, max(30, math.dist(*way) / 4)
            return bezier(a, (a[0] + reach, a[1]), (b[0] - reach, b[1]), b)
        found = []
        out = None
        for place, corner in enumerate(chain):
            a, b, then = way[place : place + 3]
            turn = self._direction(corner, a)
            reach = min(SPLINE, math.dist(a, b) / 4)
            start = (a[0] + math.dist(a, b) / 4, a[1]) if out is None else (a[0] + out[0], a[1] + out[1])
            found.append(bezier(a, start, (b[0] - reach * math.cos(turn), b[1] - reach * math.sin(turn)), b))
            reach = min(SPLINE, math.dist(b, then) / 4)
            out = reach * math.cos(turn), reach * math.sin(turn)
        a, b = way[-2:]
        found.append(bezier(a, (a[0] + out[0], a[1] + out[1]), (b[0] - math.dist(a, b) / 4, b[1]), b))
        return itertools.chain(*found)

    def _direction(self, corner, before) -> float:
        here = corner["pos"]
        nexts = []
        for link in corner["linkIds"]:
            way = self.ways[link]
            nexts.append(way[way.index(tuple(here)) + 1])
        mean = sum(math.atan2(y - here[1], x - here[0]) for x, y in nexts) / len(nexts)
        comes = math.atan2(here[1] - before[1], here[0] - before[0])
        turn = (comes - mean) / 2
        if abs(turn) > math.pi / 2:
            turn += math.pi
        return comes - turn

    def hidden(self, link) -> float:
        """How much of a link lies behind nodes that it does not link, beyond their edges."""
        boxes = [rectangle(node) for number, node in self.nodes.items() if number not in (link[1], link[3])]
        boxes = [(x + EDGE, y + EDGE, right - EDGE, bottom - EDGE) for x, y, right, bottom in boxes]
        points = [*self.points(link[0])]
        behind = [any(left < x < right and top < y < bottom for left, top, right, bottom in boxes) for x, y in points]
        return sum(math.dist(a, b) for a, b, one in zip(points, points[1:], behind, strict=False) if one)


def test_links_do_not_run_behind_nodes(file):
    for graph in graphs(file):
        lines = Lines(graph)
        panel = len(graph["inputs"]) > PANEL if "inputs" in graph else False
        for link in lines.links:
            if panel and link[1] == ENTRANCE:
                continue
            hidden = lines.hidden(link)
            kinds = [lines.nodes[end]["type"] if end in lines.nodes else end for end in (link[1], link[3])]
            assert not hidden, f"{hidden:.0f} units of {kinds} in {graph.get('name')}"


SETTINGS = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x768, Model: some"
BASE = f"a house, fog\nNegative prompt: blurry\n{SETTINGS}"
HIRES = f"{BASE}, Denoising strength: 0.4, Hires upscale: 2, Hires upscaler:"


@pytest.mark.parametrize(
    "text",
    [
        BASE,
        f"{HIRES} Latent",
        f"{HIRES} Lanczos, Hires checkpoint: other, Hires prompt: snow, Hires steps: 9",
        f"a <lora:b:1> {HIRES} 4x, Refiner: third, Refiner switch at: 0.8, VAE: c, Eta: 0.5",
    ],
)
def test_links_of_graphs_made_from_texts_do_not_run_behind_nodes(text):
    graph = to_ui(hires_workflow(text).graph)
    lines = Lines(graph)
    assert not any(lines.hidden(link) for link in lines.links)
    assert all(node["pos"][1] + node["size"][1] <= 1000 for node in graph["nodes"])
