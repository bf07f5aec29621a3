"""What the service counts, for Prometheus to fetch at ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from tflconv.service.generation import Served
from tflconv.service.jobs import Outcome

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
)  # fmt: skip
_PICTURES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The numbers of one service."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "tflconv_requests",
            "Answers by model and status.",
            ["model", "status"],
            registry=registry,
        )
        self.problems = Counter(
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
        self._pictures = Histogram(
            "tflconv_pictures_per_request",
            "Pictures per request.",
            buckets=_PICTURES,
            registry=registry,
        )
        self._seconds = {
            part: Histogram(
                f"tflconv_{part}_seconds",
                f"Seconds per {unit}, by model.",
                ["model"],
                buckets=_SECONDS,
                registry=registry,
            )
            for part, unit in (
                ("request", "request"),
                ("queue", "picture in the queue"),
                ("decode", "picture to decode"),
                ("inference", "picture to infer"),
            )
        }
        self._by_model = dict[str, tuple[Histogram, ...]]()
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

    def classified(self, model: str, seconds: float, outcomes: list[Outcome]) -> None:
        """Count a request that was answered with classes."""
        self._pictures.observe(len(outcomes))
        request, queue, decode, inference = self._of(model)
        request.observe(seconds)
        for outcome in outcomes:
            queue.observe(outcome.queue_ms / 1000)
            decode.observe(outcome.decode_ms / 1000)
            inference.observe(outcome.inference_ms / 1000)

    def _of(self, model: str) -> tuple[Histogram, ...]:
        """The histograms of a model, looked up once."""
        if model not in self._by_model:
            self._by_model[model] = tuple(each.labels(model) for each in self._seconds.values())
        return self._by_model[model]

    def text(self) -> bytes:
        """Return all numbers as Prometheus reads them."""
        return generate_latest(self._registry)
