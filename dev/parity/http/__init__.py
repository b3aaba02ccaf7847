"""Recorded exchanges with A1111's API, played against the pack's: `dev.py parity` of a folder of request.json files.

`exchanges` reads them, `session` plays those of one server in their order, `compare` judges a reply, `differences`
lists what differs on purpose. Imports `hires`, `sdapi`, `fixtures`, `host`, and of `parity` how pictures are measured.
"""
