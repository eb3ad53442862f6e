"""Nothing that is sent makes the exchange fail: everything is an answer or a refusal with a code."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import random_klines
from tests.simulator.testnet.conftest import NOW
from tests.testnet import Asker, make_venue
from trader.simulator.testnet.exchange import Exchange
from trader.simulator.testnet.limits import WEIGHT_LIMIT
from trader.simulator.testnet.params import SIGNED
from trader.simulator.testnet.routes import ENDPOINTS

ASKER = Asker(Exchange(make_venue({"BTCUSDT": random_klines(200, price=40000.0)}, now=NOW, ticking=False)))
NAMES = sorted(
    {name for methods in ENDPOINTS.values() for end in methods.values() for name in (*end.required, *end.optional)}
    - set(SIGNED)
)
LIKELY = [
    "BTCUSDT",
    "1h",
    "BUY",
    "SELL",
    "MARKET",
    "LIMIT",
    "LIMIT_MAKER",
    "GTC",
    "FOK",
    "0.01",
    "30000",
    "1",
    "0",
    "500",
    "true",
]
NASTY = ["9" * 20, "9" * 5000, "-1", "1e400", "NaN", "\u0663", "[]", '["BTCUSDT"]', "[[]]", "{}", "\x00", "%"]
VALUES = st.one_of(st.sampled_from(LIKELY), st.sampled_from(NASTY), st.text(max_size=5))
PLACES = [(method, path) for path, methods in ENDPOINTS.items() for method in methods]


@settings(max_examples=200)
@given(place=st.sampled_from(PLACES), sent=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8))
def test_every_answer_is_a_success_or_a_refusal_with_a_code(place, sent):
    method, path = place
    required = {name: "BTCUSDT" for name in ENDPOINTS[path][method].required if name == "symbol"}
    ask = ASKER.signed if ENDPOINTS[path][method].is_signed else ASKER.ask
    ASKER.venue.limits.callers.clear()
    answer = ask(method, path.removeprefix("/api/v3/"), **{**required, **sent})
    content = json.loads(answer.body)
    assert answer.status in (200, 400, 429)
    assert answer.status == 200 or (content["code"] < 0 and content["msg"])
    assert int(answer.headers["X-MBX-USED-WEIGHT-1M"]) <= WEIGHT_LIMIT
    assert all(free >= 0 for free in ASKER.venue.account.balances.values())
