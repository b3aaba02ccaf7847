"""Whether a picture that was made in tiles shows them: figures that a picture made in one piece must pass, too.

Offers `meetings` and `placed` (where tiles meet), `measure` and `Report`. May import images, tiles and errors.
"""
