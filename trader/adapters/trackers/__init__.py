"""Experiment trackers, each in a process of its own.

`process` is the near end, `child` the far one, `wire` what they say to each other. A run imports nothing else of this:
a vendor's library is imported by the module that is the child's program (`python -m trader.adapters.trackers.mlflow`).
"""
