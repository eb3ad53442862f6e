"""A machine-learning paper trader: klines in, one decision an hour, and numbers that can be trusted."""

__version__ = "0.1.0"
