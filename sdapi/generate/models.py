"""Request bodies: pydantic models that take what A1111's take, and complain in its words.

A1111's server has pydantic 1: numbers in strings are numbers, floats lose their fraction where whole numbers belong,
unknown keys are dropped. Its complaints have other words than pydantic 2's, and clients show them. A model is written
with the types of this module:

    class Request(BaseModel):
        steps: Whole | None = 50
        factor: Annotated[Number, Field(gt=0)] = 2
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import PydanticCustomError

from ..errors import invalid, problem

M = TypeVar("M", bound=BaseModel)

_TRUE, _FALSE = {1, "1", "on", "t", "true", "y", "yes"}, {0, "0", "off", "f", "false", "n", "no"}

_LIMITS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "greater than or equal to"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "less than or equal to"),
}
"""pydantic 2's kinds -> pydantic 1's ending, and words."""

_NONE = PydanticCustomError("type_error.none.not_allowed", "none is not an allowed value")


_LARGEST = 2**64
"""No whole number of a request is as large: seeds are below it."""


def _whole(value: Any) -> int:
    try:
        found = int(value)
        if abs(found) < _LARGEST:
            return found
    except (TypeError, ValueError, OverflowError):
        pass
    raise _wrong(value, "integer", "value is not a valid integer")


def _number(value: Any) -> float:
    """A1111 takes what is no number, too, and fails later."""
    try:
        found = float(value)
        if math.isfinite(found):
            return value if isinstance(value, int) and not isinstance(value, bool) else found
    except (TypeError, ValueError, OverflowError):
        pass
    raise _wrong(value, "float", "value is not a valid float")


def _flag(value: Any) -> bool:
    plain = value.lower() if isinstance(value, str) else value
    if isinstance(plain, (bool, int, float, str)) and plain in _TRUE | _FALSE:
        return plain in _TRUE
    raise _wrong(value, "bool", "value could not be parsed to a boolean")


def _text(value: Any) -> str:
    if isinstance(value, (str, int, float)):
        return str(value)
    raise _wrong(value, "str", "str type expected")


def _items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise _wrong(value, "list", "value is not a valid list")


def _keys(value: Any) -> dict[str, Any]:
    try:
        return dict(value)
    except (TypeError, ValueError):
        raise _wrong(value, "dict", "value is not a valid dict") from None


def _wrong(value: Any, kind: str, words: str) -> PydanticCustomError:
    # the words are a template of pydantic's: none of them has a brace
    return _NONE if value is None else PydanticCustomError(f"type_error.{kind}", words)  # type: ignore[arg-type]


Whole = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[float, BeforeValidator(_number)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Text = Annotated[str, BeforeValidator(_text)]
Items = Annotated[list[Any], BeforeValidator(_items)]
Keys = Annotated[dict[str, Any], BeforeValidator(_keys)]


def one_of(choices: Any) -> BeforeValidator:
    """For `Annotated[Literal[0, 1], one_of(Literal[0, 1])]`: only these, and no other way to write them."""
    permitted = list(get_args(choices))

    def check(value: Any) -> Any:
        if value is not None and isinstance(value, (str, int, float)) and value in permitted:
            return permitted[permitted.index(value)]
        if value is None:
            raise _NONE
        words = f"unexpected value; permitted: {', '.join(map(repr, permitted))}"
        raise PydanticCustomError("value_error.const", words, {"given": value, "permitted": permitted})  # type: ignore[arg-type]

    return BeforeValidator(check)


def read(model: type[M], body: Any) -> M:
    """The request in a body. `model_fields_set` of it tells what was sent.

    Raises:
        ApiError: 422, with an entry for each field that does not fit.
    """
    if body is None:
        raise invalid(problem((), "field required", "value_error.missing"))
    if not isinstance(body, dict):
        raise invalid(problem((), "value is not a valid dict", "type_error.dict"))
    try:
        return model.model_validate(body)
    except ValidationError as error:
        # a field that may be several things complains for each of them
        found = {tuple(entry["loc"]): entry for entry in map(_entry, error.errors(include_url=False))}
        raise invalid(*found.values()) from None


def _entry(error: Any) -> dict[str, Any]:
    where, kind, context = error["loc"], error["type"], error.get("ctx") or {}
    if kind in _LIMITS:
        ending, words = _LIMITS[kind]
        limit = context[ending]
        limit = int(limit) if limit == int(limit) else limit
        message = f"ensure this value is {words} {limit}"
        return problem(where, message, f"value_error.number.not_{ending}", limit_value=limit)
    if kind == "missing":
        return problem(where, "field required", "value_error.missing")
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return problem(where, "value is not a valid dict", "type_error.dict")
    if kind == "list_type":
        return problem(where, "value is not a valid list", "type_error.list")
    return problem(where, error["msg"], kind, **context)


Mode = Annotated[Literal[0, 1], one_of(Literal[0, 1])]
"""How Extras reach their size: by a factor, or to a width and height."""
