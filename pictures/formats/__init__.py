"""The formats, each knowing only itself: PNG with 16 bits and animated, TIFF below, everything else through Pillow.

They read and write open files, and complain without the file's name. May import `base`.
"""
