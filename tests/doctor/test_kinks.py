"""Right code has kinks, as of a ReLU, and a direction that crosses one shows another slope."""

from __future__ import annotations

import numpy as np

from chainrule.doctor.numbers.examination import examine, measure_wrong
from chainrule.doctor.numbers.finite_differences import STEP, unit_direction
from chainrule.doctor.subjects.subject import Answer, Subject
from chainrule.foreign.objects.state import Values
from chainrule.foreign.running import effort
from chainrule.seeding import generator

SHAPE = (90, 80)  # more entries than are measured one by one


class Bent(Subject):
    """Σ dy x, and from a kink on a little more, which lies within reach of the first direction."""

    def __init__(self) -> None:
        self.name, self.notes = "Bent", []
        self.values = {"x": generator(0, "x").standard_normal(SHAPE)}
        self.dy = generator(0, "dy").standard_normal(SHAPE)
        self.direction = unit_direction(SHAPE, "direction x", 0)
        self.kink = float(np.sum(self.direction * self.values["x"])) + 1.5 * STEP
        self.bend = 0.006 * float(np.sum(self.direction * self.dy))

    def loss(self, values: Values) -> float:
        effort.add_call()
        beyond = float(np.sum(self.direction * values["x"])) - self.kink
        return float(np.sum(self.dy * values["x"])) + self.bend * max(beyond, 0.0)

    def gradients(self, values: Values) -> Answer:
        return Answer({"x": self.dy.copy()}, dy=self.dy)


def test_a_kink_too_small_to_be_seen_is_no_mistake() -> None:
    found = examine(Bent())
    measure_wrong(found)
    assert not found.truths["x"].is_whole
    assert not found.wrong
