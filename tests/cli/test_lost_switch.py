"""A lost switch as a person meets it: the run says what is gone, and the command that it names mends it."""

import pytest

from tests.cli.conftest import Trader

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("word", "is_flat"), [("halt", True), ("resume", False)])
def test_the_run_names_the_commands_and_each_of_them_mends_it(trader: Trader, store, word, is_flat):
    assert trader("halt", "--why", "stop").code == 0
    assert trader("run").code == 0
    (store / "control.json").unlink()
    lost = trader("run")
    assert lost.code == 4
    assert "control.json is gone although the operator's switch was set" in lost.err
    assert "`trader halt`, `reduce` or `resume`" in lost.err
    assert trader(word, "--why", "again").code == 0
    mended = trader("run", "--json")
    assert mended.code == 0
    (told,) = mended.json()["runs"]
    assert (told["decision"]["reason"] == "control-halt") is is_flat
