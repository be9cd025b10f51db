"""A section for each question: the table of a comparison, its sentences, its loss curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.experiments.document import Document
from chainrule.experiments.results import Results, RunResult
from chainrule.labs.lab import percent, plain
from chainrule.labs.two_layer.drawings import draw_losses
from chainrule.labs.two_layer.questions import Question
from chainrule.labs.two_layer.training import LOOK_EVERY, Runs, Trained, Training, classify


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
    headers = [
        "",
        "final loss",
        "accuracy",
        f"first epoch with 100 % (every {LOOK_EVERY}th looked at)",
    ]
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
    ]


def unseen(training: Training, found: Sequence[Trained]) -> str:
    """The accuracy on linear points that were not trained on; XOR has no others."""
    return percent([run.unseen for run in found]) if training.data == "linear" else "–"


def judged(training: Training, run: Trained) -> dict[str, float]:
    """The number that trainings are compared by: on linear points the accuracy on unseen ones."""
    if training.data == "linear":
        return {"unseen_accuracy": run.unseen}
    return {"accuracy": run.accuracy}


def attach_predictions(document: Document, question: Question, runs: Runs, seed: int) -> None:
    """A file with prediction beside truth for every point of both sets."""
    lines = ["set,x1,x2,truth,output,prediction"]
    wrong = 0
    for name, training in question.trainings.items():
        points, network = training.points(seed), runs[training, seed].network
        predictions = classify(network, points.x_train)
        wrong += int((predictions != points.y_train).sum())
        outputs = network.predict(points.x_train)[:, 0]
        columns = (points.x_train, points.y_train, outputs, predictions)
        lines += [
            f"{name},{x1:.4f},{x2:.4f},{truth},{output:.6f},{prediction}"
            for (x1, x2), truth, output, prediction in zip(*columns, strict=True)
        ]
    document.attach(
        "predictions.csv",
        ("\n".join(lines) + "\n").encode(),
        f"the {len(lines) - 1} points of both sets with their class, the network's output, and the "
        f"class that it gives them (seed {seed}); {wrong} of them are wrong.",
    )
