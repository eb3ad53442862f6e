import itertools
import string
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.adapters.binance.venues import TEST_VENUES, check_venue, is_loopback
from trader.core.errors import BadConfig

LOOPBACK = [
    "http://127.0.0.1:8080",
    "http://127.0.0.1",
    "https://127.255.255.254:65535",
    "http://localhost:1",
    "https://localhost",
    "http://[::1]:8080",
    "http://[::1]",
]
LIVE = [
    "api.binance.com",
    *(f"api{number}.binance.com" for number in range(1, 5)),
    "api-gcp.binance.com",
    "api.binance.us",
    "api.binance.cc",
    "www.binance.com",
    "data-api.binance.vision",
    "data.binance.vision",
    "fapi.binance.com",
    "dapi.binance.com",
    "testnet.binancefuture.com",
    "demo-fapi.binance.com",
    "ws-api.binance.com",
    "binance.com",
    "binance.vision",
]
LOOK_ALIKES = [
    "testnet.binance.vision.evil.com",
    "testnet.binance.vision.",
    "testnet.binance.vision:443",
    "testnet.binance.vision:8443",
    "testnet.binance.vision:",
    "Testnet.binance.vision",
    "TESTNET.BINANCE.VISION",
    "user:pass@testnet.binance.vision",
    "testnet.binance.vision@api.binance.com",
    "testnet.binance.vision:pw@api.binance.com",
    "127.0.0.1@api.binance.com",
    "127.0.0.1:80@api.binance.com",
    "localhost:x@api.binance.com",
    "testnet.binance.vision\\@api.binance.com",
    "api.binance.com\\@testnet.binance.vision",
    "testnet.binance.vision#@api.binance.com",
    "api.binance.com#testnet.binance.vision",
    "api.binance.com?testnet.binance.vision",
    "api.binance.com/testnet.binance.vision",
    "testnet.binance.vision%2eevil.com",
    "testnet%2ebinance.vision",
    "testnet.binance.vision%00.evil.com",
    "testnet\u3002binance\u3002vision",
    "testnet.b\u0456nance.vision",
    "testnet.binance.v\u0131sion",
    "xn--testnet-binance.vision",
    "\uff54estnet.binance.vision",
    "testnet.binance.vision\u200b",
    "test\u00adnet.binance.vision",
    "testnet..binance.vision",
    "testnet.binance.vision\n",
    "testnet.binance.vision\t",
    " testnet.binance.vision",
    "testnet.binance.vision ",
    "testnet.binance.vision\r\nHost: api.binance.com",
    "xtestnet.binance.vision",
    "testnet-binance.vision",
    "demo-api.binance.com.evil.com",
    "demo-api.binance.us",
    "demo-apii.binance.com",
]
NOT_LOOPBACK = [
    "128.0.0.1",
    "126.255.255.255",
    "127.0.0.256",
    "127.0.0",
    "127.1",
    "127.0.0.1.evil.com",
    "127.0.0.1.nip.io",
    "127.0.0.01",
    "0127.0.0.1",
    "0x7f.0.0.1",
    "2130706433",
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "169.254.169.254",
    "localhost.evil.com",
    "localhost.",
    "LOCALHOST",
    "xlocalhost",
    "[::]",
    "[::1",
    "::1",
    "[::ffff:127.0.0.1]",
    "[::2]",
    "[::1%25eth0]",
    "127.0.0.1:0",
    "127.0.0.1:65536",
    "127.0.0.1:99999",
    "127.0.0.1:080",
    "127.0.0.1:",
    "127.0.0.1:80:80",
    "127.0.0.1:+80",
    "127.0.0.1:\u0661",
    "127.0.0.\u0661",
    "127.0.0.1\n",
    "localhost\n",
]
HOSTILE = [
    *(f"{scheme}://{host}" for scheme, host in itertools.product(("http", "https"), LIVE + LOOK_ALIKES + NOT_LOOPBACK)),
    *(f"http://{urlsplit(venue).hostname}" for venue in TEST_VENUES),
    *(f"{scheme}testnet.binance.vision" for scheme in ("", "//", "HTTPS://", "ftp://", "wss://", "https:/", "https:")),
    *(
        f"https://testnet.binance.vision{path}"
        for path in ("/api/v3", "//", "/x", "?x", "#", "/api?x", "/api//", "/API")
    ),
    *(f"http://127.0.0.1{path}" for path in ("/x", "?x", "#x", "/api/v3")),
    "",
    "/",
    "https://",
    "file:///etc/passwd",
    "http+unix://socket",
]


@pytest.mark.parametrize("url", [*TEST_VENUES, *LOOPBACK])
@pytest.mark.parametrize("end", ["", "/", "/api", "/api/"])
def test_orders_may_go_to_the_test_venues_and_to_this_machine(url, end):
    assert check_venue(url + end) == url


@pytest.mark.parametrize("url", HOSTILE)
def test_orders_may_go_nowhere_else(url):
    with pytest.raises(BadConfig, match="orders may not go to"):
        check_venue(url)


HOSTS = st.sampled_from([*TEST_VENUES, *LOOPBACK])
ANY = st.text(alphabet=st.one_of(st.sampled_from(string.printable + "\u3002\u0661\uff0e"), st.characters()), max_size=8)


@given(url=HOSTS, at=st.integers(min_value=0, max_value=60), what=ANY, cut=st.integers(min_value=0, max_value=3))
def test_what_passes_leads_to_an_allowed_host_however_it_was_written(url, at, what, cut):
    """Whatever is changed in an allowed URL: it is refused, or it is still one of ours for the library as well."""
    changed = url[:at] + what + url[at + cut :]
    try:
        venue = check_venue(changed)
    except BadConfig:
        return
    assert venue in TEST_VENUES or is_loopback(venue)
    host = urlsplit(venue).hostname
    assert host in ("testnet.binance.vision", "demo-api.binance.com", "localhost", "::1") or host.startswith("127.")
    assert "@" not in venue


def test_a_password_in_a_refused_address_is_not_shown():
    with pytest.raises(BadConfig) as caught:
        check_venue("https://me:hunter2@api.binance.com")
    assert "hunter2" not in str(caught.value)
    assert "api.binance.com" in str(caught.value)
