"""A typed builder for ComfyUI graphs that knows no file format; the recorded node definitions judge every value.

Links are made by passing an `Output`, so a graph never holds a cycle, and creation order is an order of execution.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from . import definitions
from .definitions import GraphError, NodeDefinition, OutputDefinition

__all__ = [
    "FIRST_CHOICE",
    "BoxInput",
    "BoxOutput",
    "Graph",
    "GraphError",
    "Node",
    "Note",
    "Output",
    "Stage",
    "identity",
]


ANY = "*"
"""Type of a socket that takes everything."""

IDS_OF_BOX = 100
"""Ids that are kept free for the inside of each box."""

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "hires-fix/workflows")

FIRST_CHOICE: Final = object()
"""Start value of a box's field that lists files: the first one that the reader has, as on a new node."""


def identity(name: str) -> str:
    """An id as the editor asks for: the same for the same name, so that a file that is made again does not change."""
    return str(uuid.uuid5(_NAMESPACE, name))


@dataclass(frozen=True)
class Output:
    """One output socket of a node; pass it as an input of another node to link the two."""

    node: "Node"
    index: int

    @property
    def type(self) -> str:
        """Of a node that hands on whatever it gets, such as a switch: the type of that."""
        definition = self.node.definition
        declared = definition.outputs[self.index].type
        if declared != ANY:
            return declared
        given = (self.node.inputs.get(entry.name) for entry in definition.inputs if entry.type == ANY)
        return next((value.type for value in given if isinstance(value, Output)), ANY)


@dataclass(frozen=True, eq=False)
class BoxInput:
    """What enters a graph that becomes one box; pass it as an input of one or several of its nodes."""

    name: str
    """Name of the socket or field; unique among its box's inputs."""

    label: str
    start: Any = None
    """Value of the field when the box is new; None for a socket, which has to be linked."""


@dataclass(frozen=True)
class BoxOutput:
    """What leaves a graph that becomes one box."""

    name: str
    source: Output


@dataclass(frozen=True)
class Stage:
    """A part of the work that is shown as one group; its name is the title, unique in its graph."""

    name: str


@dataclass(frozen=True)
class Place:
    """Where a node or note belongs in the picture; columns count from 0 at the left."""

    stage: Stage
    column: int


@dataclass(eq=False)
class Node:
    """One node of a graph, checked and complete; ids count from 1 in order of creation."""

    id: int
    definition: NodeDefinition
    title: str
    place: Place
    folded: bool = False
    """Shown as its title alone."""

    inputs: dict[str, Any] = field(default_factory=dict)
    """Every given input and every widget by name, in schema order: an `Output`, a `BoxInput` or a plain value."""

    labels: dict[str, str] = field(default_factory=dict)
    """What the editor calls a widget instead of by its name."""

    control: str | None = None
    """What the editor does with a seed after each run, such as "randomize"; None: as the definitions say."""

    inside: "Graph | None" = None
    """Of a box: the graph in it, whose fields start as it says."""

    def out(self, which: int | str = 0) -> Output:
        """The output at an index or with a name; GraphError unless there is exactly one."""
        outputs = self.definition.outputs
        if isinstance(which, str):
            found = [index for index, output in enumerate(outputs) if output.name == which]
        else:
            found = [which] if 0 <= which < len(outputs) else []
        if len(found) != 1:
            names = ", ".join(f"{index}: {output.name}" for index, output in enumerate(outputs)) or "none"
            raise GraphError(f"{self.definition.type} has {len(found)} outputs {which!r}; its outputs are {names}")
        return Output(self, found[0])


@dataclass(eq=False)
class Note:
    """Markdown for the reader of the graph; the host never sees it."""

    id: int
    title: str
    text: str
    place: Place


class Graph:
    """A graph under construction; `name`: file name of the workflow without suffix, and the seed of its identity."""

    def __init__(self, name: str, known: Mapping[str, NodeDefinition] | None = None) -> None:
        self.name = name
        self.items: list[Node | Note] = []
        self.stages: list[Stage] = []
        self.box_inputs: list[BoxInput] = []
        self.box_outputs: list[BoxOutput] = []
        self._known = definitions.load() if known is None else known
        self._column = 0

    @property
    def nodes(self) -> Iterator[Node]:
        """The nodes in order of creation, without notes."""
        return (item for item in self.items if isinstance(item, Node))

    def stage(self, name: str) -> Stage:
        """Start a stage of a new name (else GraphError): what is added from here on belongs to it."""
        stage = Stage(name)
        if stage in self.stages:
            raise GraphError(f"{self.name} already has a stage {name!r}; choose another name")
        self.stages.append(stage)
        self._column = 0
        return stage

    def column(self) -> None:
        """Start another column to the right inside the current stage."""
        self._column += 1

    def note(self, text: str, *, title: str = "Note") -> Note:
        """Add text for the reader."""
        note = Note(len(self.items) + 1, title, text.strip(), self._place())
        self.items.append(note)
        return note

    def box_input(self, name: str, label: str, start: Any = None) -> BoxInput:
        """Add a field with a start value, or a socket, of a new name (else GraphError) to the box that this becomes."""
        if any(name == other.name for other in self.box_inputs):
            raise GraphError(f"the box {self.name!r} already has an input {name!r}; choose another name")
        added = BoxInput(name, label, start)
        self.box_inputs.append(added)
        return added

    def as_node(self) -> NodeDefinition:
        """What the box that this becomes accepts and gives; GraphError if something is connected to nothing."""
        if not self.box_outputs:
            raise GraphError(f"the box {self.name!r} gives nothing; call box_output()")
        for entry in self.box_inputs:
            if not self.fed_by(entry):
                raise GraphError(f"the box {self.name!r} has an input {entry.name!r} that feeds nothing")
        return NodeDefinition(
            type=identity(f"{self.name}/inside"),
            display_name=self.name,
            pack="",
            pack_version="",
            is_output=False,
            inputs=tuple(replace(self._shown(entry), name=entry.name) for entry in self.box_inputs),
            outputs=tuple(OutputDefinition(output.name, output.source.type) for output in self.box_outputs),
        )

    def _shown(self, entry: BoxInput) -> definitions.InputDefinition:
        """The input that the editor shows for a box input: the first field that it feeds, if it feeds any."""
        fed = self.fed_by(entry)
        return next((one for one in fed if one.is_widget), fed[0])

    def box(self, inside: "Graph", **links: Output) -> Node:
        """Add another graph as one node; its sockets are linked, its fields start as it says.

        Raises:
            GraphError: as `as_node` and `node`, or a value for a field.
        """
        definition = inside.as_node()
        labels = {entry.name: entry.label for entry in inside.box_inputs}
        node = Node(len(self.items) + 1, definition, inside.name, self._place(), labels=labels, inside=inside)
        for name, value in links.items():
            entry = definition.input(name)
            if not isinstance(value, Output):
                raise GraphError(f"{inside.name}.{name} is {value!r}; a box takes only links here")
            node.inputs[name] = self._checked(entry, value)
        missing = [entry.name for entry in definition.inputs if not entry.is_widget and entry.name not in node.inputs]
        if missing:
            raise GraphError(f"{inside.name} needs {', '.join(missing)}, which was not given")
        # the editor gives an id once in a file: those inside of box 3 begin with 301
        for number, item in enumerate(inside.items, node.id * IDS_OF_BOX + 1):
            item.id = number
        self.items.append(node)
        return node

    def fed_by(self, source: BoxInput) -> list[definitions.InputDefinition]:
        """Every input that the box input feeds, in order of creation; all have one type."""
        return [
            node.definition.input(name) for node in self.nodes for name, value in node.inputs.items() if value is source
        ]

    def box_output(self, name: str, source: Output) -> None:
        self.box_outputs.append(BoxOutput(name, source))

    def node(self, type_name: str, /, *, title: str | None = None, folded: bool = False, **inputs: Any) -> Node:
        """Add a node; an input is an `Output` of a node of this graph, a `BoxInput` of it or a plain value.

        `folded`: the editor shows its title alone, until it is unfolded.
        Widgets that are left out or None get the schema's default, so that every widget is written to files.

        Raises:
            GraphError: unknown node type or input, a required input missing, a value the host would refuse, a
                link between sockets of different types, or an output of another graph.
        """
        definition = self._known.get(type_name)
        if definition is None:
            raise GraphError(
                f"no node type {type_name!r} among the {len(self._known)} recorded ones; "
                "check the spelling, or add it to dev/generate/record_node_defs.py and run dev.py generate"
            )
        for name in inputs:
            definition.input(name)
        node = Node(len(self.items) + 1, definition, title or definition.display_name, self._place(), folded)
        for entry in definition.inputs:
            value = inputs.get(entry.name)
            if value is None and entry.is_widget:
                value = entry.default
            if value is None:
                if not entry.optional:
                    raise GraphError(f"{type_name} needs {entry.name} ({entry.type}), which was not given")
                continue
            try:
                node.inputs[entry.name] = self._checked(entry, value)
            except GraphError as error:
                raise GraphError(f"{type_name}.{entry.name} {error}") from None
        self.items.append(node)
        return node

    def _checked(self, entry: definitions.InputDefinition, value: Any) -> Any:
        if isinstance(value, Node):
            raise GraphError("was given a whole node; pass one of its outputs, such as node.out(0)")
        if isinstance(value, BoxInput):
            self._check_fed(entry, value)
            return value
        if not isinstance(value, Output):
            if not entry.is_widget:
                raise GraphError(f"is {value!r}, but {entry.type} can only be linked; pass an Output")
            return entry.checked(value)
        # ids count the items from 1
        if not any(value.node is item for item in self.items[value.node.id - 1 : value.node.id]):
            raise GraphError(f"is linked to {value.node.title!r}, which is not in the graph {self.name!r}")
        if not entry.accepts(value.type):
            raise GraphError(f"needs {entry.type}, but {value.node.title!r} gives {value.type}")
        return value

    def _check_fed(self, entry: definitions.InputDefinition, source: BoxInput) -> None:
        if source not in self.box_inputs:
            raise GraphError(f"is fed by {source.name!r}, which is no input of the box {self.name!r}")
        for other in self.fed_by(source):
            if other.type != entry.type:
                raise GraphError(
                    f"needs {entry.type}, but {source.name!r} also feeds {other.name} of type {other.type}"
                )
        if not entry.is_widget and source.start is not None and not any(one.is_widget for one in self.fed_by(source)):
            raise GraphError(f"can only be linked, but {source.name!r} has the start value {source.start!r}")
        if source.start is FIRST_CHOICE:
            if not entry.files:
                raise GraphError(f"lists no files, so that {source.name!r} needs a start value of its own")
        elif entry.is_widget:
            entry.checked(source.start)

    def _place(self) -> Place:
        if not self.stages:
            raise GraphError(f"{self.name} has no stage yet; call stage() before adding nodes or notes")
        return Place(self.stages[-1], self._column)
