"""Cutting pictures into windows, and resizing them part by part.

Offers boxes, plans of tiles and `ResizeParts`. May import `images` and errors.
"""
