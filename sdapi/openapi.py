"""The description of the API in OpenAPI's form, made of the same table that answers requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

_REF = "#/components/schemas/{model}"
_RULES = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
"""pydantic's names of limits that stand behind a conversion -> JSON schema's."""


@dataclass(frozen=True)
class Endpoint:
    """One way to call the API."""

    method: Literal["GET", "POST"]
    path: str
    about: str
    body: type[BaseModel] | Mapping[str, Any] | None = None
    """What it takes: a model, or a JSON schema; None: its body is not looked at."""
    switches: tuple[str, ...] = ()
    """Parameters of its address that are true or false."""


def description(endpoints: Iterable[Endpoint], version: str, has_auth: bool) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {"Error": _ERROR, "Invalid": _INVALID}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "A1111's API on ComfyUI, by Hires Fix & Upscale", "version": version},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if has_auth:
        document["components"]["securitySchemes"] = {"basic": {"type": "http", "scheme": "basic"}}
        document["security"] = [{"basic": []}]
    return document


def _operation(endpoint: Endpoint, schemas: dict[str, Any]) -> dict[str, Any]:
    replies: dict[str, Any] = {"200": {"description": "what was asked for", **_json({})}}
    for status, words in _FAILURES.items():
        replies[status] = {"description": words, **_json({"$ref": _REF.format(model="Error")})}
    operation: dict[str, Any] = {"summary": endpoint.about, "responses": replies}
    if endpoint.switches:
        operation["parameters"] = [
            {"name": name, "in": "query", "required": False, "schema": {"type": "boolean", "default": False}}
            for name in endpoint.switches
        ]
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, **_json(_body(endpoint.body, schemas))}
    if endpoint.body is not None or endpoint.switches:
        words = "a field that does not fit, or a script that is not there"
        choices = {"anyOf": [{"$ref": _REF.format(model=name)} for name in ("Invalid", "Error")]}
        replies["422"] = {"description": words, **_json(choices)}
    return operation


def _body(body: type[BaseModel] | Mapping[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if isinstance(body, Mapping):
        return dict(body)
    schema = body.model_json_schema(ref_template=_REF)
    for name, part in {**schema.pop("$defs", {}), body.__name__: schema}.items():
        schemas[name] = _with_limits(part)
    return {"$ref": _REF.format(model=body.__name__)}


def _with_limits(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_with_limits(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {_RULES.get(key, key): _with_limits(value) for key, value in schema.items()}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


_TEXT = {"type": "string"}
_FAILURES = {
    "400": "no JSON, or an input that cannot be used",
    "401": "wrong user or password, or none",
    "403": "nothing that a request may decide",
    "404": "nothing of that name",
    "413": "the body is larger than the server takes",
    "500": "the job failed; `errors` or `detail` says why",
    "501": "not part of this server",
}
_ERROR = {
    "type": "object",
    "properties": {"error": _TEXT, "detail": _TEXT, "body": _TEXT, "errors": _TEXT},
    "required": ["detail"],
}
_PROBLEM = {
    "type": "object",
    "properties": {
        "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
        "msg": _TEXT,
        "type": _TEXT,
        "ctx": {"type": "object"},
    },
    "required": ["loc", "msg", "type"],
}
_INVALID = {
    "type": "object",
    "properties": {"detail": {"type": "array", "items": _PROBLEM}},
    "required": ["detail"],
}
