"""Landscape scenes: chosen at random, put into words, drawn. The world that the demo model knows."""

from __future__ import annotations

from .captions import caption
from .scene_drawing import draw
from .scene_layout import random_scene
from .scene_model import Scene

__all__ = ["Scene", "caption", "draw", "random_scene"]
