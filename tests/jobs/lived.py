"""A store that was lived through, with everything in its journal that can be there, and hands that alter it."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.builders import HOUR, Quiet, random_klines, without
from tests.desks import FIRST, SYMBOL, make_desk, move_to_run
from tests.jobs.test_run import replace_bot
from trader.adapters.simulated_exchange import KEY as EXCHANGE_KEY
from trader.bootstrap import versions
from trader.core.journal import SCHEMA, RunRecord
from trader.core.klines import close_of
from trader.core.risk import ControlMode
from trader.jobs.claim import claim, give_back
from trader.jobs.run import run
from trader.jobs.train import promote, train
from trader.jobs.verification.differences import Cause
from trader.jobs.verification.verify import verify
from trader.store.codec import from_json, to_json
from trader.store.control import say
from trader.store.journal import seal_of

HOURS = 42
FILLED, LATE, HALTED, RESUMED, RETRAINED, RESET, CLAIMED = 10, 14, 24, 26, 28, 32, 36
ABSENT = (18, 19, 20)
_WHOLE = random_klines(1460, seed=6)
KLINES = without(_WHOLE, _WHOLE.index_of(FIRST + FILLED * HOUR))


def desk_on(folder, *, klines=KLINES, **changes):
    """A desk on a folder whose records name the versions of this machine."""
    return replace_bot(make_desk(folder, klines), versions=versions(), **changes)


def live_through(desk):
    """Live through 42 hours in which everything happens once."""
    for hour in range(HOURS):
        if hour in ABSENT:
            continue
        at = FIRST + hour * HOUR
        _before(desk, hour, at=at)
        move_to_run(desk, at)
        if hour == LATE:
            desk.bot.clock.move_to(close_of(at, "1h") + timedelta(minutes=15, seconds=1))
        if hour == CLAIMED:  # its process dies right after
            claim(desk, at, gone=set())
            give_back(desk, at)
        else:
            run(desk)


def _before(desk, hour, *, at):
    storage = desk.bot.storage
    if hour == HALTED:
        say(storage, mode=ControlMode.HALT, why="looks odd", who="me", at=at)
    elif hour == RESUMED:
        say(storage, mode=ControlMode.RUN, why="fine", who="me", at=at)
    elif hour == RETRAINED:
        promote(desk, train(desk, last=at - HOUR, why="for a test").card, why="for a test")
    elif hour == RESET:
        storage.delete(EXCHANGE_KEY)


def check(desk, *, start=None, end=None):
    """Verify quietly."""
    return verify(desk, start=start, end=end, progress=Quiet())


def found_at(found, hour):
    """The differences of one hour."""
    return [each for each in found.differences if each.open_time == FIRST + hour * HOUR]


def causes_at(found, hour, *, without=(Cause.COPY,)):
    """The causes of one hour's differences; that the ledger still says what was true is left out."""
    return {each.cause for each in found_at(found, hour)} - set(without)


def path_of(desk, hour):
    """Where the record of an hour of the life is."""
    at = FIRST + hour * HOUR
    return Path(desk.bot.storage.locate(f"journal/{SYMBOL}/1h/{at:%Y/%m/%dT%H%M}.json"))


def record_of(desk, hour):
    return desk.journal.read(FIRST + hour * HOUR).record


def alter(desk, hour, change, *, sealed):
    """Edit a record by hand, and seal it anew or not."""
    path = path_of(desk, hour)
    fields = json.loads(path.read_bytes())
    change(fields)
    data = json.dumps(fields).encode()
    if sealed:
        record = from_json(RunRecord, data, key=path.name, schema=SCHEMA)
        data = to_json(replace(record, seal=seal_of(record)))
    path.write_bytes(data)


def put(*names, to=None, plus=None):
    """A change of the field at these names: to a value, or by an amount."""

    def change(fields):
        for name in names[:-1]:
            fields = fields[name]
        fields[names[-1]] = to if plus is None else fields[names[-1]] + plus

    return change


def turned(*names):
    """A change of the sign of the field at these names."""

    def change(fields):
        for name in names[:-1]:
            fields = fields[name]
        assert fields[names[-1]], "turning a zero changes nothing"
        fields[names[-1]] = -fields[names[-1]]

    return change
