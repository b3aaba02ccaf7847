"""Results that are too large for the memory: written piece by piece, and taken up again where they stopped.

`stream_picture` does it; `Journal` is what lies beside an unfinished file, `KeptParts` what took long to make of it.
May import `pictures.base`, `formats.tiff`.
"""
