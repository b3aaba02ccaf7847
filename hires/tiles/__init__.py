"""Cutting pictures into windows, and resizing them part by part.

Offers boxes, plans of tiles that own a part each (`boxes`) or are faded into each other (`windows`; for pictures beyond
memory `bands`) and evened out (`levels`), tiles that people work on between cutting and combining (`grid`, `layout`,
A1111's way in `eight_bit`), and `ResizeParts`. May import `images` and errors.
"""
