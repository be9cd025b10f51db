"""What a training makes small: a loss of what the layers put out.

Where the targets of a regression are standardized, the layers learn those, by the loss that stands
for the one asked for; all that is reported is in the unit of the targets again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chainrule.data.tables.target_scale import TargetScale
from chainrule.data.training import TrainingData
from chainrule.errors import ArgumentError
from chainrule.losses import Loss
from chainrule.types import Array


@dataclass(frozen=True)
class Objective:
    """`loss` is of outputs and targets as the layers know them; times `factor` it is the loss that
    the user asked for, of what `restored` gives."""

    loss: Loss
    factor: float = 1.0
    scale: TargetScale | None = None

    @classmethod
    def of(cls, loss: Loss, scale: TargetScale | None) -> Objective:
        """For the loss that the user asked for.

        >>> from chainrule.losses import MeanSquaredError
        >>> Objective.of(MeanSquaredError(), TargetScale((20.0,), 10.0)).factor
        100.0

        Raises:
            ArgumentError: the loss has no form for standardized targets.
        """
        if scale is None:
            return cls(loss)
        rescaled = loss.rescaled(scale.deviation)
        if rescaled is None:
            raise ArgumentError(
                f"this network learns standardized targets, as its preparation says, and "
                f"{type(loss).__name__} has no form for these: use mean_squared_error, "
                "mean_absolute_error or huber, or train a network without a preparation"
            )
        return cls(*rescaled, scale)

    def targets(self, y: Array) -> Array:
        """The user's targets as `loss` takes them."""
        return y if self.scale is None else self.scale.standardize(y)

    def restored(self, values: Array) -> Array:
        """Outputs of the layers, or targets of `loss`, in the unit of the user's targets."""
        return values if self.scale is None else self.scale.restore(values)

    def data(self, given: TrainingData) -> TrainingData:
        """Training examples with their targets as `loss` takes them."""
        if self.scale is None:
            return given
        draw = given.draw
        return replace(
            given,
            y=self.targets(given.y),
            draw=None if draw is None else lambda epoch: self._drawn(draw(epoch)),
        )

    def _drawn(self, examples: tuple[Array, Array]) -> tuple[Array, Array]:
        x, y = examples
        return x, self.targets(y)
