import pytest

from trader.adapters.notices.urls import redacted, secret_parts, shown


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("json://127.0.0.1:8080/hook", "json://127.0.0.1:8080"),
        ("jsons://user:pass@example.org/hook?x=1", "jsons://example.org"),
        ("mailto://me:hunter2@gmail.com", "mailto://gmail.com"),
        ("tgram://123456789:AAEabcDEF/42", "tgram://***"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "slack://***"),
        ("pover://userkey@apptoken", "pover://***"),
        ("line://eyJhbGciOi.eyJzdWIi.SflKxwRJSM", "line://***"),
        ("ntfy://localhost/topic", "ntfy://localhost"),
        ("sendgrid://SG.abc.def:from@mail.example.org", "sendgrid://mail.example.org"),
        ("a token that was pasted alone", "***"),
        ("bad scheme://x.org", "***"),
        ("", "***"),
    ],
)
def test_only_the_scheme_and_what_looks_like_a_machine_is_shown(url, safe):
    assert shown(url) == safe


def test_an_error_text_loses_every_part_that_may_be_secret_in_every_form():
    url = "tgram://123456789:AAEabc%2FDEF/chat42?format=markdown"
    text = "https://api.telegram.org/bot123456789:AAEabc/DEF/send refused chat42: 401, AAEabc%2FDEF is no token"
    said = redacted(text, url)
    assert said.startswith("https://api.telegram.org/bot")
    assert said.endswith(" is no token")
    for secret in ("123456789", "AAEabc", "DEF", "chat42"):
        assert secret not in said


def test_a_machines_name_is_no_secret_but_a_user_is_one():
    parts = secret_parts("json://robot:hunter2@ntfy.example.org:8080/topic-77")
    assert {"robot", "hunter2", "topic-77"} <= set(parts)
    assert not any("ntfy.example.org" in part and not part.startswith("json://") for part in parts)


def test_what_is_no_url_at_all_is_secret_as_a_whole():
    assert "0123456789abcdef" in secret_parts("0123456789abcdef")
