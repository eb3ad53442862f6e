"""Notices to people, through any service that Apprise knows; a process of its own does it, and is given up in time."""

from trader.adapters.notices.process import AppriseNotifier, Delivery, check_urls

__all__ = ["AppriseNotifier", "Delivery", "check_urls"]
