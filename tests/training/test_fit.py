"""Training with `fit`: what an epoch visits, what is reported, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import (
    ArgumentError,
    DataError,
    ShapeError,
    TargetError,
    TrainingError,
    UnknownNameError,
)
from chainrule.trainer import Trainer

N = 50
rng = np.random.default_rng(0)
X = rng.standard_normal((N, 3))
LABELS = (X[:, 0] > X[:, 1]).astype(int)
NUMBERS = X @ [1.0, -2.0, 0.5]


def classifier(seed: int = 0) -> cr.Network:
    return cr.Network([cr.Dense(8), cr.Tanh(), cr.Dropout(0.2), cr.Dense(2)], 3, seed=seed)


def layer_by_layer(seed: int = 0) -> cr.Network:
    """The same, where every step can be watched."""
    network = classifier(seed)
    network.engine = "numpy"
    return network


def fit(network: cr.Network, x: Any = X, y: Any = LABELS, **options: Any) -> cr.History:
    return network.fit(x, y, **{"epochs": 3, "batch_size": 16, "quiet": True, **options})


class Witness(cr.Callback):
    """Keeps the inputs of every step that runs in NumPy, and what the trainer told."""

    def __init__(self) -> None:
        self.batches: list[np.ndarray] = []
        self.events: list[str] = []

    def training_starts(self, trainer: Trainer) -> None:
        self.events.append("training starts")
        forward = trainer.network.forward

        def remembering(x: Any, training: bool = False) -> Any:
            if training:
                self.batches.append(np.array(x))
            return forward(x, training)

        trainer.network.forward = remembering

    def step_ends(self, trainer: Trainer) -> None:
        self.events.append(f"step {trainer.moment.step} ends")

    def epoch_ends(self, trainer: Trainer) -> None:
        self.events.append(f"epoch {len(trainer.history)} ends")

    def training_ends(self, trainer: Trainer) -> None:
        self.events.append("training ends")


class InterruptAt(cr.Callback):
    """Ctrl-C in a given step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def step_ends(self, trainer: Trainer) -> None:
        if trainer.moment.step == self.step:
            raise KeyboardInterrupt


# --- it learns ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_epochs_that_are_run_ahead_have_the_losses_of_those_that_are_not(seed: int) -> None:
    """How many are run ahead depends on how fast the machine is."""

    class LooksAtEach(cr.Callback):
        pass

    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((5, 20)), rng.standard_normal((5, 3))
    losses = []
    for callbacks in ([], [LooksAtEach()]):
        net = cr.Network([cr.Dense(20), cr.ReLU(), cr.Dense(3)], 20, dtype="float64")
        history = net.fit(
            x, y, loss="mean_squared_error", epochs=30, batch_size="full", callbacks=callbacks,
            quiet=True,
        )  # fmt: skip
        losses.append(history["loss"])
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    "optimizer",
    [
        *["sgd(0.5)", "sgd(0.1, momentum=0.9, nesterov=True)"],
        *["adagrad(0.1)", "adadelta", "rmsprop"],
        *["adam(0.01)", "amsgrad(0.01)", "adamw(0.01)", "nadam(0.01)", "lion(0.003)"],
    ],
)
def test_every_optimizer_learns_the_line(optimizer: str) -> None:
    network = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(2)], 3)
    history = fit(network, optimizer=optimizer, epochs=150, batch_size=10, metrics=["accuracy"])
    assert history["accuracy"][-1] >= 0.96
    assert history["loss"][-1] < 0.5 * history["loss"][0]


def test_xor_with_a_single_output() -> None:
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    network = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(1)], 2, seed=3)
    settings = {"loss": "binary_cross_entropy", "optimizer": "adam(0.05)", "metrics": ["accuracy"]}
    history = fit(network, x, y, epochs=200, batch_size="full", **settings)
    assert history["accuracy"][-1] == 1


def test_regression_finds_the_weights() -> None:
    network = cr.Network([cr.Dense(1)], 3, dtype="float64")
    settings = {"loss": "mean_squared_error", "optimizer": "sgd(0.1)", "metrics": ["r2"]}
    history = fit(network, X, NUMBERS, epochs=200, **settings)
    np.testing.assert_allclose(network.parameters["0.W"].ravel(), [1, -2, 0.5], atol=1e-6)
    assert history["r2"][-1] == pytest.approx(1)


# --- what an epoch visits -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("batch_size", "sizes"),
    [
        (16, [16, 16, 16, 2]),
        (1, [1] * N),
        (50, [50]),
        (1000, [50]),
        ("full", [50]),
    ],
)
def test_an_epoch_visits_every_example_once(batch_size, sizes) -> None:
    witness = Witness()
    fit(layer_by_layer(), batch_size=batch_size, epochs=1, callbacks=[witness])
    assert [len(batch) for batch in witness.batches] == sizes
    seen = np.concatenate(witness.batches)
    np.testing.assert_array_equal(np.sort(seen[:, 0]), np.sort(X[:, 0]))


def test_batches_are_shuffled_anew_each_epoch() -> None:
    witness = Witness()
    fit(layer_by_layer(), epochs=2, callbacks=[witness])
    first, second = witness.batches[:4], witness.batches[4:]
    assert not np.array_equal(first[0], X[:16])
    assert not np.array_equal(first[0], second[0])


@pytest.mark.parametrize(("samples", "sizes"), [(20, [16, 4]), (16, [16]), (5, [5])])
def test_an_epoch_of_random_samples_has_no_repeats(samples: int, sizes) -> None:
    witness = Witness()
    fit(layer_by_layer(), samples_per_epoch=samples, epochs=2, callbacks=[witness])
    assert [len(batch) for batch in witness.batches] == sizes * 2
    epochs = np.split(np.concatenate(witness.batches), 2)
    assert all(len(np.unique(epoch, axis=0)) == samples for epoch in epochs)
    assert not np.array_equal(*epochs)


def test_more_samples_than_examples_come_with_repeats() -> None:
    witness = Witness()
    fit(layer_by_layer(), samples_per_epoch=120, epochs=1, callbacks=[witness])
    assert sum(map(len, witness.batches)) == 120


def test_fresh_data_is_drawn_for_each_epoch() -> None:
    epochs: list[int] = []

    def draw(epoch: int) -> tuple[np.ndarray, np.ndarray]:
        epochs.append(epoch)
        x = np.random.default_rng(epoch).standard_normal((20, 3))
        return x, (x[:, 0] > 0).astype(int)

    witness = Witness()
    history = fit(layer_by_layer(), draw, None, callbacks=[witness], validation=(X, LABELS))
    assert sorted(set(epochs)) == [1, 2, 3]
    for epoch in (1, 2, 3):  # of two steps each, the first of 16 examples and the second of 4
        seen = np.concatenate(witness.batches[2 * epoch - 2 : 2 * epoch])
        np.testing.assert_array_equal(np.sort(seen, axis=0), np.sort(draw(epoch)[0], axis=0))
    assert len(history["validation_loss"]) == 3


def test_weights_make_examples_count() -> None:
    """An example of weight 0 is as good as absent, for the mean over the weights."""
    weights = np.where(np.arange(N) < 30, 2.0, 0.0)
    weighted, without = classifier(), classifier()
    settings = {"optimizer": "sgd", "batch_size": "full", "epochs": 1}
    for network in (weighted, without):
        network.layers[2].rate = 0.0
    one = fit(weighted, weights=weights, **settings)
    other = fit(without, X[:30], LABELS[:30], **settings)
    assert one["loss"] == pytest.approx(other["loss"])
    np.testing.assert_allclose(weighted.parameters.flat, without.parameters.flat, rtol=1e-5)


# --- validation ---------------------------------------------------------------------------


@pytest.mark.parametrize(("part", "held_out"), [(0.2, 10), (10, 10), (1, 1), (0.5, 25)])
def test_a_part_is_held_out_and_never_trained_on(part, held_out: int) -> None:
    witness = Witness()
    history = fit(layer_by_layer(), validation=part, metrics=["accuracy"], callbacks=[witness])
    trained_on = np.unique(np.concatenate(witness.batches), axis=0)
    assert len(trained_on) == N - held_out
    assert len(history["validation_loss"]) == len(history["validation_accuracy"]) == 3


@pytest.mark.parametrize("pair", [tuple, list])
def test_given_validation_data_is_judged_after_each_epoch(pair) -> None:
    network = classifier()
    history = fit(network, validation=pair((X[:7], LABELS[:7])), metrics=["accuracy", "f1"])
    report = network.evaluate(X[:7], LABELS[:7])
    assert {f"validation_{name}": value for name, value in report.items()}.items() <= history[
        -1
    ].items()


@pytest.mark.parametrize("part", [0.0, 1.0, 0.001, 0, 50, -1, 1.5])
def test_parts_that_leave_nothing(part) -> None:
    with pytest.raises(ArgumentError, match=rf"validation={part} would hold out"):
        fit(classifier(), validation=part)


def test_fresh_data_cannot_be_held_out() -> None:
    with pytest.raises(ArgumentError, match="give the validation data itself"):
        fit(classifier(), lambda epoch: (X, LABELS), None, validation=0.2)


# --- the history --------------------------------------------------------------------------


def test_the_history_has_a_record_for_each_epoch() -> None:
    def largest(outputs: np.ndarray, targets: np.ndarray) -> float:
        return float(outputs.max())

    history = fit(classifier(), metrics=["accuracy", "f1", largest], validation=0.2)
    assert list(history[-1]) == [
        *["epoch", "loss", "accuracy", "f1", "largest", "learning_rate"],
        *["validation_loss", "validation_accuracy", "validation_f1", "validation_largest"],
        "seconds",
    ]
    assert history["epoch"] == [1, 2, 3]
    assert (len(history), history.stopped) == (3, None)


def test_the_reported_loss_is_that_of_each_batch_before_its_update() -> None:
    network = cr.Network([cr.Dense(2)], 3, dtype="float64")
    expected = network.evaluate(X, LABELS, "softmax_cross_entropy", ["accuracy"])
    history = fit(network, optimizer="sgd(1e-12)", epochs=1, metrics=["accuracy"])
    assert history["loss"][0] == pytest.approx(expected["loss"])
    assert history["accuracy"][0] == expected["accuracy"]


def test_a_sum_is_reported_as_a_sum() -> None:
    network = cr.Network([cr.Dense(2)], 3, dtype="float64")
    loss = cr.SoftmaxCrossEntropy(reduction="sum")
    expected = network.evaluate(X, LABELS, loss, [])
    history = fit(network, loss=loss, optimizer="sgd(1e-12)", epochs=1)
    assert history["loss"][0] == pytest.approx(expected["loss"])


def test_a_number_that_was_not_recorded() -> None:
    with pytest.raises(UnknownNameError, match="'accuracy' was not recorded; there are: epoch, lo"):
        fit(classifier())["accuracy"]


def test_the_schedule_moves_the_learning_rate() -> None:
    history = fit(classifier(), optimizer="sgd(0.8)", schedule="step(1, decay=0.5)", epochs=4)
    assert history["learning_rate"] == pytest.approx([0.8, 0.4, 0.2, 0.1])


def test_lines_are_shown_unless_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    fit(classifier())
    assert capsys.readouterr().out == ""
    fit(classifier(), quiet=False, metrics=["accuracy"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("epoch 1/3   loss 0.")
    assert " %" in lines[0]


# --- callbacks, early stopping, interruption ----------------------------------------------


def test_callbacks_are_told_what_happens_in_order() -> None:
    witness = Witness()
    fit(classifier(), batch_size=25, epochs=2, callbacks=[witness])
    assert witness.events == [
        "training starts",
        *["step 0 ends", "step 1 ends", "epoch 1 ends"],
        *["step 2 ends", "step 3 ends", "epoch 2 ends"],
        "training ends",
    ]


class Script(cr.Callback):
    """Replaces the validation losses by given ones, and marks the weights with the epoch."""

    def __init__(self, losses: list[float]) -> None:
        self.losses = losses

    def epoch_ends(self, trainer: Trainer) -> None:
        epoch = len(trainer.history)
        trainer.history[-1]["validation_loss"] = self.losses[epoch - 1]
        trainer.history[-1]["validation_accuracy"] = -self.losses[epoch - 1]
        trainer.network.parameters.flat[:] = epoch
        trainer.network.buffers.flat[:] = epoch


@pytest.mark.parametrize("monitor", [None, "validation_loss", "validation_accuracy"])
@pytest.mark.parametrize(
    ("options", "losses", "epochs", "best"),
    [
        ({"patience": 2}, [5, 3, 4, 4, 1], 4, 2),
        ({"patience": 1}, [5, 6, 1, 1, 1], 2, 1),
        ({"patience": 3}, [5, 3, 4, 4, 2], 5, 5),
        ({"patience": 2}, [5, 4, 3, 2, 1], 5, 5),
        ({"patience": 2}, [5, 5, 5, 5, 1], 3, 1),
        ({"patience": 2, "min_change": 1}, [5, 4.5, 4.2, 1, 1], 3, 1),
    ],
)
def test_early_stopping_goes_back_to_the_best_weights(
    monitor, options, losses, epochs: int, best: int
) -> None:
    network = cr.Network([cr.Dense(2), cr.BatchNorm()], 3)
    stopping = cr.EarlyStopping(**options, monitor=monitor)
    history = fit(
        network,
        epochs=5,
        validation=0.2,
        metrics=["accuracy"],
        callbacks=[Script(losses), stopping],
    )
    assert len(history) == epochs
    assert (history.stopped is not None) == (epochs < 5)
    assert (network.parameters.flat == best).all()
    assert (network.buffers.flat == best).all()
    assert stopping.best_epoch == best


@pytest.mark.parametrize(
    ("monitor", "mode", "epochs"), [(None, "max", 3), ("validation_accuracy", "min", 3)]
)
def test_early_stopping_may_be_told_what_is_better(monitor, mode: str, epochs: int) -> None:
    stopping = cr.EarlyStopping(2, monitor, mode=mode)
    history = fit(
        cr.Network([cr.Dense(2), cr.BatchNorm()], 3),
        epochs=5,
        validation=0.2,
        metrics=["accuracy"],
        callbacks=[Script([5, 4, 3, 2, 1]), stopping],
    )
    assert len(history) == epochs
    with pytest.raises(UnknownNameError, match="no mode is called 'maximum'; did you mean 'max'"):
        cr.EarlyStopping(mode="maximum")


def test_early_stopping_watches_the_loss_where_there_is_no_validation() -> None:
    history = fit(classifier(), optimizer="sgd(1e-12)", callbacks=[cr.EarlyStopping(min_change=1)])
    assert len(history) == 3


def test_ctrl_c_ends_training_with_what_was_learnt() -> None:
    network, untrained = classifier(), classifier()
    witness = Witness()
    history = fit(network, epochs=9, callbacks=[witness, InterruptAt(step=5)])
    assert history.stopped == "interrupted"
    assert len(history) == 1  # four steps make an epoch; the second was not finished
    assert witness.events[-1] == "training ends"
    assert (network.parameters.flat != untrained.parameters.flat).any()
    assert network.evaluate(X, LABELS)["loss"] > 0  # the network knows its loss


def test_a_callback_can_stop_training() -> None:
    class StopAtOnce(cr.Callback):
        def epoch_ends(self, trainer: Trainer) -> None:
            trainer.stop("seen enough")

    history = fit(classifier(), callbacks=[StopAtOnce()])
    assert (len(history), history.stopped) == (1, "seen enough")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loss_that_is_no_number_ends_training(dtype: str) -> None:
    network = cr.Network([cr.Dense(4), cr.Dense(1)], 3, dtype=dtype)
    with pytest.raises(TrainingError, match=r"the loss became (inf|nan) in step \d+ \(epoch \d+\)"):
        fit(network, X, NUMBERS, loss="mean_squared_error", optimizer="sgd(1e6)", epochs=200)


def test_inputs_that_are_no_numbers_end_training() -> None:
    x = X.copy()
    x[7, 1] = np.nan
    with pytest.raises(
        DataError, match=r"the loss became nan in step 1 \(epoch 1\), since example 7 of"
    ):
        fit(classifier(), x, batch_size="full")


# --- the same bits again ------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 1},
        {"samples_per_epoch": 20},
        {"validation": 0.2},
        {"optimizer": "nadam", "schedule": "one_cycle"},
    ],
)
def test_the_same_seed_gives_the_same_bits(options) -> None:
    networks = [classifier(seed) for seed in (1, 1, 2)]
    losses = [fit(network, **options)["loss"] for network in networks]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]
    np.testing.assert_array_equal(networks[0].parameters.flat, networks[1].parameters.flat)


def test_a_later_epoch_does_not_depend_on_running_the_earlier_ones() -> None:
    """Epoch 3 alone, from the weights that epoch 2 left, is epoch 3."""

    class Snapshot(cr.Callback):
        def epoch_ends(self, trainer: Trainer) -> None:
            if len(trainer.history) == 2:
                self.weights = trainer.network.parameters.flat.copy()

    class BeginsWithEpochThree(cr.Callback):
        def training_starts(self, trainer: Trainer) -> None:
            trainer.network.parameters.flat[:] = snapshot.weights
            trainer.history.records += [{"epoch": 1}, {"epoch": 2}]

    network, alone = classifier(), classifier()
    snapshot = Snapshot()
    fit(network, optimizer="sgd", callbacks=[snapshot])
    fit(alone, optimizer="sgd", callbacks=[BeginsWithEpochThree()])
    np.testing.assert_array_equal(alone.parameters.flat, network.parameters.flat)


def test_a_memory_mapped_set_trains_as_one_in_memory(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    networks = [classifier(), classifier()]
    losses = [
        fit(network, x, validation=0.2)["loss"]
        for network, x in zip(networks, (X, mapped), strict=True)
    ]
    assert losses[0] == losses[1]


# --- what does not fit --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"y": None}, DataError, "y is missing"),
        ({"x": X[:0], "y": LABELS[:0]}, DataError, "the training data is empty"),
        ({"y": LABELS[:-1]}, DataError, "x has 50 examples but y has 49 targets"),
        ({"x": X[:, :2]}, ShapeError, r"expects x of shape \(N, 3\), received \(50, 2\)"),
        ({"y": LABELS + 1}, TargetError, "class 2 is out of range: the network has 2 outputs"),
        ({"y": LABELS.astype(float)}, TargetError, "class numbers are integers"),
        ({"y": LABELS.astype(str)}, DataError, "y holds text or Python objects, such as .*'1'"),
        ({"epochs": 0}, ArgumentError, "epochs is a whole number, 1 or more; received 0"),
        ({"batch_size": 0}, ArgumentError, "batch_size is a whole number, 1 or more; received 0"),
        ({"batch_size": "ful"}, UnknownNameError, "did you mean 'full'"),
        ({"samples_per_epoch": 0}, ArgumentError, "samples_per_epoch is a whole number"),
        ({"weights": np.ones(3)}, DataError, "x has 50 examples but y has 3 targets"),
        ({"weights": -np.ones(N)}, TargetError, "weights are one number, 0 or more"),
        ({"validation": (X[:, :1], LABELS)}, ShapeError, "expects x of shape"),
        ({"validation": (X[:3], LABELS[:2])}, DataError, "validation data: x has 3 examples"),
        ({"optimizer": "adamm"}, UnknownNameError, "did you mean 'adam'"),
        ({"loss": "softmaxcrossentrop"}, UnknownNameError, "did you mean 'softmax_cross_entropy'"),
        ({"metrics": ["acuracy"]}, UnknownNameError, "did you mean 'accuracy'"),
        ({"schedule": "cosin"}, UnknownNameError, "did you mean 'cosine'"),
    ],
)
def test_what_does_not_fit(options, error: type[Exception], message: str) -> None:
    network = classifier()
    before = network.parameters.flat.copy()
    with pytest.raises(error, match=message):
        fit(network, **options)
    np.testing.assert_array_equal(network.parameters.flat, before)
