"""Prompts as A1111 encodes them, on ComfyUI's text encoders.

Offers `text.encode_prompt`. May import comfy and `hires.prompts`.
"""
