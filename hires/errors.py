"""Bad input, named by the input it came in by."""

from __future__ import annotations


class InputError(ValueError):
    """A value that cannot be used. The text says what was found and what to do instead."""

    def __init__(self, message: str, input_name: str | None = None) -> None:
        super().__init__(message)
        self.input_name = input_name
        """Name of the parameter, which nodes share, that the value came in by; None where only the caller knows."""
