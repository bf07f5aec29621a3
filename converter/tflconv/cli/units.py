"""What stands behind an option in help: the unit of its value."""

from __future__ import annotations

_UNITS = {
    "SECONDS": "min_secs max_secs run_delay warmup_min_secs rate_secs sustained_secs burst_secs"
    " timeout receive_timeout shutdown_timeout watch",
    "RUNS": "num_runs warmup_runs profile_runs",
    "BLOCKS": "blocks",
    "THREADS": "num_threads",
    "CORES": "cpu_mask",
    "HERTZ": "rate_hz",
    "FILE": "input_file",
    "EPOCHS": "epochs patience qat_epochs freeze_epochs unfreeze_epochs",
    "PICTURES": "batch_size qat_batch_size queue max_pictures",
    "RATE": "learning_rate qat_learning_rate",
    "SHARE": "warmup_ratio label_smoothing duty_cycle distill_alpha erasing",
    "DECAY": "weight_decay ema_decay qat_ema_decay",
    "BETA": "mixup cutmix",
    "BITS": "qat_bits",
    "NUMBER": "seed distill_temperature distill_beta",
    "VIEWS": "distill_views",
    "KIND": "distill_targets distill_feature_loss precision",
    "LAYERS": "distill_features",
    "ADDRESS": "host",
    "PORT": "port",
    "PROCESSES": "workers",
    "MB": "max_megabytes",
    "MEGAPIXELS": "max_megapixels",
    "CONNECTIONS": "max_connections",
    "ORIGIN": "allow_origin",
}

_OF = {name: unit for unit, names in _UNITS.items() for name in names.split()}


def of(name: str) -> str | None:
    """Return the unit of the setting called ``name``, if it has one."""
    return _OF.get(name)
