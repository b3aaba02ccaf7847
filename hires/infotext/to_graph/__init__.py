"""From a generation text to the workflow that draws its picture: `workflow.hires_workflow`.

Values that a node refuses are brought into its range, files are found by name or hash; the reader is told.
May import `hires.graph`, `hires.sampling`, `hires.prompts` and the rest of `hires.infotext` but `from_graph`.
"""
