"""What the service counts, for Prometheus to fetch at ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    generate_latest,
)

from tflconv.service.generation import Served
from tflconv.service.histograms import Family
from tflconv.service.jobs import Outcome

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
)  # fmt: skip
_PICTURES = (1, 2, 4, 8, 16, 32, 64)
_AT_ONCE = 64
"""Requests that are counted one behind the other, which is quicker than one now and then."""


class Metrics:
    """The numbers of one service."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "tflconv_requests",
            "Answers by model and status.",
            ["model", "status"],
            registry=registry,
        )
        self._problems = Counter(
            "tflconv_problems", "Answers that are problems, by kind.", ["kind"], registry=registry
        )
        self.workers_lost = Counter(
            "tflconv_workers_lost",
            "Workers that ended, by reason.",
            ["reason"],
            registry=registry,
        )
        self.reloads = Counter(
            "tflconv_reloads", "Changed model files, by outcome.", ["outcome"], registry=registry
        )
        self.log_lines_lost = Counter(
            "tflconv_log_lines_lost",
            "Lines of the log that could not be written.",
            registry=registry,
        )
        pictures = Family("tflconv_pictures_per_request", "Pictures per request.", _PICTURES)
        self._pictures = pictures.of()
        self._seconds = [
            Family(f"tflconv_{part}_seconds", f"Seconds per {unit}, by model.", _SECONDS)
            for part, unit in (
                ("request", "request"),
                ("queue", "picture in the queue"),
                ("decode", "picture to decode"),
                ("inference", "picture to infer"),
            )
        ]
        for family in (pictures, *self._seconds):
            registry.register(family)
        self._noted = list[tuple[str, float, list[Outcome]]]()
        self._by_answer = dict[tuple[str, int], Counter]()
        self._model = Gauge(
            "tflconv_model_info", "1 for each model that is served.", ["model", "sha256"],
            registry=registry,
        )  # fmt: skip

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Have ``value`` asked whenever the numbers are fetched."""
        Gauge(f"tflconv_{name}", text, registry=self._registry).set_function(value)

    def serve(self, models: Mapping[str, Served]) -> None:
        """Note which models are served from now on."""
        self._model.clear()
        for model in models.values():
            self._model.labels(model.name, model.sha256).set(1)

    def problem(self, kind: str) -> None:
        """Count an answer that is a problem."""
        self._problems.labels(kind).inc()

    def answered(self, model: str, status: int) -> None:
        """Count a request for classes."""
        if (model, status) not in self._by_answer:
            self._by_answer[model, status] = self._requests.labels(model, str(status))
        self._by_answer[model, status].inc()

    def classified(self, model: str, seconds: float, outcomes: list[Outcome]) -> None:
        """Count a request that was answered with classes, soon."""
        self._noted.append((model, seconds, outcomes))
        if len(self._noted) >= _AT_ONCE:
            self._count()

    def _count(self) -> None:
        noted, self._noted = self._noted, []
        for each in noted:
            self._count_one(*each)

    def _count_one(self, model: str, seconds: float, outcomes: list[Outcome]) -> None:
        self._pictures.observe(len(outcomes))
        request, queue, decode, inference = (family.of(model) for family in self._seconds)
        request.observe(seconds)
        for outcome in outcomes:
            queue.observe(outcome.queue_ms / 1000)
            decode.observe(outcome.decode_ms / 1000)
            inference.observe(outcome.inference_ms / 1000)

    def text(self) -> bytes:
        """Return all numbers as Prometheus reads them."""
        self._count()
        return generate_latest(self._registry)
