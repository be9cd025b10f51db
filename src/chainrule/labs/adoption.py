"""The section that all labs share: a network as the lab has it written, in short; adopted as it
stands and held against chainrule's own layers, checked by the doctor, and written out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from types import ModuleType
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.experiments.document import Code, Document, Link
from chainrule.explain.examples import example_batch
from chainrule.labs.lab import run_all, with_code
from chainrule.types import Array, Shape

DERIVATIONS = "../../derivations"  # from a report in docs/labs
QUOTED, MADE = "py", "python3"  # Markdown's languages: for code copied from a file, and other code
EXAMPLES, STEPS = 8, 10  # that both networks are trained with, and for


@dataclass(frozen=True)
class Slip:
    """A line of the code, what the lab's report has in its place, and a word on it."""

    line: str
    wrong: str
    text: str


@dataclass(frozen=True)
class ByHand:
    """A network in a lab's own style of writing.

    Args:
        code: the module that it is written in.
        adopt: makes the layer that adopts it.
        own: makes the same network of chainrule's layers, in double precision.
        loss: what both are trained with.
        text: what to see in the code.
        derivations: pages of the documentation, by what they derive.
        columns: true if examples are columns, so that weights have the shape (out, in).
        slip: what goes wrong in the lab's own code, if anything does.
    """

    code: ModuleType
    adopt: Callable[[], cr.HandWritten]
    own: Callable[[], cr.Network]
    loss: cr.Loss
    text: str
    derivations: Mapping[str, str]
    columns: bool = False
    slip: Slip | None = None


def show_by_hand(document: Document, by_hand: ByHand, workers: int) -> None:
    """The section."""
    source, slip = inspect.getsource(by_hand.code), by_hand.slip
    sources = [source] + ([source.replace(slip.line, slip.wrong)] if slip else [])
    name = Path(str(by_hand.code.__file__)).name
    right, *wrong = run_all(diagnose, [(name, each) for each in sources], workers)
    document.heading("Written by hand")
    document.paragraph(*with_code(by_hand.text))
    document.code(source, language=QUOTED)
    show_adopted(document, by_hand)
    show_diagnosis(document, right)
    if slip:
        show_slip(document, slip, wrong[0])
    show_backward(document, by_hand)


def diagnose(name: str, source: str) -> cr.check.Diagnosis:
    """What the doctor says of a file."""
    with TemporaryDirectory() as folder:
        file = Path(folder, name)
        file.write_text(source, encoding="utf-8")
        return cr.check.diagnose(file)


def show_adopted(document: Document, by_hand: ByHand) -> None:
    """The adopted network beside the same of chainrule's layers."""
    own = by_hand.own()
    adopted, loss = adopted_network(by_hand, own)
    x, y = example_batch(own, by_hand.loss, EXAMPLES)
    both = ((own, by_hand.loss), (adopted, loss))
    for network, its_loss in both:
        network.backward_from_loss(*network.forward(x, training=True), y, its_loss)
    gaps = differences(adopted.gradients, own.gradients, by_hand)
    rows = [
        [name.removeprefix("0."), str(array.shape), f"{np.abs(array).max():.3g}", f"{gap:.1e}"]
        for (name, array), gap in zip(adopted.gradients.items(), gaps, strict=True)
    ]
    descent: dict[str, Any] = {"optimizer": cr.SGD(0.1), "epochs": STEPS, "batch_size": "full"}
    for network, its_loss in both:
        network.fit(x, y, loss=its_loss, **descent, engine="numpy", quiet=True)
    apart = max(differences(adopted.parameters, own.parameters, by_hand))
    document.paragraph(
        Code("HandWritten"), " adopts it as it stands, and makes a layer of it that trains:"
    )
    document.code(inspect.getsource(by_hand.adopt), language=QUOTED)
    document.table(
        ["parameter", "shape", "largest number in its gradient", "largest difference"],
        rows,
        f"Gradients of {EXAMPLES} random examples, beside those of chainrule's layers with the "
        "same weights",
    )
    document.paragraph(
        f"After {STEPS} steps of gradient descent their weights are at most {apart:.1e} apart."
    )


def adopted_network(by_hand: ByHand, own: cr.Network) -> tuple[cr.Network, cr.Loss]:
    """The adopted network with the weights of chainrule's, and its loss."""
    layer = by_hand.adopt()
    adopted = cr.Network([layer], own.input_shape, dtype="float64")
    for theirs, ours in zip(adopted.parameters.values(), own.parameters.values(), strict=True):
        theirs[:] = as_the_labs(ours, theirs.shape, by_hand)
    begins_with_targets = layer.adopted.starts_from_targets
    return adopted, cr.TargetsAsGradient(loss=by_hand.loss) if begins_with_targets else by_hand.loss


def as_the_labs(ours: Array, shape: Shape, by_hand: ByHand) -> Array:
    """An array of chainrule's in the shape that the lab has."""
    return (ours.T if by_hand.columns else ours).reshape(shape)


def differences(
    theirs: Mapping[str, Array], ours: Mapping[str, Array], by_hand: ByHand
) -> list[float]:
    """How far each array of the lab's is from chainrule's, at most."""
    return [
        float(np.abs(one - as_the_labs(other, one.shape, by_hand)).max())
        for one, other in zip(theirs.values(), ours.values(), strict=True)
    ]


def show_diagnosis(document: Document, diagnosis: cr.check.Diagnosis) -> None:
    """What was compared, and the verdict."""
    compared = dict.fromkeys(comparison.name for comparison in diagnosis.comparisons)
    document.paragraph(
        "The doctor (",
        Code("chainrule check"),
        f"), which knows nothing but the file: {diagnosis.verdict.words}. It compared ",
        *listed([Code(name) for name in compared]),
        " with finite differences.",
    )


def listed(names: Sequence[str]) -> list[str]:
    """Pieces of a paragraph, with commas between them.

    >>> listed(["dW", "db"])
    ['dW', ', ', 'db']
    """
    return [piece for name in names for piece in (", ", name)][1:]


def show_slip(document: Document, slip: Slip, diagnosis: cr.check.Diagnosis) -> None:
    """What the doctor says where the lab's own slip is made."""
    document.paragraph(*with_code(slip.text))
    document.code(slip.wrong.strip(), language=MADE)
    document.table(
        ["line", "gradient", "cause", "seen", "what to do"],
        [finding.cells() for finding in diagnosis.findings],
        "What the doctor says then",
    )


def show_backward(document: Document, by_hand: ByHand) -> None:
    """The backward pass as `explain` writes it out, and where each step is derived."""
    adopted, loss = adopted_network(by_hand, by_hand.own())
    source = str(cr.explain(adopted, loss, "sgd"))
    backward = source.partition("    # backward\n")[2].partition("\n\n    # update")[0]
    document.paragraph(
        "Its backward pass written out by ",
        Code("chainrule.explain"),
        " for a batch of N examples; at the right the shape of what a line computes:",
    )
    document.code(dedent(backward), language=MADE)
    links = [Link(text, f"{DERIVATIONS}/{page}.md") for text, page in by_hand.derivations.items()]
    document.paragraph("Where each of these lines comes from: ", *listed(links), ".")
