"""The lab asks for a network with two hidden layers, forward and backward, trained on two sets: 100
random points above and below the diagonal of the unit square, and 21 points on its two diagonals,
one class each ("XOR"). The layers have no biases, the output is a sigmoid, the loss is the mean
squared error, every step takes all points, and gradients are clipped to [-1024, 1023]. Learning
rates, numbers of hidden units, activations, first weights of normal(0, 1) or 0.01 · normal(0, 1),
and optimizers are to be tried; an option draws new linear points for every epoch. A second part
takes two layers of convolution forward and backward.

The lab's report does not state everything. Here, unless a table says otherwise, both hidden layers
have 4 sigmoid units, the first weights are normal(0, 1), and plain gradient descent runs at rate 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import chainrule as cr
from chainrule.curves import label_powers, name_below, panels_in_rows, use_logarithm
from chainrule.experiments.document import Document
from chainrule.experiments.results import Results, RunResult
from chainrule.experiments.statistics import difference
from chainrule.labs.convolution import compare_convolutions
from chainrule.labs.lab import (
    Claim,
    Lab,
    Setting,
    close_report,
    gain,
    open_report,
    percent,
    plain,
    run_all,
)
from chainrule.labs.pictures import draw_band, draw_regions
from chainrule.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


TITLE = "Two hidden layers on linear and XOR points"
EPOCHS, QUICK_EPOCHS = 15_000, 2_500
LONGER = 4  # times as many epochs, where training for too long is asked about
CLIP = (-1024.0, 1023.0)
LARGEST_LOSS = 10.0  # in a picture: beside what grows without end, nothing else can be seen


@dataclass(frozen=True)
class Training:
    """What one training is; the defaults are those of the lab."""

    epochs: int
    data: str = "xor-line"
    hidden: int = 4
    activation: str = "sigmoid"
    output: str = "sigmoid"
    std: float = 1.0
    optimizer: cr.Optimizer = field(default_factory=lambda: cr.SGD(1.0))
    fresh: bool = False

    def network(self, seed: int) -> cr.Network:
        """The untrained network."""

        def dense(units: int) -> cr.Dense:
            return cr.Dense(units, bias=False, initializer=cr.initializers.Normal(self.std))

        activation, output = (cr.layers.ACTIVATIONS[a] for a in (self.activation, self.output))
        layers = [dense(self.hidden), activation(), dense(self.hidden), activation()]
        return cr.Network([*layers, dense(1), output()], input_shape=2, seed=seed)

    def points(self, seed: int) -> cr.datasets.Dataset:
        """The 100 linear points, or the 21 of XOR, which are always the same."""
        return cr.datasets.load(
            self.data, samples=100 if self.data == "linear" else None, seed=seed
        )


@dataclass(frozen=True)
class Trained:
    """What one training gave. `epochs` are those of which losses and gradients are kept."""

    network: cr.Network
    loss: float
    accuracy: float
    unseen: float
    first_perfect: int | None
    epochs: Array
    losses: Array
    gradients: Array
    largest_gradient: float
    seconds: float


@dataclass(frozen=True)
class Question:
    """One comparison: trainings by name, the first of which the others are held against."""

    title: str
    text: str
    trainings: dict[str, Training]


Runs = dict[tuple[Training, int], Trained]


class WatchGradients(cr.Callback):
    """Keeps the length of the gradient at every step, and the largest number in any."""

    def training_starts(self, training: cr.Training) -> None:
        self.lengths: list[float] = []
        self.largest = 0.0

    def step_ends(self, training: cr.Training) -> None:
        gradient = training.network.gradients.flat
        self.lengths.append(float(np.linalg.norm(gradient)))
        self.largest = max(self.largest, float(np.abs(gradient).max()))


def run(setting: Setting) -> Document:
    """The lab's report."""
    document = open_report("two-layer", TITLE, __doc__, setting)
    asked = questions(QUICK_EPOCHS if setting.quick else EPOCHS)
    runs = train_all(asked, setting)
    for number, question in enumerate(asked.values(), start=1):
        answer(document, number, question, runs, setting.seeds)
        if question is asked["both"]:
            draw_predictions(document, asked, runs, setting.seed)
        if question is asked["activations"]:
            draw_gradients(document, question, runs, setting.seeds)
    convolution = compare_convolutions(document, len(asked) + 1, setting.seed)
    return close_report(document, [*claims(asked, runs, setting), convolution])


def questions(epochs: int) -> dict[str, Question]:
    """What the lab varies."""
    xor = Training(epochs)
    linear = replace(xor, data="linear")
    return {
        "both": Question(
            "Both sets",
            "The network of the lab on the points that a line separates, and on those of XOR.",
            {"linear": linear, "XOR": xor},
        ),
        "rates": Question(
            "Learning rates, on XOR",
            "A tenth of the rate needs ten times the epochs: what counts is their product. At rate "
            "0.01 the network is still near its start, where it answers nearly the same for "
            "every point. The best constant answer is 10/21, with a loss of 0.2494; it calls all "
            "points class 0 and is right for 11 of 21, 52.4 %.",
            {
                "rate 1": xor,
                "rate 0.1": replace(xor, optimizer=cr.SGD(0.1)),
                "rate 0.1, 10 times the epochs": replace(
                    xor, optimizer=cr.SGD(0.1), epochs=10 * epochs
                ),
                "rate 0.01": replace(xor, optimizer=cr.SGD(0.01)),
            },
        ),
        "units": Question(
            "Hidden units, on XOR",
            "Without biases, two units a layer can only bend the plane so far.",
            {f"{n} units": replace(xor, hidden=n) for n in (4, 2, 8)},
        ),
        "units, linear": Question(
            "Hidden units, on linear points",
            "One line is enough here, and two units can draw it.",
            {f"{n} units": replace(linear, hidden=n) for n in (4, 2, 8)},
        ),
        "activations": Question(
            "Activations, on XOR",
            "Without an activation the hidden layers are one linear map. Its gradients vanish, "
            "because it stands at the lowest loss that a linear map can reach, with "
            "nearly the same answer for all points: they vanish where the learning ends. "
            "Where the output has no sigmoid either, the rate of 1 is far too large, gradients "
            "grow without end, and the clipping acts: the only time it does.",
            {
                "sigmoid": xor,
                "tanh": replace(xor, activation="tanh"),
                "ReLU": replace(xor, activation="relu"),
                "none": replace(xor, activation="identity"),
                "none, no sigmoid at the output": replace(
                    xor, activation="identity", output="identity"
                ),
            },
        ),
        "activations, linear": Question(
            "Activations, on linear points",
            "Here a linear map is all it takes. A ReLU unit that is 0 for all points stays so, and "
            "without biases few are left: some seeds lose.",
            {
                "sigmoid": linear,
                "tanh": replace(linear, activation="tanh"),
                "ReLU": replace(linear, activation="relu"),
                "none": replace(linear, activation="identity"),
            },
        ),
        "first weights": Question(
            "First weights, on XOR",
            "Sigmoid units whose weights start near 0 all say 0.5, whatever the point: they have "
            "hardly a gradient to tell them apart.",
            {
                "sigmoid, normal(0, 1)": xor,
                "sigmoid, 0.01 · normal(0, 1)": replace(xor, std=0.01),
                "tanh, normal(0, 1)": replace(xor, activation="tanh"),
                "tanh, 0.01 · normal(0, 1)": replace(xor, activation="tanh", std=0.01),
            },
        ),
        "optimizers": Question(
            "Optimizers, on XOR",
            "Optimizers that scale each step by the gradients of the past cross the plateau.",
            {
                "gradient descent, rate 1": xor,
                "momentum 0.9, rate 0.1": replace(xor, optimizer=cr.SGD(0.1, momentum=0.9)),
                "Adagrad, rate 0.1": replace(xor, optimizer=cr.Adagrad(0.1)),
                "RMSprop, rate 0.01": replace(xor, optimizer=cr.RMSprop(0.01)),
                "Adam, rate 0.01": replace(xor, optimizer=cr.Adam(0.01)),
                "Adam, rate 0.03": replace(xor, optimizer=cr.Adam(0.03)),
            },
        ),
        "fresh": Question(
            "New linear points in every epoch",
            "Unseen points are 1,000 others, as in all tables on linear points. New points in "
            "every epoch show more of the line than 100 can.",
            {
                "the same 100 points": linear,
                "100 new points": replace(linear, fresh=True),
                "8 units, the same 100 points": replace(linear, hidden=8),
                "8 units, 100 new points": replace(linear, hidden=8, fresh=True),
            },
        ),
        "longer": Question(
            "Training for longer, on linear points",
            "At rate 1 the lab's report finds that training for too long costs accuracy on linear "
            f"points, and stops after {EPOCHS:,} epochs.",
            {
                f"{epochs:,} epochs": linear,
                f"{LONGER * epochs:,} epochs": replace(linear, epochs=LONGER * epochs),
            },
        ),
    }


def train_all(asked: dict[str, Question], setting: Setting) -> Runs:
    """Every training once for each seed, also where several questions share it."""
    trainings = dict.fromkeys(t for q in asked.values() for t in q.trainings.values())
    tasks = [(training, seed) for training in trainings for seed in setting.seeds]
    return dict(zip(tasks, run_all(train, tasks, setting.workers), strict=True))


def train(training: Training, seed: int) -> Trained:
    """One training."""
    network, points, gradients = training.network(seed), training.points(seed), WatchGradients()
    began = time.perf_counter()
    history = network.fit(
        fresh_points(seed) if training.fresh else points.x_train,
        None if training.fresh else points.y_train,
        loss="mean_squared_error",
        optimizer=replace(training.optimizer, clip_value=CLIP),
        epochs=training.epochs,
        batch_size="full",
        metrics=["accuracy"],
        callbacks=[gradients],
        quiet=True,
    )
    seconds = time.perf_counter() - began
    final = network.evaluate(points.x_train, points.y_train)
    perfect = np.flatnonzero(np.array(history["accuracy"]) == 1)
    kept = np.unique(np.geomspace(1, training.epochs, 200).astype(int))
    return Trained(
        network,
        final["loss"],
        final["accuracy"],
        network.evaluate(*unseen_points(points))["accuracy"],
        int(perfect[0]) + 1 if len(perfect) else None,
        kept,
        np.array(history["loss"])[kept - 1],
        np.array(gradients.lengths)[kept - 1],
        gradients.largest,
        seconds,
    )


def unseen_points(points: cr.datasets.Dataset) -> tuple[Array, Array]:
    """The test part, which every synthetic set has."""
    return np.asarray(points.x_test), np.asarray(points.y_test)


def fresh_points(seed: int) -> Callable[[int], tuple[Array, Array]]:
    """New linear points for every epoch."""
    return lambda epoch: cr.datasets.fresh("linear", 100, seed, epoch)


def answer(
    document: Document, number: int, question: Question, runs: Runs, seeds: Sequence[int]
) -> None:
    """A section: the table of a comparison, its sentences, and its loss curves."""
    document.heading(f"{number}. {question.title}")
    document.paragraph(question.text)
    rows, results = [], []
    any_linear = any(training.data == "linear" for training in question.trainings.values())
    for name, training in question.trainings.items():
        found = [runs[training, seed] for seed in seeds]
        rows.append([name, *describe(found), *([unseen(training, found)] if any_linear else [])])
        results += [
            RunResult(name, seed, judged(training, run), {})
            for seed, run in zip(seeds, found, strict=True)
        ]
    headers = ["", "final loss", "accuracy", "first epoch with 100 %", "train s"]
    document.table([*headers, *(["accuracy, unseen points"] if any_linear else [])], rows)
    if len({training.data for training in question.trainings.values()}) == 1:
        for sentence in Results(results).differences():
            document.paragraph(sentence)
    draw_losses(document, f"{number}-loss", question, runs, seeds)


def describe(found: Sequence[Trained]) -> list[str]:
    """The cells of a table on one training, over its seeds."""
    perfect = [run.first_perfect for run in found if run.first_perfect is not None]
    reached = f"{np.mean(perfect):,.0f}" if perfect else "never"
    if 0 < len(perfect) < len(found):
        reached += f" ({len(perfect)} of {len(found)} seeds)"
    return [
        plain([run.loss for run in found]),
        percent([run.accuracy for run in found]),
        reached,
        plain([run.seconds for run in found]),
    ]


def unseen(training: Training, found: Sequence[Trained]) -> str:
    """The accuracy on linear points that were not trained on; XOR has no others."""
    return percent([run.unseen for run in found]) if training.data == "linear" else "–"


def judged(training: Training, run: Trained) -> dict[str, float]:
    """The number that trainings are compared by: on linear points the accuracy on unseen ones."""
    if training.data == "linear":
        return {"unseen_accuracy": run.unseen}
    return {"accuracy": run.accuracy}


def claims(asked: dict[str, Question], runs: Runs, setting: Setting) -> Iterator[Claim]:
    """What the lab's report says beside what was measured."""

    def found(question: str, name: str) -> list[Trained]:
        training = asked[question].trainings[name]
        return [runs[training, seed] for seed in setting.seeds]

    def unseen_by_seed(training: Training) -> list[float]:
        return [runs[training, seed].unseen for seed in setting.seeds]

    def accuracy(question: str, name: str) -> str:
        return percent([run.accuracy for run in found(question, name)])

    def perfect(question: str, name: str) -> str:
        runs = found(question, name)
        return f"{sum(run.accuracy == 1 for run in runs)} of {len(runs)} seeds"

    epochs = asked["both"].trainings["XOR"].epochs
    yield Claim(
        "linear points, XOR points",
        "100 %, 100 %",
        f"{accuracy('both', 'linear')}, {accuracy('both', 'XOR')}: all points right in "
        f"{perfect('both', 'linear')} and {perfect('both', 'XOR')}",
        "one run there; here every seed counts, also one that stays in a local minimum of XOR",
    )
    slow = found("rates", "rate 0.01")
    yield Claim(
        "XOR at rate 0.01",
        "loss 0.246, accuracy 0.52",
        f"loss {plain([run.loss for run in slow])}, accuracy "
        f"{plain([run.accuracy for run in slow])}",
        "the same plateau, near 0.2494 and 11/21 = 0.524; seeds differ in how far they are past it",
    )
    short, long = (unseen_by_seed(t) for t in asked["longer"].trainings.values())
    yield Claim(
        "linear points, rate 1, trained too long",
        f"loses accuracy; cured by stopping after {EPOCHS:,} epochs",
        f"on unseen points {percent(short)} after {epochs:,} epochs, {percent(long)} after "
        f"{LONGER * epochs:,}: {gain(difference(long, short))}",
        "how long it was trained there is not known; judged here on points not trained on",
    )
    yield Claim(
        "XOR with 2 hidden units",
        "lost",
        f"all points right in {perfect('units', '2 units')}, with 4 units in "
        f"{perfect('units', '4 units')}; accuracy {accuracy('units', '2 units')} and "
        f"{accuracy('units', '4 units')}",
        "the same, but for seeds with luck in their first weights",
    )
    of_units = asked["fresh"].trainings
    four, eight, fresh = (
        unseen_by_seed(of_units[name])
        for name in (
            *("the same 100 points", "8 units, the same 100 points"),
            "8 units, 100 new points",
        )
    )
    yield Claim(
        "linear points with 8 hidden units",
        "2 points fewer; cured by new points in training",
        f"on unseen points {percent(eight)}, with 4 units {percent(four)}: "
        f"{gain(difference(eight, four))}; with new points {percent(fresh)}: "
        f"{gain(difference(fresh, eight))}",
        "one run there; 2 of 100 points",
    )
    flat = found("activations", "none")
    yield Claim(
        "XOR without activation",
        "the gradients vanish",
        f"length {plain([run.gradients[0] for run in flat])} in the first epoch, "
        f"{plain([run.gradients[-1] for run in flat])} in the last; accuracy "
        f"{accuracy('activations', 'none')}",
        "they do: nothing is left to learn for a linear map, which does learn the linear points: "
        f"{accuracy('activations, linear', 'none')}",
    )
    clipped = found("activations", "none, no sigmoid at the output")
    others = [
        run.largest_gradient for (training, _), run in runs.items() if training.output == "sigmoid"
    ]
    yield Claim(
        "gradients clipped to [-1024, 1023]",
        "done",
        f"largest number in a gradient: {max(others):.2f} with a sigmoid at the output, "
        f"{max(run.largest_gradient for run in clipped):,.0f} without",
        "clipping matters only where no layer has an activation",
    )
    yield improvement(found("optimizers", "Adam, rate 0.03"), found("both", "XOR"))


def improvement(adam: Sequence[Trained], descent: Sequence[Trained]) -> Claim:
    """Epochs that Adam needs for XOR, against those of gradient descent with the same seeds."""
    pairs = [
        (one.first_perfect, other.first_perfect)
        for one, other in zip(adam, descent, strict=True)
        if one.first_perfect is not None and other.first_perfect is not None
    ]
    solved = sum(run.first_perfect is not None for run in adam)
    measured = f"100 % in {solved} of {len(adam)} seeds"
    if pairs:
        needed, before = zip(*pairs, strict=True)
        saved = difference(before, needed)
        measured += (
            f"; after {plain(needed)} epochs where gradient descent at rate 1 needs "
            f"{plain(before)}: {saved.mean:,.0f} fewer"
        )
        if saved.is_bounded:
            measured += f" (95 % interval {saved.low:,.0f} to {saved.high:,.0f})"
        measured += f": {saved.doubt}" if saved.doubt else ""
    return Claim(
        "improvement: XOR with Adam at rate 0.03",
        "asked, with no figure",
        measured,
        "Adam scales its steps up where gradients are small, as they are on the plateau",
    )


def draw_predictions(document: Document, asked: dict[str, Question], runs: Runs, seed: int) -> None:
    """Ground truth beside what networks answer, everywhere in the square."""
    changes: dict[str, dict[str, Any]] = {
        "4 units": {},
        "2 units": {"hidden": 2},
        "no activation": {"activation": "identity"},
    }
    for name, training in asked["both"].trainings.items():
        points = training.points(seed)
        predictors = {
            label: partial(classify, runs[replace(training, **change), seed].network)
            for label, change in changes.items()
        }
        document.picture(
            f"predictions-{name.lower()}",
            draw_regions(f"{name} points", points.x_train, points.y_train, predictors),
            f"Ground truth of the {name} points, and the class that trained networks give to every "
            f"point of the square, with their mistakes ringed (seed {seed}).",
        )


def classify(network: cr.Network, x: Array) -> Array:
    """The side of 0.5 that the network's output is on, 0 or 1."""
    return (network.predict(x)[:, 0] > 0.5).astype(int)


def draw_losses(
    document: Document, name: str, question: Question, runs: Runs, seeds: Sequence[int]
) -> None:
    """Loss curves: the mean over the seeds, and the band from the lowest to the highest."""
    worst = {
        label: max(float(runs[training, seed].losses.max()) for seed in seeds)
        for label, training in question.trainings.items()
    }
    shown = {
        label: training
        for label, training in question.trainings.items()
        if worst[label] <= LARGEST_LOSS
    }
    left_out = "".join(
        f" Not shown: {label}, whose loss grows to {loss:.1e}."
        for label, loss in worst.items()
        if loss > LARGEST_LOSS
    )
    figure, axes = draw_bands(shown, runs, seeds, "losses")
    axes.set(title=question.title, ylabel="loss (mean squared error)")
    document.picture(
        name,
        figure,
        f"{question.title}: loss over the epochs, the mean and the range of the seeds.{left_out}",
    )


def draw_gradients(
    document: Document, question: Question, runs: Runs, seeds: Sequence[int]
) -> None:
    """The length of the gradient over the epochs."""
    figure, axes = draw_bands(question.trainings, runs, seeds, "gradients")
    axes.set(title="Where gradients vanish, and where they do not", ylabel="length of the gradient")
    document.picture(
        "gradients",
        figure,
        "Length of the gradient over the epochs, for each activation, on XOR.",
    )


def draw_bands(
    trainings: dict[str, Training], runs: Runs, seeds: Sequence[int], what: str
) -> tuple[Figure, Axes]:
    """A figure with a number of each training over its epochs: the mean over the seeds as a line,
    the range as a band."""
    figure, (axes,) = panels_in_rows(1, size=(8.0, 4.5))
    drawn, all_values = {}, []
    for place, (label, training) in enumerate(trainings.items()):
        values = np.stack([getattr(runs[training, seed], what) for seed in seeds])
        epochs = runs[training, seeds[0]].epochs
        drawn[label] = draw_band(axes, epochs, values, place)
        all_values.append(values[values > 0])
    positive = np.concatenate(all_values)
    use_logarithm(axes, float(positive.min()), float(positive.max()))
    axes.set(xscale="log", xlabel="epoch")
    label_powers(axes.xaxis, 1, max(training.epochs for training in trainings.values()))
    axes.grid(color="#808080", alpha=0.25)
    name_below(figure, drawn)
    return figure, axes


LAB = Lab("two-layer", TITLE, run)
