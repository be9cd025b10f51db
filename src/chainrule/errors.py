"""Everything that can go wrong, each with a message that says what was received, what was
expected and what to do. All of them are `ChainruleError`, so that a command can turn any
of them into one line and exit code 2."""

from __future__ import annotations

from typing import Self


class ChainruleError(Exception):
    """The base of every error that chainrule raises on purpose."""


class ArgumentError(ChainruleError, ValueError):
    """A value that cannot be: a negative size, an empty batch, a rate of zero."""


class UnknownNameError(ChainruleError, ValueError):
    """A name that nothing answers to; the message offers the nearest one that exists."""


class PlacedError(ChainruleError):
    """The base of errors in a layer. Containers call `inside` on the way up, so that the message
    names the layer by its position in the network: ``layer 3.branch.0 (Dense) expects …``.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.position: tuple[str, ...] = ()
        self.layer_name = ""

    def inside(self, position: str, layer_name: str) -> Self:
        """The same error, one container further out."""
        self.position = (position, *self.position)
        self.layer_name = self.layer_name or layer_name
        return self

    def __str__(self) -> str:
        if not self.layer_name:
            return self.problem
        position = ".".join(self.position)
        place = f"layer {position} ({self.layer_name})" if position else self.layer_name
        return f"{place} {self.problem}"


class ShapeError(PlacedError, ValueError):
    """Shapes that do not fit."""


class LayerError(PlacedError, RuntimeError):
    """A layer of the user's own that raised an error or returned something else than it should."""


class ExportError(PlacedError, ValueError):
    """A network that another program's format has no room for: the message names the layer."""


class ParameterError(ChainruleError, AttributeError):
    """A parameter or gradient was replaced where it must be filled in place."""


class TargetError(ChainruleError, ValueError):
    """Targets that the loss or metric cannot use: wrong shape, type or range."""


class DataError(ChainruleError, ValueError):
    """A data file or data set that cannot be read or used."""


class DownloadError(DataError):
    """A data set that is neither on this machine nor to be had from its mirrors."""


class ModelFileError(ChainruleError, ValueError):
    """A file that is not a model saved by chainrule, or is damaged."""


class HubError(ChainruleError, OSError):
    """The Hugging Face Hub cannot be reached, or refuses what was asked of it."""


class CheckpointError(ChainruleError, OSError):
    """Checkpoints that training cannot go on from: damaged, or of another training."""


class ConfigError(ChainruleError, ValueError):
    """A configuration that cannot be read or does not hold together."""


class OutputError(ChainruleError, OSError):
    """A file that cannot be written: no such folder, no permission, no space left."""


class RunFolderError(ChainruleError, OSError):
    """A run folder that exists already, is incomplete, or cannot be written."""


class ClusterError(ChainruleError, RuntimeError):
    """A cluster that cannot be reached, was lost, or has other versions than this process."""


class BusyError(RunFolderError):
    """A run folder that another process is working on."""


class TrainingError(ChainruleError, RuntimeError):
    """Training that cannot go on: the loss is no longer a number."""


class MissingPackageError(ChainruleError, ImportError):
    """An optional package that is not installed."""


class ThreadError(ChainruleError, RuntimeError):
    """More threads than the system starts."""


class CheckError(ChainruleError, ValueError):
    """Hand-written code that cannot be checked: nothing in it is understood, or it does not run."""
