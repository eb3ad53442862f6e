"""A machine-learning paper trader: klines in, one decision an hour, and numbers that can be trusted."""


def __getattr__(name: str) -> str:
    """Return `__version__`, worked out when somebody asks for it: `trader/version.py`."""
    if name == "__version__":
        from trader.version import running  # noqa: PLC0415

        return running().version
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
