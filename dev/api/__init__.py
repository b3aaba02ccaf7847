"""Many clients of A1111's API at once, a server that is killed, and requests of its own description: `dev.py api`.

`asks` makes requests, `load` sends them and judges the replies, `killed` ends a server at work, `described` draws
requests from the description that the server gives of itself. Imports `fixtures`, `fuzz`, `host` and `parity`.
"""
