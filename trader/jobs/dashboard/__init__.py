"""The dashboard's files in the store: data as scripts that a page loads from anywhere, and the page itself."""

from trader.jobs.dashboard.models import write_models
from trader.jobs.dashboard.places import locate
from trader.jobs.dashboard.site import tag_of, write_index
from trader.jobs.dashboard.update import Forward, bring_forward, rebuild, write

__all__ = ["Forward", "bring_forward", "locate", "rebuild", "tag_of", "write", "write_index", "write_models"]
