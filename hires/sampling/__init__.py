"""Sampling without a host: A1111's menus and options, schedules, noise, steps and samplers.

`menus` and `settings` are what every list, text and table of A1111's names is read from; they do not import torch.
Imports nothing of the pack but `hires.errors` and the boxes of `hires.tiles`.
"""
