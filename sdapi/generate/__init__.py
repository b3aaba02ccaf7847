"""Requests that make pictures: what they ask for, the graphs that draw it, and the replies.

Offers `requests` (the bodies), `asked` (what they come to), `txt2img`, `img2img` and `extras` (graphs), `texts` and
`pictures` (replies), `house` (what a server has). Imports `hires`, and `errors`, `options` and `scripts` of the room
above.
"""
