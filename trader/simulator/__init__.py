"""The simulated exchange: a pure matching engine."""
