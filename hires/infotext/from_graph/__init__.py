"""From a graph in API format to the settings that its text names, and to what that text leaves out.

`read.read_graph` reads samplings, `extras.extras_of_graph` what was done to a finished picture.
May import `hires.graph`, `hires.sampling`, `hires.prompts` and the rest of `hires.infotext` but `to_graph`.
"""
