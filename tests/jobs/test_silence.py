"""How long nothing was heard of a tag, as far as one process has seen."""

from datetime import datetime

from tests.builders import START
from trader.jobs.silence import Silence


class Watch:
    """A monotonic clock that stands where it is put."""

    at = 100.0

    def now(self) -> datetime:
        return START

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def test_silence_is_counted_from_the_first_look_and_anew_from_each_change():
    watch = Watch()
    silence = Silence(watch)
    watch.sleep(50)  # nobody has looked yet
    heard = []
    for tag, pause in (("a", 3), ("a", 4), ("b", 5), ("b", 1), ("a", 2), ("a", 0)):
        heard.append(silence.of(tag))
        watch.sleep(pause)
    assert heard == [0, 3, 0, 5, 0, 2]


def test_what_is_not_there_has_a_tag_too():
    watch = Watch()
    silence = Silence(watch)
    silence.of("a")
    watch.sleep(1)
    assert silence.of(None) == 0
    watch.sleep(2)
    assert silence.of(None) == 2
