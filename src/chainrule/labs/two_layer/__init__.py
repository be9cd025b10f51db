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

from chainrule.experiments.document import Document
from chainrule.labs.adoption import show_by_hand
from chainrule.labs.adoptions import BY_HAND
from chainrule.labs.lab import Lab, Setting, close_report, open_report
from chainrule.labs.two_layer.answers import answer, attach_predictions
from chainrule.labs.two_layer.claims import claims
from chainrule.labs.two_layer.convolution import compare_convolutions
from chainrule.labs.two_layer.drawings import draw_gradients, draw_predictions
from chainrule.labs.two_layer.questions import TEN_TIMES, questions
from chainrule.labs.two_layer.training import EPOCHS, QUICK_EPOCHS, QUICK_SEEDS, train_all

TITLE = "Two hidden layers on linear and XOR points"


def run(setting: Setting) -> Document:
    """The lab's report."""
    document = open_report("two-layer", TITLE, __doc__, setting)
    show_by_hand(document, BY_HAND["two-layer"], setting.workers)
    seeds = setting.seeds[:QUICK_SEEDS] if setting.quick else setting.seeds
    asked = questions(QUICK_EPOCHS if setting.quick else EPOCHS)
    if setting.quick:
        del asked["rates"].trainings[TEN_TIMES]
        del asked["rates, linear"], asked["outputs"], asked["first weights"]
    trainings = dict.fromkeys(t for q in asked.values() for t in q.trainings.values())
    watched = asked["activations"].trainings.values()
    runs = train_all(trainings, watched, seeds, setting.workers)  # once where questions share one
    for number, question in enumerate(asked.values(), start=1):
        answer(document, number, question, runs, seeds)
        if question is asked["both"]:
            draw_predictions(document, asked, runs, setting.seed)
            attach_predictions(document, question, runs, setting.seed)
        if question is asked["activations"]:
            draw_gradients(document, question, runs, seeds)
    convolution = compare_convolutions(document, len(asked) + 1, setting.seed)
    return close_report(document, [*claims(asked, runs, seeds), convolution])


LAB = Lab("two-layer", TITLE, run)
