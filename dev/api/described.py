"""Requests drawn from the description that a server gives of itself: whatever is sent, a sentence comes back.

Half of them go to addresses that draw, with sizes that are quickly drawn; half of all bodies have one value that does
not belong there, some are no JSON at all.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ..fuzz.judge import PYTHON_WORDS
from ..parity.http.caller import Reply, call
from .asks import picture

TIMEOUT = 600.0
"""Seconds after which a request counts as one that hangs: on a busy machine most wait for the processor."""

_OWN_PACE = "DPM adaptive"
"""Takes as many steps as it wants to, of a random network thousands."""

DRAWING = ("txt2img", "img2img", "extra-single-image", "extra-batch-images")

_SHOWN = 400
_TOLD = 100
"""Replies between two lines of progress."""

_SMALL = st.sampled_from((8, 16, 24, 40, 64))
_PICTURE = st.builds(picture, st.integers(0, 3), st.sampled_from(((8, 8), (24, 16), (64, 48))))
_NUMBERS = st.one_of(st.sampled_from((0, 0.3, 0.75, 1)), st.floats(-10, 10))
_WRONG: st.SearchStrategy[Any] = st.sampled_from(
    (
        *(None, True, "", "x", "3", -1, 0, 2.9, 10**6, -(10**6), 2**63, 10**30, 1e308, float("nan"), float("inf")),
        *([], {}, [None], [[]], {"a": 1}, "\ud800", "\0", "é" * 300, "../../x", "http://127.0.0.1/x", "data:,"),
    )
)
_NO_JSON = st.sampled_from(
    (
        b"",
        b'""',
        b"null",
        b"[]",
        b"{",
        b"[" * 5000,
        b"\xff\xfe",
        b"9" * 6000,
        b'{"a": NaN',
        b'[["prompt", "x"]]',
        b"1e999",
    )
)


@dataclass(frozen=True)
class Described:
    """A server's description, and what its menus list."""

    document: Mapping[str, Any]
    checkpoint: str
    """Requests that draw name this one: of several it is the quickest."""

    samplers: tuple[str, ...]
    schedulers: tuple[str, ...]
    upscalers: tuple[str, ...]
    options: Mapping[str, Any]

    def fields(self) -> dict[str, st.SearchStrategy[Any]]:
        """Values of fields that would take long, or would hardly ever fit, if their type alone counted."""
        unit = st.fixed_dictionaries(
            {"model": st.sampled_from(("None", "no such"))},
            optional={"image": _PICTURE, "module": st.just("none"), "weight": _NUMBERS, "enabled": st.booleans()},
        )
        names = ("controlnet", "ADetailer", "refiner", "Dynamic Thresholding")
        arguments = st.one_of(st.just({"args": []}), st.fixed_dictionaries({"args": st.lists(unit, max_size=2)}))
        loops = st.tuples(st.integers(1, 2), _NUMBERS, st.sampled_from(("Linear", "Lazy", "x")), st.just("None"))
        tiles = st.tuples(st.none(), st.sampled_from((0, 8, 16)), st.sampled_from(self.upscalers), st.just(2))
        texts = ("a fox\nSteps: 2, Sampler: Euler, Seed: 3, Size: 16x24", "Steps: x", "")
        return {
            **dict.fromkeys(("width", "height", "upscaling_resize_w", "upscaling_resize_h"), _SMALL),
            **dict.fromkeys(
                ("firstphase_width", "firstphase_height", "hr_resize_x", "hr_resize_y"), st.just(0) | _SMALL
            ),
            **dict.fromkeys(("batch_size", "n_iter", "steps"), st.integers(1, 2)),
            **dict.fromkeys(("hr_scale", "upscaling_resize"), st.sampled_from((0.5, 1, 1.5, 2))),
            **dict.fromkeys(("mask_blur", "mask_blur_x", "mask_blur_y", "inpaint_full_res_padding"), st.integers(0, 9)),
            **dict.fromkeys(("sampler_name", "sampler_index", "hr_sampler_name"), st.sampled_from(self.samplers)),
            **dict.fromkeys(("scheduler", "hr_scheduler"), st.sampled_from(self.schedulers)),
            **dict.fromkeys(("upscaler_1", "upscaler_2", "hr_upscaler"), st.sampled_from(self.upscalers)),
            **dict.fromkeys(("image", "data", "mask"), _PICTURE),
            "init_images": st.lists(_PICTURE, min_size=1, max_size=2),
            "hr_second_pass_steps": st.integers(0, 2),
            "styles": st.lists(st.sampled_from(("None", "")), max_size=2),
            "prompt": st.sampled_from(("a fox", "(a:1.2) [b:c:0.5] BREAK d", "<lora:x:1>", "")) | st.text(max_size=30),
            "infotext": st.sampled_from(texts),
            "script_name": st.sampled_from((None, "", "SD upscale", "Loopback", "no such")),
            "script_args": st.one_of(st.just([]), loops.map(list), tiles.map(list)),
            "alwayson_scripts": st.dictionaries(st.sampled_from(names), arguments, max_size=2),
            "override_settings": st.dictionaries(st.sampled_from(sorted(self.options)), _NUMBERS, max_size=2),
            **dict.fromkeys(("refiner_checkpoint", "hr_checkpoint_name"), st.sampled_from((None, "", "no such"))),
        }


@dataclass(frozen=True)
class Request:
    """One request as it is sent."""

    method: str
    path: str
    body: bytes | None
    fits: bool = False
    """Whether the description promises that it is read."""

    @property
    def name(self) -> str:
        told = (self.body or b"").decode("utf-8", "replace")
        return f"{self.method} {self.path} {told[:_SHOWN]}"


@dataclass
class Found:
    """What came of all requests."""

    statuses: Counter[str] = field(default_factory=Counter)
    problems: dict[str, str] = field(default_factory=dict)
    """By what is wrong: the first request that shows it."""

    slowest: float = 0.0
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """The report."""
        statuses = ", ".join(f"{count} with {status}" for status, count in sorted(self.statuses.items()))
        count = sum(self.statuses.values())
        lines = [f"{count} requests in {self.seconds:.0f} s, the longest took {self.slowest:.1f} s: {statuses}"]
        lines += [f"  {what}\n      {request}" for what, request in self.problems.items()]
        return [*lines, f"{len(self.problems)} problems" if self.problems else "No problems."]


def read_description(port: int, checkpoint: str) -> Described:
    """Ask a server for its description and menus."""

    def get(path: str) -> Any:
        return call(port, "GET", path, None, {}, TIMEOUT).content

    def names(path: str, key: str = "name") -> tuple[str, ...]:
        listed = (entry[key] for entry in get(f"/sdapi/v1/{path}"))
        return (*(name for name in listed if name != _OWN_PACE), "no such")

    upscalers = ("None", "Lanczos", "Nearest", "tiny_compact_x2", "Latent", "no such")
    document, options = get("/sdapi/v1/openapi.json"), get("/sdapi/v1/options")
    return Described(document, checkpoint, names("samplers"), names("schedulers", "label"), upscalers, options)


def send_all(
    port: int, described: Described, count: int, number: int, say: Callable[[str], None] = lambda line: None
) -> Found:
    """Send so many requests, the same for the same `number`, until the server is gone; and put its settings back."""
    found, started = Found(), time.monotonic()

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck.__members__.values()],
    )
    @given(_requests(described))
    def one(request: Request) -> None:
        if "None" in found.statuses:
            return
        begun = time.monotonic()
        headers = {} if request.body is None else {"Content-Type": "application/json"}
        reply = call(port, request.method, request.path, request.body, headers, TIMEOUT)
        found.slowest = max(found.slowest, time.monotonic() - begun)
        found.statuses[str(reply.status)] += 1
        sent = sum(found.statuses.values())
        if sent % _TOLD == 0:
            say(f"  {sent} of {count} replies, {time.monotonic() - started:.0f} s, {len(found.problems)} problems")
        for wrong in problems(described.document, request, reply):
            if found.problems.setdefault(wrong, request.name) == request.name:
                say(f"{wrong}\n    {request.name}")

    one()
    call(port, "POST", "/sdapi/v1/options", json.dumps(described.options).encode(), {}, TIMEOUT)
    found.seconds = time.monotonic() - started
    return found


def problems(document: Mapping[str, Any], request: Request, reply: Reply) -> list[str]:
    """What is wrong with a reply."""
    path, content = request.path.partition("?")[0], reply.content
    if reply.status is None:
        return [f"{path}: no reply: {content}"]
    found = []
    if str(reply.status) not in document["paths"][path][request.method.lower()]["responses"]:
        found.append(f"{path}: status {reply.status} is not described")
    try:
        json.loads(reply.body)
    except ValueError:
        return [*found, f"{path}: {reply.status} is no JSON"]
    if reply.status == 200:
        return found
    sentence = content.get("errors") or content.get("detail") if isinstance(content, dict) else None
    if reply.status == 422 and isinstance(sentence, list) and sentence:
        return [*found, f"{path}: what is described is refused: {sentence}"] if request.fits else found
    if not isinstance(sentence, str) or (len(sentence.split()) < 2 and content.get("error") != "KeyError"):
        found.append(f"{path}: {reply.status} without a sentence: {str(content)[:_SHOWN]}")
    elif PYTHON_WORDS.search(sentence) or "server's log" in sentence:
        found.append(f"{path}: {reply.status} with Python's words: {sentence[:_SHOWN]}")
    return found


def _requests(described: Described) -> st.SearchStrategy[Request]:
    operations = [
        (method.upper(), path, operation)
        for path, methods in described.document["paths"].items()
        for method, operation in methods.items()
        if path.startswith(("/sdapi/v1/", "/controlnet/"))
    ]
    drawing = [one for one in operations if one[1].rpartition("/")[2] in DRAWING]
    known = described.fields()

    @st.composite
    def request(draw: st.DrawFn) -> Request:
        method, path, operation = draw(st.sampled_from(drawing) | st.sampled_from(operations))
        query = draw(st.sampled_from(("?skip_current_image=true", "?skip_current_image=x", "")))
        path += query if operation.get("parameters") else ""
        if "requestBody" not in operation:
            return Request(method, path, None if method == "GET" else b"")
        if draw(st.integers(0, 19)) == 7:
            return Request(method, path, draw(_NO_JSON))
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = draw(_body(described, schema, known))
        if path.rpartition("/")[2] in DRAWING[:2]:
            sizes = {name: known[name] for name in ("width", "height", "steps")}
            body = {**draw(st.fixed_dictionaries(sizes)), **body}
        fits = bool(body) and draw(st.booleans())
        if body and not fits:
            body[draw(st.sampled_from(sorted(body)))] = draw(_WRONG)
        if "steps" in body and isinstance(body.setdefault("override_settings", {}), dict):
            body["override_settings"] = {**body["override_settings"], "sd_model_checkpoint": described.checkpoint}
        return Request(method, path, json.dumps(body).encode(), fits)

    return request()


def _body(
    described: Described, schema: Mapping[str, Any], known: Mapping[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies of a schema with a few of its fields, and those that have to be there."""
    schema = _resolved(described.document, schema)
    listed = schema.get("properties")
    if listed is None:
        keys = st.sampled_from(sorted(described.options)) | st.text(max_size=8)
        return st.dictionaries(keys, _NUMBERS | st.booleans() | st.text(max_size=8), max_size=3)
    strategies = {
        name: known[name] if name in known else _values(described, one, known) for name, one in listed.items()
    }
    required = list(schema.get("required", ()))
    chosen = st.lists(st.sampled_from(sorted(strategies)), max_size=8, unique=True)
    return chosen.flatmap(
        lambda names: st.fixed_dictionaries({name: strategies[name] for name in dict.fromkeys((*required, *names))})
    )


def _values(
    described: Described, schema: Mapping[str, Any], known: Mapping[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[Any]:
    """Values of a schema."""
    schema = _resolved(described.document, schema)
    if "anyOf" in schema:
        return st.one_of(*(_values(described, one, known) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kind = schema.get("type")
    if kind == "array":
        return st.lists(_values(described, schema.get("items", {}), known), max_size=2)
    if kind == "object" and "properties" in schema:
        return _body(described, schema, known)
    low, high = schema.get("minimum", -3), schema.get("maximum", 12)
    return {
        "string": st.text(max_size=12),
        "boolean": st.booleans(),
        "null": st.none(),
        "integer": st.integers(low, high),
        "number": st.floats(
            max(low, schema.get("exclusiveMinimum", low)), high, exclude_min="exclusiveMinimum" in schema
        ),
        "object": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
    }.get(kind or "", st.none() | st.integers() | st.text(max_size=5))


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    name = schema.get("$ref")
    return document["components"]["schemas"][name.rpartition("/")[2]] if name else schema
