"""Ways to reach an instrument: the wire, and nothing that knows what is said on it.

The rules live here once, in `hil.transport.link`: one lock per session, deadlines,
the command log with time bounds, a fresh connection after a late reply, and
*outcome unknown* after a link lost behind a write, which is never replayed.
"""
