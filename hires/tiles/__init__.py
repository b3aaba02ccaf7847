"""Cutting pictures into windows, and resizing them part by part.

Offers boxes, plans of tiles that own a part each (`boxes`) or are faded into each other (`windows`), and `ResizeParts`.
May import `images` and errors.
"""
