"""All numbers of one process, as Prometheus reads them."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family

from .catalogue import Kind, Metric
from .readings import Histogram, Reading, Source

_Families = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class Metrics:
    """Asks its sources when it is asked. A registry of its own: two of them in one process do not mix."""

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self._sources = list(sources)
        self._registry = CollectorRegistry(support_collectors_without_names=True)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def add(self, source: Source) -> None:
        """Ask one source more from now on."""
        self._sources.append(source)

    def describe(self) -> Iterable[Family]:
        """Name nothing in advance: what there is depends on the sources."""
        return ()

    def collect(self) -> Iterable[Family]:
        """Ask every source, and gather the readings of each metric."""
        families: dict[str, _Families] = {}
        for reading in self._readings():
            metric = reading.metric
            family = families.get(metric.name)
            if family is None:
                family = families[metric.name] = _family(metric)
            _add(family, reading)
        return families.values()

    def _readings(self) -> Iterator[Reading]:
        for source in self._sources:
            yield from source()

    async def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Return all numbers and their content type, in the format that an `Accept` header asks for.

        Numbers are taken on the event loop, where they change; spelling thousands of them is left to a thread.
        """
        encode, content_type = choose_encoder(accept)
        return await asyncio.to_thread(encode, _Taken(tuple(self._registry.collect()))), content_type


@dataclass(frozen=True, slots=True)
class _Taken:
    """Numbers as they were at one moment."""

    families: tuple[Family, ...]

    def collect(self) -> Iterable[Family]:
        return self.families


def _family(metric: Metric) -> _Families:
    match metric.kind:
        case Kind.COUNTER:
            return CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        case Kind.GAUGE:
            return GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)


def _add(family: _Families, reading: Reading) -> None:
    value = reading.value
    if isinstance(family, HistogramMetricFamily):
        if not isinstance(value, Histogram):
            raise TypeError(f"{family.name}: expected a histogram, got {value!r}")
        family.add_metric(reading.labels, value.buckets(), value.sum)
    elif isinstance(value, Histogram):
        raise TypeError(f"{family.name}: expected a number, got a histogram")
    else:
        family.add_metric(reading.labels, value)
