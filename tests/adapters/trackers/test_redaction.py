import pytest

from trader.adapters.trackers.redaction import one_line, secrets_of


@pytest.fixture(autouse=True)
def no_secrets_around(monkeypatch):
    monkeypatch.setattr("os.environ", {})


@pytest.mark.parametrize(
    ("settings", "secrets"),
    [
        ({"api_token": "eyJhcGki"}, {"eyJhcGki"}),
        ({"Password": "hunter22", "project": "space/name"}, {"hunter22"}),
        ({"access_key": "AKIA1234", "keyboard": "qwerty"}, {"AKIA1234"}),
        ({"uri": "https://bob:p%40ssword@host:5000/x"}, {"bob:p%40ssword", "p%40ssword", "p@ssword"}),
        ({"uri": "https://sometoken@host"}, {"sometoken"}),
        ({"uri": "http://host:5000", "token": ""}, set()),
        ({"token": "abc"}, set()),
        ({"uri": "http://[bob:hunter22@host"}, {"[bob:hunter22", "hunter22"}),
        ({"uri": "http://bob:hun/ter?2@host"}, {"bob:hun/ter?2", "hun/ter?2"}),
        ({"uri": "bob:hunter22@host:5000"}, {"bob:hunter22", "hunter22"}),
        ({"folder": "/data/ann@home/x"}, set()),
    ],
)
def test_secrets_are_known_by_their_names_and_places(settings, secrets):
    assert secrets_of(settings) == secrets


def test_secrets_of_the_environment_count_too(monkeypatch):
    monkeypatch.setattr("os.environ", {"MLFLOW_TRACKING_PASSWORD": "hunter22", "HOME": "/root"})
    assert secrets_of({}) == {"hunter22"}


def test_a_text_becomes_one_printable_line():
    assert one_line("a\n b\t\x1b[31mc\x00  d ") == "a b [31mc d"
    assert one_line("x" * 1000) == "x" * 399 + "…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no hunter22 here, hunter22!", "no *** here, ***!"),
        ("GET http://ann:other@host/x failed", "GET http://***@host/x failed"),
        ("Authorization: Bearer abc.def-123 refused", "Authorization: Bearer *** refused"),
        ("Basic aHVudGVyOg== sent", "Basic *** sent"),
        ("http://host:5000 and someone@example.org", "http://host:5000 and someone@example.org"),
    ],
)
def test_no_secret_and_no_user_info_stays_in_it(text, shown):
    assert one_line(text, secrets=frozenset({"hunter22"})) == shown


def test_a_secret_that_holds_another_goes_as_a_whole():
    assert one_line("bob:hunter22", secrets=frozenset({"hunter22", "bob:hunter22"})) == "***"
