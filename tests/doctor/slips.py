"""Slips: mistakes that people make in backward passes, each as an edit of a right specimen.

`slips.txt` is the table, thought out by hand, as a patch is written:

    [dense_rows] the bias gradient is averaged, and the weights' has the wrong sign
    bias_grad: batch-scale
    -        self.bias_grad = output_grad.sum(axis=0)
    +        self.bias_grad = output_grad.mean(axis=0)
    weight_grad: sign
    -        self.weight_grad = self.input.T @ output_grad
    +        self.weight_grad = -self.input.T @ output_grad

In brackets is the specimen, then what went wrong. For each mistake a line says which gradient it
spoils and the codes that name it rightly. Several gradients (`dW1 db1`) are all spoilt, and naming
one of them is enough; several codes (`partial-sum | overwrites`) are two names for one thing.

A gradient is called as the code calls it (`weight_grad`, `grad_W`, `dW1`), with the layer's place
before it in a network (`layers.0.dw`); where the code has no name for it, because the weights are
updated on the spot, it is `d` and the parameter's name (`dweights`), and `dx` for the input. An
activation's or a loss's is `derivative`; an optimizer's is the parameter that it moves. A mistake
that spoils no gradient names what it does spoil: `x`, `forward`, `predict`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
SPECIMENS = FOLDER / "specimens"


@dataclass(frozen=True)
class Mistake:
    """One edit: `right` stands once in the specimen, `wrong` takes its place."""

    right: str
    wrong: str
    gradients: tuple[str, ...]
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Slip:
    """A wrong variant of the specimen `file`: one mistake, or several at once."""

    file: str
    name: str
    mistakes: tuple[Mistake, ...]

    def source(self, folder: Path = SPECIMENS) -> str:
        """The whole text of the wrong variant."""
        text = (folder / f"{self.file}.py").read_text(encoding="utf-8")
        for mistake in self.mistakes:
            if text.count(mistake.right) != 1:
                found = text.count(mistake.right)
                raise ValueError(f"{self}: found {found} times instead of once:\n{mistake.right}")
            text = text.replace(mistake.right, mistake.wrong)
        return text

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


def read_slips(table: Path) -> list[Slip]:
    """Every slip of a table."""
    entries = table.read_text(encoding="utf-8").split("\n\n")
    return [_slip(entry.strip("\n").split("\n")) for entry in entries]


def _slip(lines: list[str]) -> Slip:
    file, _, name = lines[0].removeprefix("[").partition("] ")
    starts = [i for i, line in enumerate(lines) if i and line[0] not in "-+"]
    ends = [*starts[1:], len(lines)]
    parts = (lines[start:end] for start, end in zip(starts, ends, strict=True))
    return Slip(file, name, tuple(_mistake(heading, edit) for heading, *edit in parts))


def _mistake(heading: str, edit: list[str]) -> Mistake:
    gradients, _, codes = heading.partition(": ")
    right, wrong = (
        "".join(f"{line[1:]}\n" for line in edit if line[0] == sign) for sign in ("-", "+")
    )
    return Mistake(right, wrong, tuple(gradients.split()), tuple(codes.split(" | ")))


SLIPS = read_slips(FOLDER / "slips.txt")
