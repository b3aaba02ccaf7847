"""What makes a function a saved workflow or a box of the node library: one decorator each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec

from ..hires.graph.builder import Graph
from ..hires.graph.to_app import App
from ..hires.graph.to_blueprint import Blueprint

Parameters = ParamSpec("Parameters")

CATEGORY = "hires fix"


@dataclass(frozen=True)
class Sketch:
    """The thumbnail of a workflow that has no picture yet: the pictures on the way, drawn."""

    title: str
    steps: tuple[tuple[float, str], ...]
    """Size of each picture relative to the others, and the words below it."""

    remark: str
    many: bool = False


TWICE = (1, "512"), (2, "1024")
LARGE = (2, "1024"), (3, "1536")
YOURS_TWICE = (1, "yours"), (2, "x 2")
"""Steps of several sketches."""


@dataclass(frozen=True)
class Workflow:
    """A workflow that the pack ships under `workflows/`."""

    build: Callable[[], Graph]
    about: str
    title: str
    """Name of the editor's file and thumbnail. The template dialog shows and searches nothing else; see `workflow`."""

    sketch: Sketch
    size: tuple[int, int]
    """Width and height of its result, in pixels, where the first pass is 128x64 and a loaded picture is 133x101 (67x51
    where it gets four times as large): what its test expects."""


@dataclass(frozen=True)
class ShippedApp:
    """A workflow of the pack that opens as a form."""

    build: Callable[[], App]
    about: str
    sketch: Sketch


WORKFLOWS: dict[str, Workflow] = {}
BLUEPRINTS: dict[str, Callable[[], Blueprint]] = {}
APPS: dict[str, ShippedApp] = {}
"""All by name: workflows by that of their API file, boxes by that of their file. See `library`, which fills them."""


def workflow(
    name: str, about: str, *, title: str, sketch: Sketch, size: tuple[int, int]
) -> Callable[[Callable[Concatenate[Graph, Parameters], None]], Callable[Parameters, Graph]]:
    """Ship what the function draws into an empty graph; called without that graph, it returns the finished one.

    `name`: of the API file, `workflows/api/<name>.json`, and of the pictures it saves; clients know it, so it stays.
    `title`: of the card in the template dialog, and of the tab. The words people look for belong into its first 30
    letters, without a bracket before them; letters that Windows or an address cannot hold are refused by the tests. For
    the others see `Workflow`.
    """

    def decorate(fill: Callable[Concatenate[Graph, Parameters], None]) -> Callable[Parameters, Graph]:
        def build(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Graph:
            graph = Graph(name)
            fill(graph, *args, **kwargs)
            return graph

        WORKFLOWS[name] = Workflow(build, about, title, sketch, size)
        return build

    return decorate


def blueprint(
    name: str, description: str, *aliases: str, also: str = ""
) -> Callable[[Callable[[Graph], None]], Callable[[], Blueprint]]:
    """Ship what the function draws into an empty graph as a box of the node library; see `Blueprint`.

    `also`: further words in the name of its file. The editor (1.47 to 1.58) searches installed boxes by that alone: it
    passes over the `aliases` in the files of packs. Of names that begin with what is typed, the shortest comes first.
    """

    def decorate(fill: Callable[[Graph], None]) -> Callable[[], Blueprint]:
        def build() -> Blueprint:
            graph = Graph(name)
            fill(graph)
            return Blueprint(graph, CATEGORY, description, aliases)

        BLUEPRINTS[f"{name} - {also}" if also else name] = build
        return build

    return decorate


def app(
    title: str, about: str, *, sketch: Sketch
) -> Callable[[Callable[Concatenate[Graph, Parameters], App]], Callable[Parameters, App]]:
    """Ship what the function draws into an empty graph as a form; called without that graph, it returns the form.

    `title`: of the card, as in `workflow`; for the others see `ShippedApp`.
    """

    def decorate(fill: Callable[Concatenate[Graph, Parameters], App]) -> Callable[Parameters, App]:
        def build(*args: Parameters.args, **kwargs: Parameters.kwargs) -> App:
            return fill(Graph(title), *args, **kwargs)

        APPS[title] = ShippedApp(build, about, sketch)
        return build

    return decorate
