import sqlite3

import pytest

from trader.adapters.trackers.mlflow_address import check_uri, shown, sqlite_file
from trader.core.errors import BadConfig


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("http://bob:secret@host:5000/mlflow?token=x", "http://host:5000/mlflow"),
        ("postgresql+psycopg2://bob:secret@db/mlflow", "postgresql+psycopg2://db/mlflow"),
        ("sqlite:////data/mlflow.db", "sqlite:////data/mlflow.db"),
        ("sqlite:///mlflow.db?timeout=3", "sqlite:///mlflow.db"),
        ("sqlite:////data/a@b/mlflow.db", "sqlite:////data/a@b/mlflow.db"),
        ("http://bob:sec/ret@host/x", "http://host/x"),
        ("http://bob:sec?ret@host/x", "http://***"),
        ("http://host/x?token=a@b", "http://***"),
        ("./mlruns", "./mlruns"),
        ("http://[::1", "http://[::1"),
        ("bob:secret@host:5000", "***"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(uri, text):
    assert shown(uri) == text


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sqlite:////data/a b.db", "/data/a b.db"),
        ("sqlite:///mlflow.db?timeout=3", "mlflow.db"),
        ("sqlite+pysqlite:///x/y.db", "x/y.db"),
        ("http://host/x.db", None),
    ],
)
def test_the_file_of_a_database_is_known(uri, path):
    found = sqlite_file(uri)
    assert (None if found is None else str(found)) == path


@pytest.mark.parametrize("uri", ["http://localhost:5000", "https://host", "postgresql://u:p@db/x", "sqlite:///new.db"])
def test_what_may_be_a_tracking_uri_is_not_refused(uri):
    check_uri(uri)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", "plain folders"),
        ("./mlruns", "plain folders"),
        ("file:///tmp/mlruns", "plain folders"),
        ("htp://host", "htp:// is no kind"),
        ("ftp://host", "ftp:// is no kind"),
        ("http://", "no host"),
        ("http://host:port", "no address"),
        ("http://[::1", "no address"),
        ("sqlite://", "no database file"),
        ("sqlite:///", "no database file"),
        ("sqlite:///:memory:", "no database file"),
        ("sqlite://mlflow.db", "no database file"),
        ("sqlite:///nowhere/mlflow.db", "folder nowhere does not exist"),
        ("sqlite:///folder", "is a folder"),
        ("sqlite:///text.db", "no sqlite database"),
    ],
)
def test_a_wrong_tracking_uri_is_told_in_one_line_with_what_to_do(uri, words, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("this is no database, however long it is" * 100)
    with pytest.raises(BadConfig, match=words) as raised:
        check_uri(uri)
    assert "tracker.mlflow_uri" in str(raised.value) or "name a file in it" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("uri", ["http://bob:hunter22/x@host:5000", "bob:hunter22@host", "hunter22:x@host", "hunter22"])
def test_a_wrong_tracking_uri_gives_no_part_of_a_password_away(uri):
    with pytest.raises(BadConfig) as raised:
        check_uri(uri)
    assert "hunter22" not in str(raised.value)


def test_a_locked_database_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("trader.adapters.trackers.mlflow_address._SQLITE_BUSY_SECONDS", 0.01)
    holder = sqlite3.connect(tmp_path / "held.db", isolation_level=None)
    holder.execute("CREATE TABLE x (y)")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(BadConfig, match="locked"):
            check_uri("sqlite:///held.db")
    finally:
        holder.close()
