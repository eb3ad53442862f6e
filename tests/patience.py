"""How long a client in a test waits to connect and to be answered, in seconds."""

PATIENT = (5.0, 30.0)
"""For an answer that comes: a busy machine may take its time over it."""

HURRIED = (5.0, 0.3)
"""For one that does not: the other side is silent for seconds more, so that nobody hears it by accident."""
