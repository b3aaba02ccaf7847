"""A1111's HTTP API on the host: addresses and doors, lists of model files, jobs on its queue.

Offers `doors.open_doors`. `wire` is how requests and replies look, `routes` who answers, `configuration` what the
owner has decided, the room `lists` what is not about pictures. Imports `sdapi` and the other rooms of `host`.
"""
