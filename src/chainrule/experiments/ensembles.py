"""Networks of several seeds that answer together: a folder of runs, and what they are worth as one.

    config.toml     the configuration of all members
    member-1/       a run folder for each, with a seed of its own and the same held-out part
    ensemble.json   what they give together; there once all are finished

An ensemble that was interrupted goes on with the member that it was at.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.ensemble import Ensemble
from chainrule.errors import ConfigError
from chainrule.experiments.config import TrainConfig, to_toml
from chainrule.experiments.run_folder import CONFIG, ENSEMBLE, MEMBER, read_run, shared_run
from chainrule.experiments.stored import Numbers, Stored, write_json
from chainrule.files import whole_file


class EnsembleSummary(Stored):
    """The content of `ensemble.json`: numbers of the test part, of each member and of all together;
    with a temperature too, where a validation part could choose it."""

    members: list[Numbers]
    test: Numbers | None = None
    temperature: float | None = None
    calibrated_test: Numbers | None = None


def member_configs(config: TrainConfig) -> list[TrainConfig]:
    """The configuration of each member: seeds from that of the ensemble on, one held-out part."""
    if config.fresh_data:
        raise ConfigError("an ensemble is of runs on the same data: leave out fresh_data")
    return [
        config.model_copy(
            update={
                "seed": config.seed + number,
                "data_seed": config.seed_of_data,
                "ensemble": None,
            }
        )
        for number in range(config.ensemble or 1)
    ]


def train_ensemble(
    config: TrainConfig,
    folder: Path,
    train_member: Callable[[TrainConfig, Path], bool],
    dataset: Dataset,
) -> EnsembleSummary | None:
    """Train the members that are yet to be trained, and judge them together; None where training
    was interrupted.

    Args:
        train_member: trains as configured into a folder, or goes on with what is there; False if it
            did not come to its end.
        dataset: what all are trained on.
    """
    members = member_configs(config)
    if not (folder / CONFIG).exists():
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / CONFIG) as file:
            file.write(to_toml(config).encode())
    places = [folder / f"{MEMBER}-{number}" for number in range(1, len(members) + 1)]
    for member, place in zip(members, places, strict=True):
        with shared_run(place) as is_to_do:
            if is_to_do and not train_member(member, place):
                return None
    summary = judge_together(places, dataset)
    write_json(folder / ENSEMBLE, summary)
    return summary


def judge_together(places: list[Path], dataset: Dataset) -> EnsembleSummary:
    """What finished members give together. The validation part chooses the temperature."""
    runs = [read_run(place) for place in places]
    ensemble = Ensemble([run.network for run in runs])
    members = [run.summary.test or {} for run in runs]
    if dataset.x_test is None or dataset.y_test is None:
        return EnsembleSummary(members=members)
    judged = ensemble.evaluate(dataset.x_test, dataset.y_test)
    if dataset.x_validation is None or not ensemble.has_probabilities:
        return EnsembleSummary(members=members, test=judged)
    temperature = ensemble.calibrate(dataset.x_validation, np.asarray(dataset.y_validation))
    calibrated = ensemble.evaluate(dataset.x_test, dataset.y_test)
    return EnsembleSummary(
        members=members, test=judged, temperature=temperature, calibrated_test=calibrated
    )
