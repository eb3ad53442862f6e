"""The summary of all runs of one symbol: small enough to be read and written every hour, whatever lies behind."""
