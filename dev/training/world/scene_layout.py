"""A random scene: what is there, and where it stands without touching its neighbours."""

from __future__ import annotations

from random import Random

from .scene_model import Boat, Cloud, Disc, House, Range, Scene, Tree
from .scene_palette import CROWNS, HILLS, MOONS, MOUNTAINS, ROOFS, SAILS, SUNS, WALLS

TIME_SHARES = {"day": 0.3, "sunset": 0.19, "dawn": 0.13, "dusk": 0.11, "night": 0.2, "fog": 0.07}
GROUND_SHARES = {"meadow": 0.32, "desert": 0.22, "snow": 0.24, "autumn": 0.22}
MOON_TIMES = ("dusk", "night")
MARGIN = 0.03
GAP = 0.035
TREE_ASPECT = {"pine": 0.52, "round": 0.66}
"""Width of a tree as a share of its height."""


def random_scene(rng: Random) -> Scene:
    """All choices of one scene, drawn from `rng`; equal seeds give equal scenes."""
    time = _pick(rng, TIME_SHARES)
    horizon = rng.uniform(0.5, 0.64)
    disc = _disc(rng, time) if time != "fog" and rng.random() < 0.75 else None
    clouds = _clouds(rng, disc) if time != "fog" else ()
    behind = _range(rng, horizon, disc)
    water = _pick(rng, {"none": 0.55, "lake": 0.28, "sea": 0.17})
    ground = _pick(rng, GROUND_SHARES)
    shore = {"none": horizon, "lake": horizon + (1 - horizon) * rng.uniform(0.42, 0.55), "sea": 1.0}[water]
    tree_kind = "pine" if rng.random() < 0.5 else "round"
    crowns = [name for name in CROWNS if not (name == "orange" and ground == "autumn" and rng.random() < 0.5)]
    tree_colour = "green" if tree_kind == "pine" else rng.choice(crowns)
    trees: tuple[Tree, ...] = ()
    house = boat = None
    if water == "sea":
        if rng.random() < 0.6:
            boat = Boat(rng.uniform(0.2, 0.8), rng.uniform(0.72, 0.86), rng.uniform(0.2, 0.26), rng.choice([*SAILS]))
    else:
        count = rng.choices(range(5), (0.28, 0.22, 0.2, 0.18, 0.12))[0]
        trees, house = _standing(rng, shore, ground, tree_kind, count, rng.random() < 0.45)
    return Scene(
        time=time, horizon=horizon, disc=disc, clouds=clouds, range=behind, water=water, shore=shore, ground=ground,
        tree_kind=tree_kind, tree_colour=tree_colour, trees=trees, house=house, boat=boat,
        tone=rng.uniform(0.95, 1.05), seed=rng.getrandbits(32),
    )  # fmt: skip


def _pick(rng: Random, shares: dict[str, float]) -> str:
    return rng.choices([*shares], [*shares.values()])[0]


def _disc(rng: Random, time: str) -> Disc:
    kind = "moon" if time in MOON_TIMES else "sun"
    radius = rng.uniform(0.06, 0.088)
    colours = MOONS if kind == "moon" else SUNS
    return Disc(kind, rng.choice([*colours]), rng.uniform(0.13, 0.87), rng.uniform(radius + 0.025, 0.2), radius)


def _clouds(rng: Random, disc: Disc | None) -> tuple[Cloud, ...]:
    """Up to three; a place that would touch the sun or another cloud is given up after some tries."""
    wanted = rng.choices(range(4), (0.42, 0.24, 0.2, 0.14))[0]
    found: list[Cloud] = []
    for _ in range(wanted * 8):
        if len(found) == wanted:
            break
        width = rng.uniform(0.2, 0.3)
        new = Cloud(rng.uniform(width / 2, 1 - width / 2), rng.uniform(0.11, 0.29), width)
        clear_of_disc = (
            disc is None
            or abs(new.x - disc.x) > width / 2 + disc.radius + 0.02
            or new.y - 0.37 * width > disc.y + disc.radius + 0.015
        )
        if clear_of_disc and all(
            abs(new.x - c.x) > (width + c.width) / 2 + 0.03 or abs(new.y - c.y) > 0.12 for c in found
        ):
            found.append(new)
    return tuple(found)


def _range(rng: Random, horizon: float, disc: Disc | None) -> Range | None:
    """Its peaks stay below the sun."""
    kind = _pick(rng, {"none": 0.18, "mountains": 0.52, "hills": 0.3})
    if kind == "none":
        return None
    lowest, highest = (0.19, 0.31) if kind == "mountains" else (0.13, 0.19)
    room = horizon - (disc.y + disc.radius if disc else 0.1) - 0.02
    height = min(rng.uniform(lowest, highest), room)
    colours = MOUNTAINS if kind == "mountains" else HILLS
    return Range(kind, rng.choice([*colours]), height, rng.random() < 0.5)


def _standing(
    rng: Random, shore: float, ground: str, kind: str, trees: int, with_house: bool
) -> tuple[tuple[Tree, ...], House | None]:
    """Trees and house side by side in a random order; all get smaller together where the width does not hold them."""
    walls = [name for name in WALLS if (name, ground) not in {("white", "snow"), ("yellow", "desert")}]
    house_width = rng.uniform(0.25, 0.31) if with_house else 0.0
    heights = [rng.uniform(0.24, 0.34) for _ in range(trees)]
    widths = [house_width] * with_house + [h * TREE_ASPECT[kind] for h in heights]
    if not widths:
        return (), None
    room = 1 - 2 * MARGIN - GAP * (len(widths) - 1)
    shrink = min(1.0, room / sum(widths))
    widths = [w * shrink for w in widths]
    order = [*range(len(widths))]
    rng.shuffle(order)
    cuts = sorted(rng.random() for _ in order)
    spare = room - sum(widths)
    places = [0.0] * len(widths)
    taken = MARGIN
    for rank, index in enumerate(order):
        places[index] = taken + spare * cuts[rank] + widths[index] / 2
        taken += widths[index] + GAP
    nearest, farthest = 0.92, max(shore + 0.04, 0.74)
    house = None
    if with_house:
        wall, roof = rng.choice(walls), rng.choice([*ROOFS])
        base = rng.uniform(farthest, nearest - 0.03)
        house = House(places.pop(0), base, widths.pop(0), wall, roof, rng.random() < 0.5)
    return tuple(
        Tree(x, rng.uniform(farthest, nearest), h * shrink) for x, h in zip(places, heights, strict=True)
    ), house
