"""How the trained CNNs are asked: each alone, or all together; and each image as it is, or in
several views, warped as in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

import chainrule as cr
from chainrule.labs.emnist.networks import AFFINE
from chainrule.types import Array

VIEWS = 8  # of an image, the first of which is the image as it is


class Reading(NamedTuple):
    """What one way to ask gave: for each answer, the share of the validation images that is right,
    where every class counts the same; and the classes of the test images ``(answers, N)``."""

    name: str
    validation: list[float]
    predictions: Array


def all_readings(
    networks: Sequence[cr.Network], validation: tuple[Array, Array], x_test: Array
) -> list[Reading]:
    """Every way: the networks alone come before the ensemble, and single views before several."""
    (x, y), found = validation, []
    for views in (1, VIEWS):
        held_out, test = (probabilities(networks, images, views) for images in (x, x_test))
        seen = "" if views == 1 else f", {views} views"
        for name, join in (("one CNN", np.asarray), (f"ensemble of {len(networks)}", together)):
            right = [cr.metrics.recall(each, y) for each in join(held_out)]
            found.append(Reading(name + seen, right, join(test).argmax(axis=-1)))
    return found


def probabilities(networks: Sequence[cr.Network], x: Array, views: int) -> Array:
    """What each network answers ``(networks, N, classes)``, as a mean over the views."""
    augment = AFFINE if views > 1 else None
    return np.stack([cr.Ensemble([each], augment, views).predict(x) for each in networks])


def together(answers: Array) -> Array:
    """The mean of all networks, as a single answer."""
    return answers.mean(axis=0, keepdims=True)


def best(readings: Sequence[Reading]) -> Reading:
    """The single answer that is best in validation, where the test part has no say."""
    single = [reading for reading in readings if len(reading.predictions) == 1]
    return max(single, key=lambda reading: reading.validation[0])
