import base64
import traceback
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus

import pytest
from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

from tests.binance_account import LAG, NOW, OUTSIDE, TRADE, WINDOW, full_answer, running_venue
from trader.adapters.binance.exchange import BinanceExchange
from trader.core.errors import BadConfig, Rejected, Retryable
from trader.core.klines import to_ms
from trader.core.orders import Fill, OrderStatus, Side

# python-binance still imports names that websockets has deprecated.
pytestmark = pytest.mark.slow

HTML = "<html><h1>502 Bad Gateway</h1></html>"


@pytest.fixture
def venue():
    with running_venue() as running:
        yield running


def refuse(code, msg, status=400):
    return status, {"code": code, "msg": msg}


def test_a_market_order_is_one_post_with_exactly_these_parameters(venue):
    intent = venue.intent()
    report = venue.exchange.submit(intent)
    assert (report.status, report.executed, report.order_id) == (OrderStatus.FILLED, Decimal("0.003"), 28)
    assert report.fills == (
        Fill(
            price=Decimal("60001.00"),
            quantity=Decimal("0.003"),
            commission=Decimal("0.000003"),
            commission_asset="BTC",
        ),
    )
    assert report.at == NOW
    assert [method for method, _, _ in venue.server.requests] == ["POST"]
    [sent] = venue.server.asked("order")
    assert sent.pop("signature")
    assert sent == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "MARKET",
        "quantity": "0.00300",
        "newClientOrderId": intent.client_order_id,
        "newOrderRespType": "FULL",
        "timestamp": str(to_ms(NOW)),
        "recvWindow": "5000",
    }
    assert venue.server.raw[0][0] == ""  # all of it in the body


@pytest.mark.parametrize(("quantity", "written"), [("1E+1", "10"), ("1E-5", "0.00001"), ("0.00000001", "0.00000001")])
def test_a_quantity_is_never_written_with_an_exponent(venue, quantity, written):
    venue.exchange.submit(venue.intent(quantity=Decimal(quantity)))
    assert venue.server.asked("order")[0]["quantity"] == written


def test_an_order_that_found_too_little_is_expired_and_partly_filled(venue):
    venue.server.faults["order"] = [
        (200, full_answer(status="EXPIRED", executedQty="0.00200000", fills=[{**TRADE, "qty": "0.00200000"}])),
        (200, full_answer(status="EXPIRED", executedQty="0.00000000", fills=[])),
        (200, full_answer(status="EXPIRED_IN_MATCH", executedQty="0.00000000", fills=[])),
    ]
    executed = []
    for _ in range(3):
        report = venue.exchange.submit(venue.intent())
        assert report.status is OrderStatus.EXPIRED
        executed.append(report.executed)
    assert executed == [Decimal("0.002"), 0, 0]


def test_several_fills_are_all_kept(venue):
    rows = [{**TRADE, "qty": "0.001", "price": "60000.00"}, {**TRADE, "qty": "0.002", "commissionAsset": "BNB"}]
    venue.server.faults["order"] = [(200, full_answer(fills=rows))]
    report = venue.exchange.submit(venue.intent())
    assert [fill.commission_asset for fill in report.fills] == ["BTC", "BNB"]
    assert report.average_price == (Decimal(60000) + 2 * Decimal(60001)) / 3


CERTAIN = [
    (refuse(-1013, "Filter failure: LOT_SIZE"), -1013),
    (refuse(-1111, "Parameter 'quantity' has too much precision."), -1111),
    (refuse(-2010, "Account has insufficient balance for requested action."), -2010),
    (refuse(-2010, "Market is closed."), -2010),
    (OUTSIDE, -1021),
    (refuse(-1015, "Too many new orders; current limit is 50 orders per 10 SECOND.", 429), -1015),
    (refuse(-1100, "Illegal characters found in parameter 'quantity'"), -1100),
    (refuse(-1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."), -1102),
    (refuse(-1121, "Invalid symbol."), -1121),
    (refuse(-1003, "Too much request weight used"), -1003),
    (refuse(-1003, "Too much request weight used", 429), -1003),
    (refuse(-1003, "Way too much request weight used; IP banned", 418), -1003),
    ((429, "<html>Too many requests</html>"), -1003),
    ((418, ["banned"]), -1003),
    ((403, "<html>403 Forbidden</html>"), 0),
]


@pytest.mark.parametrize(("answer", "code"), CERTAIN)
def test_what_was_certainly_not_taken_is_rejected_with_its_code(venue, answer, code):
    venue.server.faults["order"] = [answer]
    with pytest.raises(Rejected) as caught:
        venue.exchange.submit(venue.intent())
    assert caught.value.code == code
    assert "BTCUSDT-2611201600-1-0a1b2c3d" in str(caught.value)
    assert venue.posts() == 1


@pytest.mark.parametrize(
    "answer",
    [
        refuse(-1022, "Signature for this request is not valid."),
        refuse(-2014, "API-key format invalid.", 401),
        refuse(-2015, "Invalid API-key, IP, or permissions for action.", 401),
        refuse(-2015, "Invalid API-key, IP, or permissions for action.", 403),
        refuse(0, "Service unavailable from a restricted location according to 'b. Eligibility'", 451),
    ],
)
def test_a_key_or_a_place_that_is_not_accepted_is_a_matter_of_configuration(venue, answer):
    venue.server.faults["order"] = [answer]
    with pytest.raises(BadConfig):
        venue.exchange.submit(venue.intent())
    assert venue.posts() == 1


UNKNOWN = [
    *[(status, HTML) for status in (500, 502, 503, 504, 520)],
    refuse(-1000, "An unknown error occurred while processing the request.", 500),
    refuse(-1000, "An unknown error occurred while processing the request.", 400),
    refuse(-1001, "Internal error; unable to process your request. Please try again.", 400),
    refuse(-1006, "An unexpected response was received from the message bus. Execution status unknown.", 500),
    refuse(-1006, "An unexpected response was received from the message bus. Execution status unknown.", 400),
    refuse(-1007, "Timeout waiting for response from backend server. Send status unknown.", 504),
    refuse(-1007, "Timeout waiting for response from backend server. Send status unknown.", 408),
    refuse(-1008, "Server is currently overloaded with other requests.", 503),
    refuse(-1008, "Server is currently overloaded with other requests.", 400),
    refuse(-1016, "This service is no longer available.", 400),
    *[refuse(code, "whatever the body says", 503) for code in (-1013, -2010, -1021, -2015, -1121)],
    refuse(-2010, "Duplicate order sent."),
    (400, ["bad"]),
    (400, "null"),
    (400, '"bad"'),
    (400, {"msg": "no code"}),
    (400, {"code": None, "msg": None}),
    (400, {"code": "-1013", "msg": "not a number"}),
    (400, {"code": 0, "msg": "nothing"}),
    (400, "<html>Bad Request</html>"),
    (404, "<html>Not found</html>"),
    (408, "<html>Request Timeout</html>"),
    (500, ["bad"]),
    (301, "", {"Location": "/elsewhere"}),
    (302, ["elsewhere"]),
    (307, "", {"Location": "/elsewhere"}),
    (303, "", {"Location": "/elsewhere"}),
    (200, "<html>log in to this wifi</html>"),
    (200, ""),
    (204, ""),
    (200, {}),
    (200, []),
    (200, ["FILLED"]),
    (200, "null"),
    (200, '"FILLED"'),
    (200, "1"),
    (200, {"symbol": "BTCUSDT", "orderId": 28, "clientOrderId": "BTCUSDT-2611201600-1-0a1b2c3d", "transactTime": 1}),
    *[
        (200, full_answer(**changes))
        for changes in (
            {"status": "NEW", "executedQty": "0.00000000", "fills": []},
            {"status": "PARTIALLY_FILLED", "executedQty": "0.00200000", "fills": [{**TRADE, "qty": "0.002"}]},
            {"status": "PENDING_NEW", "executedQty": "0.00000000", "fills": []},
            {"status": None},
            {"fills": []},
            {"fills": None},
            {"fills": {}},
            {"fills": [{**TRADE, "qty": "0.002"}]},
            {"fills": [TRADE, TRADE]},
            {"fills": [{**TRADE, "price": "0.00"}]},
            {"fills": [{**TRADE, "price": 60001.0}]},
            {"fills": [{**TRADE, "commission": "-1"}]},
            {"fills": [{**TRADE, "commissionAsset": None}]},
            {"executedQty": "0.00200000", "fills": [{**TRADE, "qty": "0.002"}]},
            {"status": "EXPIRED", "executedQty": "0.00400000", "fills": [{**TRADE, "qty": "0.004"}]},
            {"executedQty": "NaN"},
            {"origQty": "0.00400000"},
            {"side": "SELL"},
            {"symbol": "ETHUSDT"},
            {"clientOrderId": "another"},
            {"type": "LIMIT"},
            {"orderId": "28"},
            {"transactTime": None},
        )
    ],
]


@pytest.mark.parametrize("answer", UNKNOWN, ids=lambda answer: repr(answer)[:60])
def test_an_outcome_that_is_not_certain_is_retryable_and_the_order_is_not_sent_again(venue, answer):
    venue.server.faults["order"] = [answer]
    with pytest.raises(Retryable) as caught:
        venue.exchange.submit(venue.intent())
    assert type(caught.value).__name__ != "HeldBack"
    assert [(method, path) for method, path, _ in venue.server.requests] == [("POST", "/api/v3/order")]


def test_a_process_that_was_frozen_after_stamping_sends_the_old_time_and_is_refused(venue):
    intent = venue.intent()
    venue.host.sleep(5.001)
    with pytest.raises(Rejected) as caught:
        venue.exchange.submit(intent)
    assert caught.value.code == -1021
    assert venue.server.asked("order")[0]["timestamp"] == str(to_ms(NOW))
    assert venue.account.taken == []


def test_a_refused_timestamp_has_the_servers_time_asked_for_again(venue):
    before = venue.exchange.now()
    venue.server.now += 3_600_000  # the server's clock is set
    with pytest.raises(Rejected):
        venue.exchange.submit(venue.intent(signed_at=venue.exchange.now()))
    assert venue.exchange.now() - before == timedelta(hours=1)
    assert venue.exchange.submit(venue.intent(signed_at=venue.exchange.now())).status is OrderStatus.FILLED


def test_after_a_rate_limit_no_order_is_sent_until_the_pause_is_over(venue):
    venue.server.faults["order"] = [(429, {"code": -1003, "msg": "Too many"}, {"Retry-After": "30"})]
    for _ in range(3):
        with pytest.raises(Rejected, match=r"after 30 seconds") as caught:
            venue.exchange.submit(venue.intent())
        assert caught.value.code == -1003
    assert venue.posts() == 1
    venue.host.sleep(30)
    assert venue.exchange.submit(venue.intent()).status is OrderStatus.FILLED


def test_a_signature_with_an_ed25519_key_covers_the_body_as_it_was_sent(venue):
    key = ECC.generate(curve="Ed25519")
    verifier = eddsa.new(key.public_key(), "rfc8032")
    signatures = []

    def is_signed(raw):
        text, _, signature = "".join(raw).partition("&signature=")
        decoded = signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
        assert not set("+/=") & set(signature)
        verifier.verify(text.encode(), base64.b64decode(decoded, validate=True))
        signatures.append(decoded)
        return True

    venue.account.verify = is_signed
    exchange = venue.connect(api_secret=None, private_key=key.export_key(format="PEM"))
    for number in range(30):
        if set("+/") <= set("".join(signatures)) and number > 1:
            break
        intent = venue.intent(client_order_id=f"id-{number}", side=Side.SELL)
        assert exchange.settle(intent) is None if number == 0 else exchange.submit(intent)
        assert number == 0 or exchange.settle(intent).side is Side.SELL
    assert set("+/") <= set("".join(signatures))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"recv_window": timedelta(0)}, "receive window"),
        ({"recv_window": timedelta(seconds=61)}, "receive window"),
        ({"lag": timedelta(seconds=-1)}, "lag"),
        ({"api_key": ""}, "API key"),
        ({"api_secret": ""}, "exactly one"),
    ],
)
def test_settings_that_cannot_be_are_refused(venue, changes, says):
    with pytest.raises(BadConfig, match=says):
        venue.connect(**changes)


def test_an_exchange_cannot_be_made_for_any_other_place(venue):
    for url in (
        "https://api.binance.com",
        "https://data-api.binance.vision",
        "https://testnet.binance.vision.evil.com",
    ):
        with pytest.raises(BadConfig, match="orders may not go to"):
            BinanceExchange(
                url,
                api_key="k",
                api_secret="s",
                private_key=None,
                host=venue.host,
                recv_window=WINDOW,
                lag=LAG,
            )


def test_every_status_of_an_order_has_an_outcome_of_the_three_kinds(venue):
    """Nothing else comes out of submit than a report, Rejected, BadConfig or Retryable, whatever the status."""
    for status in range(200, 600):
        venue.server.faults["order"] = [(status, "" if status in (204, 304) else '{"code":-1013,"msg":"x"}')]
        with pytest.raises((Rejected, BadConfig, Retryable)) as caught:
            venue.connect().submit(venue.intent())
        is_certain = status in range(400, 500) and status != HTTPStatus.REQUEST_TIMEOUT
        assert isinstance(caught.value, Retryable) is not is_certain, (status, traceback.format_exception(caught.value))
