"""The groups that options stand in, by the name of what they set: the same for all commands."""

from __future__ import annotations

import click

_NAMES = {
    "What to make": "recipe recipes output io rewrite logits resolution channels strip no_card"
    " texts settings shape classes",
    "Pictures": "dataset name calibration calibration_count calibration_method pictures normalize"
    " resize labels source count_copies golden app_log",
    "Model": "custom_objects signature reference metric",
    "Training": "epochs batch_size learning_rate warmup_ratio weight_decay label_smoothing"
    " ema_decay patience augment mixup cutmix erasing strategy train.precision weights"
    " weights_sha256 freeze_epochs unfreeze_epochs",
    "Quantization-aware training": "qat_engine qat_epochs qat_batch_size qat_learning_rate"
    " qat_ema_decay qat_bits",
    "Distillation": "teacher teacher_normalize distill_targets distill_temperature distill_alpha"
    " distill_views distill_features distill_feature_loss distill_beta",
    "Devices": "devices device target serials use_gpu adb adb_servers runtime long",
    "Measurement": "blocks max_blocks num_runs min_secs max_secs run_delay warmup_runs"
    " warmup_min_secs num_threads cpu_mask memory rate_hz rate_secs profile_runs sustained_secs"
    " duty_cycle burst_secs precision weight_cache input_file timeout again quick",
    "Limits": "fail_on inconclusive confidence threshold force across_runtimes max_drop"
    " min_agreement min_cosine",
    "Service": "host port workers queue max_megabytes max_megapixels max_pictures max_connections"
    " receive_timeout shutdown_timeout watch allow_origin token_file"
    " serve.golden"
    " serve.num_threads serve.timeout",
    "Results": "export_json export_csv export_markdown export_junit html plots svg"
    " model_explorer results_file history no_history model figure as_json",
    "General": "seed quiet verbose no_progress version help",
}

OTHER = "Other"
TITLES = (*_NAMES, OTHER)
"""Titles of the groups, in the order of help."""

_OF = {name: title for title, names in _NAMES.items() for name in names.split()}


def of(option: click.Parameter, command: str | None) -> str:
    """Return the title of the group of an ``option`` of ``command``; "Other" where it has none."""
    name = "help" if "--help" in option.opts else str(option.name)
    return _OF.get(f"{command}.{name}") or _OF.get(name) or OTHER
