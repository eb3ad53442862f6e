"""What the jobs' tests share: a store that was lived through, made once."""

import pytest

from tests.desks import with_model
from tests.jobs.lived import desk_on, live_through


@pytest.fixture(scope="session")
def lived(tmp_path_factory):
    """A store with everything in its journal that can be there; copy it before anything is altered in it."""
    folder = tmp_path_factory.mktemp("lived") / "store"
    live_through(with_model(desk_on(folder)))
    return folder
