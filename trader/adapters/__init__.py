"""Adapters: one vendor each. They do not know each other."""
