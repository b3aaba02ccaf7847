"""Where links turn, so that none runs behind a node: through the space between columns, and between the nodes of one.

A link goes from its socket to the gutter beside its column, passes each column on its way through a gap between two
nodes, above all or below all, and so reaches the gutter in front of its end. All links of one socket are a tree.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .layout import TITLE_BAR, Box

Socket = tuple[int, int]
"""Id of a node, and place of one of its outputs."""

LANE = 12
"""Distance of two links that run side by side."""

CLEAR = 7
"""Least distance of a link from a node that it passes."""

OUTSIDE = 30
"""Distance of the links that turn in front of the first column or behind the last one."""

ABOVE, BELOW = 2, 12
"""How many links fit above all nodes, under the titles of the groups, and below them."""

TURN = 60
"""A turn costs as much as so many units of way: each is a dot on the canvas."""

SHARED = 0.3
"""Share of its cost that a way has where a link of the same socket runs already."""

SPREAD = (0, 8, -8, 14, -14)
"""Distances from the middle of a gutter at which links of different sockets turn."""

LONG = 220
"""The editor draws curves that swing out by an eighth of their height: higher ones leave the gutter, but for a corner
beside the socket."""


@dataclass(frozen=True)
class Corner:
    """A point through which links run, after the corner `parent` or, for None, from their socket."""

    id: int
    parent: int | None
    x: int
    y: int
    links: tuple[int, ...]
    """Ids of the links that run through it."""


@dataclass(frozen=True)
class Way:
    """A link to be led: heights of its sockets, and the columns (0 is the leftmost one) that they stand at."""

    link: int
    source: Socket
    start: int
    start_y: int
    end: int
    end_y: int


@dataclass(eq=False)
class _Point:
    x: int
    y: int
    parent: "_Point | None"
    ways: list[int] = field(default_factory=list)
    """Links that run through it, the last one of those in `ends` leave it for their end."""
    ends: list[int] = field(default_factory=list)


class Columns:
    """The columns of a drawing, and what is free between their nodes."""

    def __init__(self, boxes: Iterable[Box]) -> None:
        stacks: defaultdict[tuple[int, int], list[Box]] = defaultdict(list)
        for box in boxes:
            stacks[box.x, box.x + box.width].append(box)
        self.sides = sorted(stacks)
        self._taken = [
            sorted((box.y - TITLE_BAR - CLEAR, box.y + box.height + CLEAR) for box in stacks[side])
            for side in self.sides
        ]
        self._bottom = max(stack[-1][1] for stack in self._taken)

    def at(self, box: Box) -> int:
        """Place of the column of an item."""
        return self.sides.index((box.x, box.x + box.width))

    def gutter(self, place: int) -> int:
        """Middle of the space in front of a column, or behind the last one."""
        if not place:
            return self.sides[0][0] - OUTSIDE
        if place == len(self.sides):
            return self.sides[-1][1] + OUTSIDE
        return (self.sides[place - 1][1] + self.sides[place][0]) // 2

    def free(self, place: int, y: int) -> bool:
        """Whether a link may pass a column there."""
        return not any(top < y < bottom for top, bottom in self._taken[place])

    def lanes(self) -> list[int]:
        """Every height at which a link may pass some column."""
        found = {-CLEAR - 3 - LANE * number for number in range(ABOVE)}
        for stack in self._taken:
            ends = [*stack[1:], (self._bottom + BELOW * LANE, 0)]
            for (_, top), (bottom, _) in zip(stack, ends, strict=True):
                room = (bottom - top) // LANE
                first = top + (bottom - top - room * LANE) // 2
                found |= {first + LANE * number for number in range(min(room, BELOW) + 1)}
        return sorted(found)


def route(columns: Columns, ways: Iterable[Way]) -> tuple[list[Corner], dict[int, int]]:
    """Lead links around the nodes; returns all corners, and the last one of each link that has any."""
    return _Router(columns).route(ways)


class _Router:
    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.lanes = columns.lanes()
        self.used: defaultdict[int, dict[int, Socket]] = defaultdict(dict)
        """By column: the socket whose links pass it at a height."""
        self.turning: defaultdict[int, list[Socket]] = defaultdict(list)
        """By gutter: the sockets whose links turn there."""

    def route(self, ways: Iterable[Way]) -> tuple[list[Corner], dict[int, int]]:
        trees: defaultdict[Socket, dict[tuple[int, int], _Point]] = defaultdict(dict)
        for way in ways:
            passed = list(_passed(way))
            if passed or abs(way.start_y - way.end_y) > 2 * LONG:
                heights = self._best(way, passed)
                # where there is no way left, it goes straight
                if heights is not None:
                    self._add(trees[way.source], way, passed, heights)
        return _numbered([point for tree in trees.values() for point in tree.values()])

    def _best(self, way: Way, passed: list[int]) -> list[int] | None:
        """The height at which each column is passed; None if one is full."""
        costs: dict[int, tuple[float, list[int]]] = {way.start_y: (0.0, [])}
        for number, place in enumerate(passed):
            mine = {y for y, owner in self.used[place].items() if owner == way.source}
            step: dict[int, tuple[float, list[int]]] = {}
            for y in self.lanes:
                if not self._open(place, y, way.source):
                    continue
                price = (SHARED if y in mine else 1.0) * (0 if y in mine else 20)
                cost, path = min(
                    (
                        cost + (abs(y - before) + TURN) * (SHARED if y in mine else 1.0) * (y != before or not number),
                        path,
                    )
                    for before, (cost, path) in costs.items()
                )
                step[y] = (cost + price, [*path, y])
            if not step:
                return None
            costs = step
        return min((cost + abs(y - way.end_y), path) for y, (cost, path) in costs.items())[1]

    def _open(self, place: int, y: int, source: Socket) -> bool:
        others = (taken for taken, owner in self.used[place].items() if owner != source)
        return self.columns.free(place, y) and all(abs(y - taken) >= LANE for taken in others)

    def _add(self, tree: dict[tuple[int, int], _Point], way: Way, passed: list[int], heights: list[int]) -> None:
        back = way.end <= way.start
        turns: list[tuple[int, int]] = []
        for place, y in zip(passed, heights, strict=True):
            self.used[place][y] = way.source
            turns += [(gutter, y) for gutter in ((place + 1, place) if back else (place, place + 1))]
        first, last = turns[0] if turns else (way.end, way.end_y), turns[-1] if turns else (way.end, way.start_y)
        if abs(first[1] - way.start_y) > LONG:
            turns.insert(0, (first[0], way.start_y))
        if abs(last[1] - way.end_y) > LONG:
            turns.append((last[0], way.end_y))
        point: _Point | None = None
        for gutter, y in turns:
            point = tree.setdefault((gutter, y), _Point(self._x(gutter, way.source), y, point))
        assert point is not None
        point.ends.append(way.link)
        while point is not None:
            point.ways.append(way.link)
            point = point.parent

    def _x(self, gutter: int, source: Socket) -> int:
        turning = self.turning[gutter]
        if source not in turning:
            turning.append(source)
        return self.columns.gutter(gutter) + SPREAD[turning.index(source) % len(SPREAD)]


def _passed(way: Way) -> Iterator[int]:
    """The columns that a link has to pass, in its order: those between its ends, or back past its own."""
    if way.end > way.start:
        yield from range(way.start + 1, way.end)
    else:
        yield from range(way.start, way.end - 1, -1)


def _numbered(points: list[_Point]) -> tuple[list[Corner], dict[int, int]]:
    """The points without those on straight lines."""
    children: defaultdict[int, list[_Point]] = defaultdict(list)
    for point in points:
        children[id(point.parent)].append(point)
    kept: dict[int, int] = {}
    for point in points:
        mine = children[id(point)]
        straight = (
            point.parent is not None and not point.ends and len(mine) == 1 and point.parent.y == point.y == mine[0].y
        )
        if not straight:
            kept[id(point)] = len(kept) + 1
    corners: list[Corner] = []
    last: dict[int, int] = {}
    for point in points:
        if id(point) not in kept:
            continue
        parent = point.parent
        while parent is not None and id(parent) not in kept:
            parent = parent.parent
        number = kept[id(point)]
        corners.append(Corner(number, kept[id(parent)] if parent else None, point.x, point.y, tuple(point.ways)))
        last |= dict.fromkeys(point.ends, number)
    return corners, last
