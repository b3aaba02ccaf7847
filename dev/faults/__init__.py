"""Workers that are killed, frozen, late or gone, and a master that is: `python dev/mount.py dev.faults.run`.

`run` does it to a folder of small pictures and to one large picture, with one and more workers, and compares bytes; its
`--soak` lets workers come and go while the master's memory is looked at. Imports `fixtures`.
"""
