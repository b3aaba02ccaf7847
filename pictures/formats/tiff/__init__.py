"""One codec for classic TIFF and BigTIFF, which differ by the size of their offsets.

Tags, pages, strips and tiles; whole pictures (`read_pixels`, `write_tiff`) and pictures by pieces (`TiffSource`,
`TiffSink`). May import `pictures.base`.
"""
