"""What keeps the engine from running a network."""

from __future__ import annotations

from chainrule.errors import ArgumentError


class Obstacle(Exception):  # noqa: N818
    """The engine cannot run something."""

    @property
    def reason(self) -> str:
        """Why, as a clause."""
        return str(self)

    def refusal(self) -> ArgumentError:
        """What to say where the engine was asked for and nothing else."""
        return ArgumentError(f"engine='compiled' cannot run: {self.reason}")


class Unlowerable(Obstacle):
    """Something has no compiled form; the message names it."""

    @property
    def reason(self) -> str:
        return f"{self} has no compiled form"

    def refusal(self) -> ArgumentError:
        return ArgumentError(
            f"engine='compiled' cannot run {self}, which has no compiled form: use "
            "engine='auto', which runs such networks in NumPy"
        )


class NoKernels(Obstacle):
    """There are neither built kernels nor a compiler."""

    def __init__(self) -> None:
        super().__init__(
            "there are neither kernels for this processor nor a compiler to make them: "
            "pip install 'chainrule[compile]'"
        )
