"""What a regression has come to: is it better than predicting the mean of the targets?"""

from __future__ import annotations

import numpy as np

from chainrule.callbacks import Training
from chainrule.metrics import r2
from chainrule.training.trouble.inputs import spaced
from chainrule.training.trouble.measures import UNSCALED

JUDGED, FEWEST_JUDGED = 512, 10  # examples; of fewer than that R² says nothing


def no_better_than_the_mean(training: Training) -> str | None:
    """A warning of a training that ended at an R² of 0 or below, on held-out examples where there
    are any."""
    objective = training.objective
    if objective.loss.rescaled(1.0) is None:  # it is no regression
        return None
    part, data = "training", training.data
    if training.held_out is not None:
        part, data = "validation", objective.data(training.held_out)
    rows = spaced(len(data.x), JUDGED)
    outputs = training.network.predict(data.x[rows])
    targets = objective.restored(objective.loss.prepare(outputs, np.asarray(data.y[rows])))
    if len(rows) < FEWEST_JUDGED or not np.ptp(targets.astype(np.float64)) > 0:
        return None
    value = r2(outputs, targets)
    if not value <= 0:
        return None
    mean, deviation = float(np.mean(targets)), float(np.std(targets))
    is_unscaled = objective.scale is None and max(abs(mean), deviation) > UNSCALED
    scaled = (
        f"standardize the targets, whose mean is {mean:.3g} and standard deviation {deviation:.3g}"
        if is_unscaled
        else "train for more epochs, or at another learning rate"
    )
    return (
        f"R² on the {part} data is {value:.2f} in the end, no better than predicting the mean of "
        f"the targets for every example: {scaled}, and check that each y belongs to its x and that "
        "the inputs say something about it"
    )
