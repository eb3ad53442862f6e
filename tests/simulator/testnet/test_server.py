"""The server behind its sockets: kept connections, bodies, hanging clients, races."""

import hashlib
import hmac
import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from tests.builders import random_klines
from tests.simulator.testnet.conftest import NOW
from tests.testnet import running_testnet
from trader.simulator.testnet.control import PREFIX

pytestmark = pytest.mark.slow

MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}


@pytest.fixture
def net():
    with running_testnet({"BTCUSDT": random_klines(200, price=40000.0)}, now=NOW) as running:
        yield running


@pytest.fixture
def session():
    with requests.Session() as kept:
        yield kept


def signed(net, parameters):
    text = urlencode({**parameters, "timestamp": net.venue.clock.now_ms()})
    return f"{text}&signature={hmac.new(net.secret.encode(), text.encode(), hashlib.sha256).hexdigest()}"


def post_order(net, session, *, timeout=10, **parameters):
    return session.post(
        f"{net.url}/api/v3/order",
        data=signed(net, {**MARKET, **parameters}),
        headers={"X-MBX-APIKEY": net.key, "Content-Type": "application/x-www-form-urlencoded"},
        timeout=timeout,
    )


def test_an_order_can_be_in_the_body_or_in_the_query_string(net, session):
    assert post_order(net, session).json()["status"] == "FILLED"
    url = f"{net.url}/api/v3/order?{signed(net, MARKET)}"
    assert session.post(url, headers={"X-MBX-APIKEY": net.key}, timeout=10).json()["status"] == "FILLED"


def test_a_body_that_is_not_a_form_is_not_read(net, session):
    answer = session.post(f"{net.url}/api/v3/order", json=MARKET, headers={"X-MBX-APIKEY": net.key}, timeout=10)
    assert answer.json()["code"] == -1102


def test_connections_are_kept_and_fast(net, session):
    session.get(f"{net.url}/api/v3/time", timeout=10)
    begin = time.perf_counter()
    for _ in range(50):
        assert session.get(f"{net.url}/api/v3/time", timeout=10).status_code == 200
    assert (time.perf_counter() - begin) / 50 < 0.02  # Nagle's delay alone would be 0.04
    assert len(net.control.requests()) == 51


def test_a_refusal_has_its_status_and_headers(net, session):
    answer = session.get(f"{net.url}/api/v3/klines", params={"symbol": "XXX", "interval": "1h"}, timeout=10)
    assert (answer.status_code, answer.json()) == (400, {"code": -1121, "msg": "Invalid symbol."})
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "2"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert session.get(f"{net.url}/sapi/v1/system/status", timeout=10).status_code == 404
    assert session.put(f"{net.url}/api/v3/order", timeout=10).status_code == 405


def test_a_dropped_connection_is_closed_without_an_answer(net, session):
    net.control.order_fault("drop", accept=True)
    with pytest.raises(requests.ConnectionError):
        post_order(net, session, newClientOrderId="mine")
    assert net.control.times_placed("mine") == 1


def test_a_client_that_gives_up_does_not_learn_that_its_order_was_executed(net, session):
    net.control.order_fault("hang", accept=True)
    with pytest.raises(requests.ReadTimeout):
        post_order(net, session, newClientOrderId="mine", timeout=0.2)
    assert net.control.times_placed("mine") == 1


def test_a_delayed_order_waits_for_the_clock_and_is_then_too_old(net, session):
    net.control.ticking(on=False)
    net.control.order_fault("delay", seconds=6)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post_order, net, session, newClientOrderId="mine")
        while not net.control.state()["used_weight"]:
            time.sleep(0.005)
        net.control.advance(6)
        assert answer.result().json()["code"] == -1021
    assert net.control.times_placed("mine") == 0


def test_many_clients_at_once_lose_nothing(net):
    def trade(number):
        with requests.Session() as own:
            return [post_order(net, own, newClientOrderId=f"c{number}-{turn}").status_code for turn in range(10)]

    with ThreadPoolExecutor(8) as pool:
        assert {status for statuses in pool.map(trade, range(8)) for status in statuses} == {200}
    found = net.control.orders()["orders"]
    assert [order["orderId"] for order in found] == list(range(1, 81))
    assert len({order["clientOrderId"] for order in found}) == 80


def test_the_clock_moves_on_while_others_ask(net):
    def ask():
        with requests.Session() as own:
            for _ in range(20):
                own.get(f"{net.url}/api/v3/ticker/price", params={"symbol": "BTCUSDT"}, timeout=10)

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        times = [net.control.advance(60) for _ in range(20)]
        assert [thread.result() for thread in asking] == [None] * 3
    assert times == sorted(times)


@pytest.mark.parametrize(
    "head",
    [
        "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
        "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /api/v3/order HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_a_body_that_cannot_be_measured_is_refused(net, head):
    connection = http.client.HTTPConnection(urlsplit(net.url).netloc, timeout=10)
    connection.connect()
    connection.sock.sendall(head.encode())
    answer = http.client.HTTPResponse(connection.sock)
    answer.begin()
    assert answer.status == 413
    answer.close()
    connection.close()


def test_the_control_door_is_for_this_machine_only(net, monkeypatch):
    assert net.control.state()["epoch"] == 0
    monkeypatch.setattr("trader.simulator.testnet.server._LOOPBACK", ("192.0.2.",))
    with pytest.raises(HTTPError) as refusal:
        net.control.state()
    assert refusal.value.code == 403
    refusal.value.close()


def test_the_control_door_is_not_for_web_pages(net, session):
    page = {"Origin": "http://example.com"}
    assert session.post(f"{net.url}{PREFIX}faults", json={"kind": "wipe"}, headers=page, timeout=10).status_code == 403
    assert net.control.state()["epoch"] == 0


def test_the_control_door_tells_mistakes(net, session):
    answer = session.post(f"{net.url}{PREFIX}faults", data="nonsense", timeout=10)
    assert (answer.status_code, "not JSON" in answer.json()["error"]) == (400, True)


def test_stopping_ends_everybody_who_waits(session):
    with running_testnet({"BTCUSDT": random_klines(200, price=40000.0)}, now=NOW) as net:
        net.control.fault("hang", times=0, accept=True)
        asking = threading.Thread(target=hang, args=(net, session))
        asking.start()
        while not net.control.state()["used_weight"]:
            time.sleep(0.005)
        begin = time.perf_counter()
    assert time.perf_counter() - begin < 3
    asking.join(5)
    assert not asking.is_alive()
    assert json.dumps(net.venue.history.as_json())


def hang(net, session):
    with pytest.raises(requests.ConnectionError):
        session.get(f"{net.url}/api/v3/time", timeout=30)
