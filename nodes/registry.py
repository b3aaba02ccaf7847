"""The list of the nodes: a class joins it by its decorator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from comfy_api.latest import io


class PackNode(io.ComfyNode):
    """A node of the pack. The host calls these by name, with the inputs that the node's own schema lists."""

    if TYPE_CHECKING:  # only for type checkers: what a class has of these the host would call

        @classmethod
        def execute(cls, *args: Any, **inputs: Any) -> io.NodeOutput: ...

        @classmethod
        def validate_inputs(cls, *args: Any, **inputs: Any) -> bool | str: ...

        @classmethod
        def fingerprint_inputs(cls, *args: Any, **inputs: Any) -> Any: ...


Class = TypeVar("Class", bound=type[PackNode])


@dataclass(frozen=True)
class Listed:
    """What the list says of a node beyond its schema."""

    cls: type[PackNode]
    place: int
    """Where in the list it stands; ten apart, in the order of the stages."""

    about: str
    """What it does, in the words of the README."""

    a1111: Mapping[str, str]
    """Input -> what A1111's pages and settings call it, for the help page. Others have nothing of their kind there."""


NODES: dict[str, Listed] = {}
"""By the name of the class, which is the node's id."""


def node(place: int, about: str, a1111: Mapping[str, str] | None = None) -> Callable[[Class], Class]:
    """Put a class on the list of nodes; for the arguments see `Listed`."""

    def register(cls: Class) -> Class:
        NODES[cls.__name__] = Listed(cls, place, about, a1111 or {})
        return cls

    return register
