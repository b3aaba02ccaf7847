"""Prompts as A1111 encodes them, on ComfyUI's text encoders.

Offers `later.encode_for_pass` for the node, `later.for_pass` for the passes. May import comfy and `hires.prompts`.
"""
