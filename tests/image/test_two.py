"""Two containers with one bucket and one account: whoever comes first, the hour is traded once."""

from tests.image.host import HARDENED


def test_two_containers_on_one_bucket_at_the_same_hour_trade_once(engine, image, fresh_host, notes):
    words = [*HARDENED, *fresh_host.options(), image, "once"]
    outcomes = []
    for _ in range(2):
        at = fresh_host.next_hour()
        with engine.started(*words, network="host") as one, engine.started(*words, network="host") as other:
            assert {one.wait(seconds=90), other.wait(seconds=90)} <= {0, 75}
            outcomes.append(sorted((_outcome(one), _outcome(other))))
        (record,) = [each for each in fresh_host.records() if each["key"]["open_time"].startswith(f"{at:%Y-%m-%dT%H}")]
        assert record["status"] == "completed"
    placed = fresh_host.placed()
    journalled = [leg["intent"]["client_order_id"] for each in fresh_host.records() for leg in each["legs"]]
    assert len(journalled) >= 2
    assert placed == dict.fromkeys(journalled, 1)
    assert all("done" in pair for pair in outcomes), outcomes
    notes.append(f"two containers, two hours, how each run ended: {outcomes}")


def _outcome(container) -> str:
    (line,) = [each for each in container.log().splitlines() if '"run ended"' in each]
    return line.partition('"outcome": "')[2].partition('"')[0]
