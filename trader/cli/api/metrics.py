"""Prometheus figures: of each symbol from the store, and of the service itself. The only place that exposes any."""

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from trader.cli.api.figures import Figures
from trader.cli.api.service import Service
from trader.core.errors import TraderError

_GAUGES = {
    "last_run_age_seconds": ("age", "since the close of the newest completed run's kline"),
    "model_age_seconds": ("model_age", "since the close of the newest kline that the deciding model has seen"),
    "exposure": ("exposure", "decided exposure, -1 to 1"),
    "paper_return_net": ("paper_net", "paper book: sum of net returns as a fraction of the notional"),
    "paper_return_gross": ("paper_gross", "paper book: sum of gross returns as a fraction of the notional"),
    "execution_equity_quote": ("execution_equity", "execution book: profit and loss in quote units"),
    "p_up": ("p_up", "probability of a rise in the newest run"),
    "drawdown": ("drawdown", "paper book: drawdown from the peak as a fraction of the notional"),
    "halted": ("is_halted", "1 while trading is suspended by a loss limit"),
    "trigger_sum": ("trigger_sum", "sum of net returns that the retraining trigger looks at"),
}


class Exposition:
    """The figures of a service and its symbols as Prometheus reads them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.errors: Counter[str] = Counter()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Return the exposition. A store that cannot be read is said in it; only its figures are missing then."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield every figure."""
        try:
            found, readable = self._service.figures(), 1
        except TraderError:
            found, readable = {}, 0
        yield _gauge("store_readable", "1 while the bot's store can be read", {(): readable}, labels=())
        yield _gauge("info", "what runs here", {(self._service.version,): 1}, labels=("version",))
        for name, (field, about) in _GAUGES.items():
            yield _gauge(name, about, {(symbol,): getattr(each, field) for symbol, each in found.items()})
        yield _runs(found)
        served: dict[tuple[str, ...], int | None] = {
            (symbol, str(subject)): count for (symbol, subject), count in self._service.served.items()
        }
        yield _counter("predictions", "predictions served", served, labels=("symbol", "subject"))
        yield _counter(
            "errors", "requests refused or failed", {(code,): n for code, n in self.errors.items()}, labels=("code",)
        )


def _runs(found: dict[str, Figures]) -> Metric:
    return _counter(
        "runs", "completed runs", {(symbol,): each.runs for symbol, each in found.items()}, labels=("symbol",)
    )


def _gauge(
    name: str, about: str, values: Mapping[tuple[str, ...], float | None], *, labels: tuple[str, ...] = ("symbol",)
) -> Metric:
    metric = GaugeMetricFamily(f"trader_{name}", about, labels=labels)
    for key, value in values.items():
        if value is not None:
            metric.add_metric(key, float(value))
    return metric


def _counter(name: str, about: str, values: Mapping[tuple[str, ...], int | None], *, labels: tuple[str, ...]) -> Metric:
    metric = CounterMetricFamily(f"trader_{name}", about, labels=labels)
    for key, value in values.items():
        if value is not None:
            metric.add_metric(key, value)
    return metric
