"""Parameters of infotexts as they are compared: A1111's page sends 7 where its API sends 7.0."""

from collections.abc import Iterable

from hires_pack.hires.infotext.text import Parameter


def pairs(parameters: Iterable[Parameter]) -> list[tuple[str, str | float]]:
    """Keys and values in their order; numbers as numbers."""
    return [(found.key, _plain(found.value)) for found in parameters]


def _plain(value: str) -> str | float:
    try:
        return float(value)
    except ValueError:
        return value
