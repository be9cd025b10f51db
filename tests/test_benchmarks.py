"""The benchmarks compare like with like: peers compute what chainrule does, and draws repeat."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from itertools import cycle, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layer_cases import LAYER_CASES, LayerCase
from sweep import some_long

import chainrule as cr
from chainrule.layers.base import walk

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import communication
import draw
from architectures import FEWEST, MOST, MOST_OPERATIONS, drawn
from peers import make_peer
from surroundings import AT_MOST_AVX2, environment
from turns import disagreement
from workload import CROSS_ENTROPY, SQUARES, Workload
from workloads import named

LEFT_OUT = (cr.Activation, cr.Conv1D, cr.ConvTranspose2D, cr.HandWritten, cr.Reshape)
EXAMPLES = 5


def comparable(case: LayerCase) -> bool:
    """True if peers have all its layers, none of which draws masks."""
    kinds = [type(layer) for _, layer in walk(case.make())]
    return not any(issubclass(kind, (*LEFT_OUT, cr.Dropout)) for kind in kinds)


CASES = [case for case in LAYER_CASES if comparable(case)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_layer_in_jax_is_that_of_chainrule(case: LayerCase) -> None:
    import jax

    from peers.jax_layers import Forward
    from peers.jax_steps import as_values

    network, x = case.network(), inputs(case)
    root, parameters = network.root, as_values(network.parameters)
    forward = Forward(root, parameters, as_values(network.buffers), jax.random.key(0))
    y = forward.through(root, x)
    expected, _ = network.forward(x, training=True)
    np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-12)
    for name, average in network.buffers.items():
        np.testing.assert_allclose(forward.averages[name], average, rtol=1e-9, err_msg=name)


def is_in_pytorch(case: LayerCase) -> bool:
    """True if PyTorch has the layer, and what it gives has one order here and there."""
    layer = case.network().layers[0]
    is_pool = isinstance(layer, cr.AveragePool2D)
    is_lopsided = is_pool and layer.windows.before != layer.windows.after
    return not (isinstance(layer, cr.Flatten) or is_lopsided)


@pytest.mark.parametrize("case", list(filter(is_in_pytorch, CASES)), ids=str)
def test_every_layer_in_pytorch_is_that_of_chainrule(case: LayerCase) -> None:
    from peers.pytorch_layers import as_tensor, model_of

    network, x = case.network(), inputs(case)
    y = model_of(network)(as_tensor(x)).detach().numpy()
    expected, _ = network.forward(x, training=True)
    y = y.transpose(0, 2, 3, 1) if y.ndim == 4 else y
    np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-12)


def inputs(case: LayerCase) -> Any:
    return np.random.default_rng(0).standard_normal((EXAMPLES, *case.input_shape))


def workload(optimizer: str, loss: str = CROSS_ENTROPY, flattens: bool = True) -> Workload:
    """A small network in float64 with a part of everything."""

    def layers() -> list[cr.Layer]:
        end = [cr.Flatten(), cr.Dense(5), cr.Tanh()] if flattens else [cr.GlobalAveragePool2D()]
        block = [cr.Conv2D(4, 3, padding="same"), cr.BatchNorm()]
        return [
            cr.Conv2D(4, 3, stride=2, padding="same"), cr.ReLU(), cr.Residual(block), cr.Dropout(),
            cr.Conv2D(4, 3, padding=1, groups=4), *end, cr.LayerNorm(), cr.Dense(3),
        ]  # fmt: skip

    return Workload(
        "small", layers, (6, 8, 2), 20, 4, loss, optimizer, (None, None), dtype="float64"
    )


OPTIMIZERS = [
    "adam", "adamw(weight_decay=0.1)", "rmsprop(learning_rate=0.001)", "sgd(learning_rate=0.1)",
    "sgd(learning_rate=0.1, momentum=0.9)", "sgd(learning_rate=0.1, momentum=0.9, nesterov=True)",
]  # fmt: skip
PEERS = ["JAX", "JAX scan", "PyTorch"]


EACH_OPTIMIZER = set(zip(cycle(PEERS), OPTIMIZERS, strict=False))  # by one peer, in turn


@pytest.mark.parametrize(
    "pair",
    some_long(product(PEERS, OPTIMIZERS), lambda pair: pair not in EACH_OPTIMIZER),
    ids="-".join,
)
def test_peers_train_as_chainrule_does(pair: tuple[str, str]) -> None:
    peer, optimizer = pair
    small = workload(optimizer).without_dropout()
    expected = make_peer("chainrule in NumPy", small, 1).losses(10)
    assert disagreement(make_peer(peer, small, 1).losses(10), expected, "float64") == ""
    assert len(set(expected)) == 10, "two epochs of five steps, none like another"


@pytest.mark.parametrize("peer", PEERS)
def test_peers_have_the_other_loss_and_the_other_head(peer: str) -> None:
    small = workload("adam", SQUARES, flattens=False).without_dropout()
    expected = make_peer("chainrule in NumPy", small, 1).losses(3)
    assert disagreement(make_peer(peer, small, 1).losses(3), expected, "float64") == ""


@pytest.mark.parametrize("peer", some_long(PEERS, lambda peer: peer == "JAX scan"))
def test_masks_are_drawn_where_times_are_taken(peer: str) -> None:
    small = workload("adam")
    with_masks, without = make_peer(peer, small, 1), make_peer(peer, small.without_dropout(), 1)
    assert with_masks.losses(1) != without.losses(1)


def test_losses_are_compared_without_masks_and_in_the_type_asked_for() -> None:
    small = workload("adam")
    assert small.has_dropout
    assert not small.comparison.has_dropout
    assert drawn("3/0").comparison.dtype == "float64"
    assert drawn("3/0").dtype == "float32", "as it is timed"
    plain = replace(small.without_dropout(), layers=lambda: [cr.Flatten(), cr.Dense(3)])
    assert plain.comparison is plain


def test_other_losses_are_noticed() -> None:
    assert disagreement(None, [1.0], "float32") == "failed"
    assert disagreement([1.0, 2.0], [1.0, 2.1], "float32") == "other losses"
    assert disagreement([1.0], [], "float32") == "other losses"
    assert disagreement([1.0], [1.0001], "float64") == "other losses"
    assert disagreement([1.0], [1.0001], "float32") == ""
    assert disagreement([], [1.0], "float32") == "", "some have none to compare"


@pytest.mark.parametrize(
    "number", [*range(4), *(pytest.param(each, marks=pytest.mark.long) for each in range(4, 12))]
)
def test_a_drawn_network_repeats_and_is_within_bounds(number: int) -> None:
    workload, again = drawn(f"3/{number}"), drawn(f"3/{number}")
    network = workload.network()
    assert (workload.title, workload.examples) == (again.title, again.examples)
    assert list(network.parameters) == list(again.network().parameters)
    assert FEWEST <= len(network.parameters.flat) <= MOST
    assert 1 <= workload.batch_size <= 1024
    assert workload.examples % workload.batch_size == 0, "all steps are alike"
    dense_work = sum(layer.W.size for layer in network.layers if isinstance(layer, cr.Dense))
    assert 6 * workload.batch_size * dense_work <= MOST_OPERATIONS


def found(name: str, own: float | None, *others: float) -> dict[str, Any]:
    """What was measured of a network, in seconds."""
    taken = dict(zip(draw.BESIDE, others, strict=True))
    results = {peer: {"seconds": [seconds]} for peer, seconds in taken.items()}
    results["chainrule"] = {"problem": "failed"} if own is None else {"seconds": [own]}
    return {"name": name, "ratio": draw.ratio(results), "results": results}


def test_the_slowest_network_beside_its_peers_comes_first() -> None:
    networks = [found("a", 1, 3, 2), found("b", 1, 0.5, 4), found("c", None, 1, 1)]
    assert [one["ratio"] for one in networks] == [2, 0.5, None]
    assert [one["name"] for one in draw.slowest_first(networks)] == ["c", "b", "a"]
    assert draw.verdict(networks).startswith("1 of 3 networks")
    assert "b (0.50)" in draw.verdict(networks)


def test_an_interrupted_draw_goes_on_only_as_it_began(tmp_path: Path) -> None:
    file, record = tmp_path / "draw.json", {"machine": {"cores": 2, "date": "now"}, "threads": 2}
    assert draw.measured_before(file, record) == []
    file.write_text(json.dumps({**record, "networks": [{"name": "0/0"}]}))
    later = {**record, "machine": {"cores": 2, "date": "later"}}
    assert draw.measured_before(file, later) == [{"name": "0/0"}]
    with pytest.raises(SystemExit, match="another machine"):
        draw.measured_before(file, {**record, "threads": 1})


def test_libraries_choose_for_themselves_unless_they_are_held_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in AT_MOST_AVX2:
        monkeypatch.setenv(name, "something")
    free, narrow = environment(2), environment(1, narrow=True)
    assert not set(AT_MOST_AVX2) & set(free)
    assert free["OMP_NUM_THREADS"] == "2"
    assert "AVX2" in narrow["XLA_FLAGS"]
    assert "multi_thread_eigen=false" in narrow["XLA_FLAGS"]
    assert narrow["CHAINRULE_VECTORS"] == "avx2"


LINK = communication.Link("a link", latency=0.001, bandwidth=1e6)


def test_sums_over_processes_by_hand() -> None:
    """4,000 bytes among 4. Around a ring, 6 messages of 1,000 bytes: 6 (1 ms + 1 ms). Along a tree,
    2 levels there and back, 4,000 bytes each: 4 (1 ms + 4 ms)."""
    assert communication.ring(4_000, 4, LINK) == pytest.approx(0.012)
    assert communication.tree(4_000, 4, LINK) == pytest.approx(0.020)
    assert communication.best(4_000, 4, LINK) == pytest.approx(0.012)
    assert communication.best(4, 1024, LINK) == pytest.approx(20 * (0.001 + 4e-6))


def test_when_several_processes_pay_by_hand() -> None:
    """A step of 12 ms that four processes share takes 3 ms and 3 ms more to talk: half of what they
    could gain. At 1 ms an example, 4 examples take 4 ms in one process, and 1 + 3 ms in four."""
    assert communication.efficiency(0.012, 4, 0.003) == pytest.approx(0.5)
    assert communication.batch_for_half(0.001, 4, 0.003) == pytest.approx(12)
    assert communication.batch_that_is_faster(0.001, 4, 0.003) == pytest.approx(4)


def test_what_sending_while_computing_gains_by_hand() -> None:
    """Of 6 ms of computing, 4 ms are the backward pass. A sum of 2 ms, half of it known early,
    hides 1 ms of 8; one of 10 ms that is known early hides 4 of 16."""
    assert communication.gain_of_overlap(0.006, 0.002, early=0.5) == pytest.approx(8 / 7)
    assert communication.gain_of_overlap(0.006, 0.010, early=1.0) == pytest.approx(16 / 12)


@pytest.mark.parametrize("name", communication.STEPS)
def test_the_model_counts_the_parameters_of_the_workloads(name: str) -> None:
    network = named(name).network()
    first = next(layer for layer in network.layers if isinstance(layer, (cr.Dense, cr.Conv2D)))
    counted = network.parameters.flat.size, first.W.size + first.b.size
    assert counted == communication.STEPS[name][:2]


def test_the_tables_of_communication_stand_in_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    communication.main()
    page = (Path(__file__).parents[1] / "docs/scaling.md").read_text()
    assert capsys.readouterr().out.strip() in page
