"""What every kind of picture file has: `Picture` and its `FileFacts`, errors that name the file, limits, levels, EXIF.

Directories of tags are here as well, since EXIF blocks are made of them as TIFF files are. Imports `hires` alone.
"""
