"""Whether INT8 gives what its operations promise, and if not, what is likely the cause.

What INT8 should give is the ratio of two estimates: the instructions of the baseline over those of
the file, on a core with a dot product and with every operator in XNNPACK (``inspection.cost``). A
measured speedup far from that has a cause, and each cause that is there is looked at: how much of
the expected speed would it leave? Causes that leave little come first. What no cause explains is
said to be unexplained. Everything here is decided by plain values, so that it can be tested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tflconv.results import BenchmarkRun

FAR = 0.6
"""Share of the expected speed below which a result is far off; above its inverse, too."""

WITHOUT_DOT = 2.2
"""Instructions of an int8 product without a dot product, over those with it and what float loses.

Counts of networks on emulated Cortex-A76 and A53 cores (``studies/emulated-phone``) lie between
1.6 and 3."""

_CROWDED = 0.5
"""Share of the speed that is left where threads wait for small cores."""

_BIG = 0.8
"""Share of the highest clock from which on a core is a big one."""

_DOT_PRODUCTS = ("asimddp", "i8mm")
_VIRTUAL = re.compile(r"sdk_gphone|emulator|goldfish|ranchu|cuttlefish|vsoc|generic_x86", re.I)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of an INT8 run that may make it slow.

    Attributes:
        whole: Estimated instructions with every operator in XNNPACK.
        total: Estimated instructions with those that XNNPACK refuses in built-in kernels.
        products: Instructions of int8 products among ``whole``.
        refused: Operators that XNNPACK refuses, and why.
        dot_product: Whether the device has one.
        virtual: Whether the phone is a program (Android Studio's emulator).
        on_gpu: Whether it ran on the GPU.
        nodes: Nodes that were executed; None where they were not profiled.
        delegated: Those of them that XNNPACK ran.
        threads: Threads that it was given.
        big_cores: Fast cores of the device; None where that is not known.
        verdict: What was judged of the run.
    """

    whole: float
    total: float
    products: float
    refused: tuple[str, ...] = ()
    dot_product: bool = True
    virtual: bool = False
    on_gpu: bool = False
    nodes: int | None = None
    delegated: int | None = None
    threads: int = 1
    big_cores: int | None = None
    verdict: str = "clean"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Something that makes a run slow, and the share of the expected speed that it leaves."""

    text: str
    leaves: float


def causes(facts: Facts) -> list[Cause]:
    """Return what makes a run slow, the gravest cause first."""
    return sorted(_causes(facts), key=lambda cause: cause.leaves)


def _causes(facts: Facts) -> Iterator[Cause]:
    if facts.virtual:
        yield Cause(text="the phone is an emulator, whose times say nothing", leaves=0.0)
    if facts.on_gpu:
        yield Cause(text="it ran on the GPU, which computes INT8 in float", leaves=0.3)
    elif facts.nodes and facts.delegated == 0:
        yield Cause(text="XNNPACK runs none of its nodes", leaves=0.1)
    elif facts.total > facts.whole > 0:
        named = f": {'; '.join(facts.refused)}" if facts.refused else ""
        yield Cause(
            text=f"built-in kernels run what XNNPACK refuses{named}",
            leaves=facts.whole / facts.total,
        )
    if not facts.dot_product and facts.products > 0:
        slower = facts.whole + (WITHOUT_DOT - 1) * facts.products
        yield Cause(text="the device has no dot product (SDOT)", leaves=facts.whole / slower)
    if facts.big_cores and facts.threads > facts.big_cores:
        yield Cause(
            text=f"{facts.threads} threads on {facts.big_cores} big cores wait for small ones",
            leaves=_CROWDED,
        )
    if facts.verdict != "clean":
        yield Cause(text=f"the run is {facts.verdict}", leaves=FAR)


def sentence(measured: float, expected: float, known_causes: Sequence[Cause]) -> str | None:
    """Return what to say of a speedup that is far off, None of one that is not.

    Args:
        measured: Speedup against the baseline.
        expected: The speedup that the estimates of both files promise.
        known_causes: Causes that are there, the gravest first.

    Example:
        >>> sentence(1.0, 3.0, [Cause(text="the device has no dot product (SDOT)", leaves=0.4)])
        'runs at 1.00× the speed of its baseline, where its operations promise 3.00×: the device \
has no dot product (SDOT).'
    """
    if not expected or FAR <= measured / expected <= 1 / FAR:
        return None
    promised = f"where its operations promise {expected:.2f}×"
    fact = f"runs at {measured:.2f}× the speed of its baseline, {promised}"
    if measured > expected:
        return f"{fact}: look at the baseline, which may be slow."
    if not known_causes:
        return (
            f"{fact}, and no cause is known: `tflconv inspect --results` has the cost of each op."
        )
    likely = "; ".join(cause.text for cause in known_causes)
    explained = expected
    for cause in known_causes:
        explained *= cause.leaves
    more = "" if measured >= FAR * explained else ". That does not explain all of it"
    return f"{fact}: {likely}{more}."


def of(run: BenchmarkRun, baseline: BenchmarkRun | None, speedup: float | None) -> str | None:
    """Return what to say of a run whose speedup is far from what can be expected of it.

    Args:
        run: The run.
        baseline: Its baseline.
        speedup: Cost of the baseline over its own.
    """
    if baseline is None or speedup is None or not _is_int8(run) or not _is_arm(run):
        return None
    estimate, baseline_estimate = run.conditions.estimate, baseline.conditions.estimate
    if estimate is None or baseline_estimate is None or not estimate.whole:
        return None
    return sentence(speedup, baseline_estimate.whole / estimate.whole, causes(facts_of(run)))


def facts_of(run: BenchmarkRun) -> Facts:
    """Return what a run tells of the causes above."""
    estimate, device, graph = run.conditions.estimate, run.device, run.graph
    threads = run.config.get("num_threads")
    return Facts(
        whole=estimate.whole if estimate else 0.0,
        total=estimate.total if estimate else 0.0,
        products=estimate.products if estimate else 0.0,
        refused=estimate.refused if estimate else (),
        dot_product=any(feature in _DOT_PRODUCTS for feature in device.features),
        virtual=device.kind == "phone"
        and bool(_VIRTUAL.search(f"{device.name} {device.cpu} {device.build}")),
        on_gpu=run.config.get("accelerator") == "gpu",
        nodes=graph.nodes if graph else None,
        delegated=graph.delegated if graph else None,
        threads=threads if isinstance(threads, int) else 1,
        big_cores=_big_cores(run.conditions.mhz_limit or ()),
        verdict=run.verdict or "clean",
    )


def _big_cores(limits: Sequence[float]) -> int | None:
    """Return how many cores may run nearly as fast as the fastest one."""
    highest = max(limits, default=0.0)
    return sum(limit >= _BIG * highest for limit in limits) if highest else None


def _is_arm(run: BenchmarkRun) -> bool:
    """Return whether the cost table is of the device's kind of processor."""
    return run.device.abi.startswith(("arm64", "aarch64"))


def _is_int8(run: BenchmarkRun) -> bool:
    return run.model.recipe.endswith(("wi8_ai8", "wi4_ai8"))
