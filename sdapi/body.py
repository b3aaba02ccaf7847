"""What a request's body says, before anything looks at its fields."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from .errors import ApiError, invalid, problem, refused

_SHOWN = 10_000
"""Characters of a body that is no JSON which are sent back."""

_REQUIRED = object()


def read_body(raw: bytes, content_type: str = "") -> Any:
    """The JSON of a body, whatever its content type claims; None if it is empty.

    Raises:
        ApiError: it is no JSON.
    """
    if not raw.strip():
        return None
    try:
        return json.loads(raw)
    except json.JSONDecodeError as error:
        if content_type and not content_type.endswith("json"):
            raise invalid(problem((), "value is not a valid dict", "type_error.dict")) from None
        raise _no_json(error) from None
    except (ValueError, RecursionError):
        raise refused(400, "There was an error parsing the body") from None


def _no_json(error: json.JSONDecodeError) -> ApiError:
    told = {"msg": error.msg, "doc": error.doc[:_SHOWN], "pos": error.pos, "lineno": error.lineno, "colno": error.colno}
    return invalid(problem((error.pos,), str(error), "value_error.jsondecode", **told))


def keys_of(body: Any) -> dict[str, Any]:
    """A body that may have any keys; a list of pairs is one, too. Raises ApiError: 422."""
    if body is None:
        raise invalid(problem((), "field required", "value_error.missing"))
    try:
        return {str(key): value for key, value in dict(body).items()}
    except (TypeError, ValueError):
        raise invalid(problem((), "value is not a valid dict", "type_error.dict")) from None


def fields_of(body: Any) -> dict[str, Any]:
    """A body whose fields are checked. Raises ApiError: 422."""
    return keys_of(body if body is None or isinstance(body, dict) else 0)


def text_of(fields: dict[str, Any], name: str, default: Any = _REQUIRED) -> str:
    """A field that is a text; a number is one, too. Raises ApiError: 422."""
    value = fields.get(name, default)
    if value is _REQUIRED:
        raise invalid(problem((name,), "field required", "value_error.missing"))
    if value is None:
        raise invalid(problem((name,), "none is not an allowed value", "type_error.none.not_allowed"))
    if not isinstance(value, (str, int, float)):
        raise invalid(problem((name,), "str type expected", "type_error.str"))
    return str(value)


def picture_bytes(text: str) -> bytes:
    """The file in a picture that was sent as base64, with or without `data:image/…;base64,` before it.

    Whether it is a picture is for its reader to say. Nothing is fetched from elsewhere.

    Raises:
        ApiError: it is an address, or no base64.
    """
    text = text.strip()
    if text[:8].lower().startswith(("http://", "https://")):
        raise refused(500, "Request to local resource not allowed")
    if text.startswith("data:image/"):
        text = text.partition(",")[2]
    try:
        found = base64.b64decode(text)
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        raise no_picture()
    return found


def no_picture() -> ApiError:
    """Of what is sent as a picture, but is none that can be read."""
    return refused(500, "Invalid encoded image")
