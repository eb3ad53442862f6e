"""The dashboard's data: carried on run by run they are what the whole ledger gives, and whatever is lost comes back."""

import io
import json
import re
import shutil
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.builders import HOUR, random_klines
from tests.desks import FIRST, SYMBOL, make_desk, with_model
from tests.jobs.lived import HOURS, KLINES, RESET, desk_on
from tests.jobs.test_run import replace_bot, run_hours
from tests.jobs.training.trainings import desk_on as on_klines
from tests.jobs.training.trainings import studies_of, trained
from trader.core.errors import BadData, NewerSchema, Retryable
from trader.core.klines import fill_gaps
from trader.core.labels import directions
from trader.jobs.dashboard.models import write_models
from trader.jobs.dashboard.places import locate, name_of
from trader.jobs.dashboard.scripts import as_script, last_argument
from trader.jobs.dashboard.shards import shard_of
from trader.jobs.dashboard.site import tag_of, write_index
from trader.jobs.dashboard.summaries import horizons_of, read_summary, setup_of, write_summary
from trader.jobs.dashboard.update import bring_forward, rebuild, update
from trader.jobs.train import promote, train
from trader.report.summary.model import MarkKind
from trader.report.summary.summarise import summarise
from trader.store.codec import to_json
from trader.store.ledger_rows import COLUMNS
from trader.store.months import month_of

FOLDER = f"dashboard/data/{SYMBOL}-1h/"
SUMMARY = f"{FOLDER}summary.js"
WALK = random_klines(1500, seed=5)


@pytest.fixture(scope="module")
def young(tmp_path_factory):
    """A store with a model and six runs, and no dashboard."""
    folder = tmp_path_factory.mktemp("dashboard") / "store"
    run_hours(with_model(make_desk(folder, WALK)), 6)
    return folder


@pytest.fixture
def desk(young, tmp_path):
    shutil.copytree(young, tmp_path / "store")
    return make_desk(tmp_path / "store", WALK)


@pytest.fixture
def whole(lived, tmp_path):
    """A desk on a store in which everything happened once."""
    shutil.copytree(lived, tmp_path / "lived")
    return desk_on(tmp_path / "lived")


@dataclass
class Seen:
    """A storage whose requests are seen."""

    inner: object
    made: list = field(default_factory=list)

    def __getattr__(self, name):
        def call(*arguments):
            self.made.append((name, arguments[0]))
            return getattr(self.inner, name)(*arguments)

        return call


def show(desk, *, newest=None, **beside):
    return update(desk, newest=newest or desk.journal.newest(), horizons={}, beside=beside)


def expected(desk):
    """The summary of the whole ledger."""
    known = horizons_of(desk, desk.models.ids(), known={})
    return summarise(desk.ledger.read(), setup=setup_of(desk), horizon=known)


def call_of(desk, key):
    """The function's name and the arguments of a script, as a browser would see them."""
    text = desk.bot.storage.get(key).data.decode()
    found = re.fullmatch(r"TRADER\.([a-z]+)\((.*)\);\n", text, re.DOTALL)
    return found[1], json.loads(f"[{found[2]}]")


def rows_of(desk, month):
    function, (name, named, content) = call_of(desk, f"{FOLDER}{month}.js")
    assert (function, name, named) == ("month", name_of(desk), month)
    return [dict(zip(content["columns"], row, strict=True)) for row in content["rows"]]


def files_of(desk):
    storage = desk.bot.storage
    return {key: storage.get(key).data for key in storage.keys("dashboard/")}


def test_after_every_run_the_data_are_what_the_whole_ledger_gives(desk):
    show(desk)
    for hour in (6, 7, 8):
        run_hours(desk, 1, first=FIRST + hour * HOUR)
        show(desk)
        assert read_summary(desk) == expected(desk)
    carried_on = files_of(desk)
    rebuild(desk, horizons={}, beside={})
    assert files_of(desk) == carried_on


def test_a_run_costs_a_read_and_two_writes_also_at_the_turn_of_a_month(tmp_path):
    turn = (FIRST.replace(day=1) + timedelta(days=31)).replace(day=1, hour=0)
    klines = random_klines(1450, seed=5, start=turn - (1400 + 3) * HOUR)
    desk = make_desk(tmp_path, klines)
    run_hours(desk, 2, first=turn - 2 * HOUR)
    show(desk)
    horizons = dict.fromkeys(desk.models.ids(), 1)
    for hour in range(2):
        run_hours(desk, 1, first=turn + hour * HOUR)
        seen = Seen(desk.bot.storage)
        watched = replace_bot(desk, storage=seen)
        watched.ledger = desk.ledger
        update(watched, newest=turn + hour * HOUR, horizons=horizons, beside={})
        assert seen.made == [("get", SUMMARY), ("put", f"{FOLDER}{month_of(turn)}.js"), ("put", SUMMARY)]
    assert read_summary(desk) == expected(desk)
    assert len(rows_of(desk, month_of(turn))) == 2


def test_runs_that_were_not_shown_are_caught_up_with_in_all_their_months(tmp_path):
    later = make_desk(tmp_path, random_klines(1500, seed=5, start=FIRST - 1400 * HOUR))
    turn = (FIRST + timedelta(days=31)).replace(day=1, hour=0)
    run_hours(later, 2, first=FIRST)
    show(later)
    run_hours(later, 3, first=turn - HOUR)
    assert not bring_forward(later, newest=later.journal.newest(), horizons={}).is_anew
    show(later)
    assert read_summary(later) == expected(later)
    assert sum(len(rows_of(later, month)) for month in ("2024-02", "2024-03")) == 6


DAMAGES = {
    "lost": lambda data: None,
    "cut off": lambda data: data[: len(data) // 2],
    "something else": lambda data: b"hello",
    "another schema": lambda data: data.replace(b'"schema":1', b'"schema":2'),
    "an older schema": lambda data: data.replace(b'"schema":1', b'"schema":0'),
    "a part is missing": lambda data: data.replace(b'"totals"', b'"nothing"').replace(b'"now"', b'"then"'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_summary_that_is_lost_or_damaged_is_made_anew_by_the_next_run(desk, damage):
    show(desk)
    storage = desk.bot.storage
    data = DAMAGES[damage](storage.get(SUMMARY).data)
    storage.delete(SUMMARY)
    if data is not None:
        storage.put(SUMMARY, data)
    run_hours(desk, 1, first=FIRST + 6 * HOUR)
    show(desk)
    assert read_summary(desk) == expected(desk)


def test_a_run_that_is_shown_already_shows_what_stands_beside_it_anew(desk):
    summary = show(desk, problems=["one"])
    assert show(desk, problems=[]) == summary
    assert call_of(desk, SUMMARY)[1][1]["problems"] == []


def test_with_another_notional_all_runs_are_shown_in_terms_of_it(desk):
    before = show(desk)
    other = replace_bot(desk, notional=2 * desk.bot.notional)
    assert show(other) == expected(other)
    assert read_summary(other).setup.notional == 2 * before.setup.notional
    assert read_summary(other).totals.decomposition == before.totals.decomposition, "what parted the books is over"


def test_a_summary_ahead_of_a_store_that_was_restored_is_made_anew(desk):
    ahead = expected(desk)
    shown = replace(ahead, now=replace(ahead.now, open_time=ahead.now.open_time + 5 * HOUR))
    write_summary(desk, shown, beside={})
    show(desk)
    assert read_summary(desk) == ahead


def test_without_a_run_there_is_nothing_to_show(tmp_path):
    with pytest.raises(Retryable, match="no run yet"):
        show(make_desk(tmp_path, WALK), newest=FIRST)


def test_months_of_an_older_version_are_not_shown_until_everything_is_made_anew(tmp_path):
    """A run does not make a month again that it does not need: it would read thousands of records."""
    turn = (FIRST.replace(day=1) + timedelta(days=31)).replace(day=1, hour=0)
    desk = make_desk(tmp_path, random_klines(1450, seed=5, start=turn - (1400 + 3) * HOUR))
    run_hours(desk, 4, first=turn - 2 * HOUR)
    storage, key = desk.bot.storage, f"ledger/{SYMBOL}/1h/{month_of(turn - HOUR)}.parquet"
    older, sink = pq.read_table(io.BytesIO(storage.get(key).data)), io.BytesIO()
    pq.write_table(older.drop_columns(["features"]).replace_schema_metadata({"schema": "1"}), sink)
    storage.put(key, sink.getvalue())
    again = make_desk(tmp_path, WALK)
    assert show(again).first == turn
    assert rebuild(again, horizons={}, beside={}).first == turn - 2 * HOUR
    assert read_summary(again) == expected(again)


def test_a_ledger_of_a_newer_version_is_left_alone(desk):
    storage, key = desk.bot.storage, f"ledger/{SYMBOL}/1h/{month_of(FIRST)}.parquet"
    newer, sink = pq.read_table(io.BytesIO(storage.get(key).data)), io.BytesIO()
    pq.write_table(newer.replace_schema_metadata({"schema": "99"}), sink)
    storage.put(key, sink.getvalue())
    with pytest.raises(NewerSchema, match="schema 99"):
        show(desk)
    assert files_of(desk) == {}


def test_a_store_in_which_everything_happened_is_shown_to_the_last_cent(whole):
    """The five causes sum to what parts the books, over a filled kline, an absence, a halt and a reset."""
    summary = rebuild(whole, horizons={}, beside={})
    held, totals = summary.held, summary.totals
    rows = whole.ledger.read().to_pylist()
    apart = held.net * 500 - rows[-1]["execution_equity"]
    assert abs(apart) > 1
    in_base = sum(row["fees"] for row in rows[-1:]) * 0.01  # commissions taken in the base asset move with the price
    assert totals.decomposition.total == pytest.approx(apart, abs=in_base)
    assert (totals.missed, totals.filled, totals.runs) == (5, 1, len(rows))
    kinds = {mark.kind for mark in summary.marks}
    assert kinds == {MarkKind.ABSENCE, MarkKind.HALT, MarkKind.RESUME, MarkKind.PROMOTION, MarkKind.EPOCH}
    assert [mark.at for mark in summary.marks if mark.kind is MarkKind.EPOCH] == [FIRST + RESET * HOUR]
    assert len(rows) == HOURS - 2


def test_predictions_are_scored_as_the_labels_say(whole):
    summary = rebuild(whole, horizons={}, beside={})
    klines = fill_gaps(KLINES)
    labels = directions(klines, horizon=1)
    seen = {row["open_time"] for row in whole.ledger.read().to_pylist() if row["close"] is not None}
    scored = [
        labels[klines.index_of(row["open_time"])]
        for row in whole.ledger.read().to_pylist()
        if row["p_up"] is not None and row["open_time"] + HOUR in seen
    ]
    known = [label for label in scored if label == label]  # noqa: PLR0124 - NaN is not equal to itself
    assert (sum(summary.calibration.count), sum(summary.calibration.ups)) == (len(known), sum(known))


def test_a_shard_holds_every_value_of_the_ledger(whole):
    rebuild(whole, horizons={}, beside={})
    table = whole.ledger.read()
    rows = [row for month in read_summary(whole).months for row in rows_of(whole, month)]
    assert [row["open_time"] for row in rows] == [f"{time:%Y-%m-%dT%H:%MZ}" for time in table["open_time"].to_pylist()]
    plain = [name for name in COLUMNS.names if name not in ("open_time", "features", "timings", "orders")]
    for row, kept in zip(rows, table.to_pylist(), strict=True):
        assert {name: row[name] for name in plain} == {name: kept[name] for name in plain}
        assert list(row["features"].items()) == kept["features"]
        assert list(row["timings"].items()) == kept["timings"]
        assert row["orders"] == (kept["orders"] and json.loads(kept["orders"]))
    assert any(row["orders"] for row in rows)


def test_what_is_no_number_is_null():
    row = {"open_time": FIRST, "p_up": float("nan"), "volatility": float("inf"), "features": [("ma_5", float("nan"))]}
    script = shard_of(pa.Table.from_pylist([row], schema=COLUMNS), name="X-1h", month="2024-03").decode()
    content = json.loads(script.removeprefix('TRADER.month("X-1h","2024-03",').removesuffix(");\n"))
    found = dict(zip(content["columns"], content["rows"][0], strict=True))
    assert (found["p_up"], found["volatility"], found["features"]) == (None, None, {"ma_5": None})


NASTY = '</script><script>alert(1)</script> <!-- & \u2028 \u2029 é "quoted" \\ \');'


def test_no_text_can_end_a_script_and_all_texts_arrive_as_they_are(desk):
    rows = desk.ledger.read().to_pylist()
    rows[2] |= {"unexplained": NASTY, "reason": NASTY, "orders": json.dumps([{"refused": NASTY}])}
    rows[5] |= {"halted": True, "halt": NASTY}
    table = pa.Table.from_pylist(rows, schema=COLUMNS)
    storage = desk.bot.storage
    storage.put(f"{FOLDER}2024-02.js", shard_of(table, name=name_of(desk), month="2024-02"))
    summary = summarise(table, setup=setup_of(desk), horizon={})
    write_summary(desk, summary, beside={"problems": [{"what": NASTY}]})
    for data in files_of(desk).values():
        assert not set("<>&\u2028\u2029") & set(data.decode())
    shown = rows_of(desk, "2024-02")
    assert (shown[2]["reason"], shown[2]["orders"]) == (NASTY, [{"refused": NASTY}])
    content = call_of(desk, SUMMARY)[1][1]
    assert (content["problems"], content["summary"]["now"]["halt"]) == ([{"what": NASTY}], NASTY)
    assert read_summary(desk) == summary


def test_a_script_is_read_back_only_as_what_it_is():
    script = as_script("summary", "X-1h", {"a": 1})
    assert json.loads(last_argument(script, function="summary", first="X-1h", key="k")) == {"a": 1}
    with pytest.raises(BadData, match="k is not complete"):
        last_argument(script[:-1], function="summary", first="X-1h", key="k")


def test_the_models_are_listed_with_their_lives_and_have_a_page_each(whole):
    rebuild(whole, horizons={}, beside={})
    _, (_, content) = call_of(whole, f"{FOLDER}models.js")
    head = whole.models.champion()
    assert (content["champion"], content["pinned"]) == (head.model_id, False)
    assert [(each["id"], each["state"]) for each in content["models"]] == [
        (model_id, whole.models.registry.states()[model_id].value) for model_id in whole.models.ids()
    ]
    assert len(content["events"]) == len(whole.models.registry.events())
    _, (_, model_id, page) = call_of(whole, f"{FOLDER}model-{head.model_id}.js")
    assert (model_id, page["card"]["model_sha256"]) == (head.model_id, head.card.model_sha256)
    assert (page["report"], page["trials"]) == (None, None)


@pytest.mark.slow
def test_a_models_page_has_the_report_and_the_trials_of_its_training(tmp_path):
    desk = on_klines(tmp_path)
    report = trained(desk).report
    write_models(desk)
    _, (_, _, page) = call_of(desk, f"{FOLDER}model-{report.model_id}.js")
    assert page["report"] == json.loads(to_json(report))
    study = studies_of(desk).study(report.study.study_id)
    assert [(trial["number"], trial["score"], trial["state"]) for trial in page["trials"]] == [
        (trial.number, trial.score, trial.state.value) for trial in study.trials
    ]
    assert [trial["max_depth"] for trial in page["trials"]] == [trial.parameters["max_depth"] for trial in study.trials]


def test_a_new_champion_is_listed_by_the_first_run_that_it_decides(desk):
    show(desk)
    card = train(desk, last=FIRST + 4 * HOUR, why="for a test").card
    promote(desk, card, why="for a test")
    run_hours(desk, 1, first=FIRST + 6 * HOUR)
    show(desk)
    assert call_of(desk, f"{FOLDER}models.js")[1][1]["champion"] == card.model_id
    assert f"{FOLDER}model-{card.model_id}.js" in files_of(desk)


def test_pages_that_are_there_stay_unless_all_are_made_anew(desk):
    write_models(desk)
    key = f"{FOLDER}model-{desk.models.ids()[0]}.js"
    page = desk.bot.storage.get(key).data
    desk.bot.storage.put(key, b"old")
    write_models(desk)
    assert desk.bot.storage.get(key).data == b"old"
    write_models(desk, anew=True)
    assert desk.bot.storage.get(key).data == page


def test_a_model_whose_card_is_damaged_hides_no_other_and_no_run(whole, caplog):
    broken, other = whole.models.ids()[:2]
    whole.bot.storage.put(f"models/{SYMBOL}/1h/{broken}/card.json", b"{")
    rebuild(whole, horizons={}, beside={})
    assert [each["id"] for each in call_of(whole, f"{FOLDER}models.js")[1][1]["models"]] == [other]
    assert read_summary(whole).totals.runs == HOURS - 2
    assert "card.json is not complete JSON" in caplog.text


def test_a_damaged_registry_hides_no_run(desk, caplog):
    desk.bot.storage.put(f"models/{SYMBOL}/1h/champion.json", b"{")
    rebuild(desk, horizons={}, beside={})
    assert read_summary(desk).totals.runs == 6
    assert "the models are not shown" in caplog.text


def test_the_page_is_written_after_everything_that_it_names_and_older_files_go(desk):
    seen = Seen(desk.bot.storage)
    bot = replace(desk.bot, storage=seen)
    old = {"index.html": b"old", "app-1.js": b"old", "plotly-7.1.0.min.js": b"chart"}
    new = {"index.html": b"new", "app-2.js": b"new", "plotly-7.1.0.min.js": b"chart"}
    tag = write_index(bot, assets=old, version="1")
    seen.made.clear()
    assert write_index(bot, assets=new, version="1") != tag
    assert [made for made in seen.made if made[0] in ("put", "delete")] == [
        ("put", "dashboard/app-2.js"),
        ("put", "dashboard/data/index.js"),
        ("put", "dashboard/index.html"),
        ("delete", "dashboard/app-1.js"),
    ]
    assert call_of(desk, "dashboard/data/index.js")[1] == [
        {
            "bot": "test",
            "mode": "demo",
            "interval": "1h",
            "symbols": [SYMBOL],
            "version": "1",
            "plotly": "plotly-7.1.0.min.js",
        }
    ]
    assert locate(bot.storage).endswith("/dashboard/index.html")


def test_the_tag_of_the_page_changes_with_what_it_is_made_of(desk):
    assets = {"index.html": b"page", "app-1.js": b"app"}
    tag = tag_of(desk.bot, assets=assets, version="1")
    assert tag == write_index(desk.bot, assets=assets, version="1")
    others = [
        tag_of(desk.bot, assets=assets, version="2"),
        tag_of(desk.bot, assets={**assets, "index.html": b"other"}, version="1"),
        tag_of(replace(desk.bot, symbols=("BTCUSDT", "ETHUSDT")), assets=assets, version="1"),
    ]
    assert len({tag, *others}) == 4


@pytest.mark.slow
def test_after_three_years_the_first_view_and_a_month_are_small(desk):
    """Figures of full length in every column, and an order every other hour."""
    template = next(row for row in desk.ledger.read().to_pylist() if row["orders"])
    hours, third = 26_280, 1 / 3
    numbers = ("paper_net", "paper_gross", "execution_equity", "fees", "basis")
    rows = [
        template
        | {"open_time": FIRST + hour * HOUR, "p_up": third + hour * 1e-9, "shortfall": -third * hour}
        | dict.fromkeys(numbers, hour * third)
        | {"settled_net": third * 1e-4, "settled_gross": third * 1e-4}
        | ({} if hour % 2 else {"orders": None})
        for hour in range(hours)
    ]
    table = pa.Table.from_pylist(rows, schema=COLUMNS)
    summary = summarise(table, setup=setup_of(desk), horizon={})
    write_summary(desk, summary, beside={})
    assert summary.totals.runs == hours
    assert len(desk.bot.storage.get(SUMMARY).data) < 450_000
    assert len(shard_of(table.slice(0, 744), name=name_of(desk), month="2024-03")) < 2_000_000
    assert read_summary(desk) == summary
