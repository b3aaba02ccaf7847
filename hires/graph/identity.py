"""Ids that the editor asks for: the same for the same name, so that a file that is made again does not change."""

import uuid

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "hires-fix/workflows")


def identity(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))
