"""The single source of every saved workflow and box: one function each, in galleries by subject.

`library` lists all of them; `job` has the parameters of A1111's tab, `workflow` the decorators.
May import `hires.graph` and the standard library.
"""
