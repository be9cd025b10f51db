"""Comparisons: the same numbers whatever the workers, and after an interruption."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.chain import Chain
from chainrule.errors import ConfigError, RunFolderError, UnknownNameError
from chainrule.experiments.comparison import (
    Comparison,
    conclude,
    grid,
    parse_vary,
    planned,
    read_comparison,
    run_comparison,
    write_plan,
)
from chainrule.experiments.results import Results, RunResult
from chainrule.network import Network
from chainrule.types import Array

pytestmark = pytest.mark.usefixtures("undrawn")
BASE = {"data": "digits", "epochs": 2, "hidden": [8]}
NESTEROV = "sgd(momentum=0.9, nesterov=True)"
THREE = grid({"learning_rate": [0.001, 0.01, 0.1]})


@pytest.fixture
def executor() -> Executor:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_grid_has_every_combination() -> None:
    assert grid({"optimizer": ["sgd", "adam"], "hidden": [[8], [8, 4]]}) == {
        "optimizer=sgd, hidden=[8]": {"optimizer": "sgd", "hidden": [8]},
        "optimizer=sgd, hidden=[8,4]": {"optimizer": "sgd", "hidden": [8, 4]},
        "optimizer=adam, hidden=[8]": {"optimizer": "adam", "hidden": [8]},
        "optimizer=adam, hidden=[8,4]": {"optimizer": "adam", "hidden": [8, 4]},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("learning-rate=0.01,1", ("learning_rate", [0.01, 1])),
        (
            "optimizer=sgd(momentum=0.9, nesterov=True),adam",
            ("optimizer", ["sgd(momentum=0.9, nesterov=True)", "adam"]),
        ),
        ("hidden=32,[64,32]", ("hidden", [[32], [64, 32]])),
        ("batch_size=full,32", ("batch_size", ["full", 32])),
    ],
)
def test_vary_on_the_command_line(text: str, expected: tuple[str, list[object]]) -> None:
    assert parse_vary(text) == expected


def test_results_have_a_line_for_each_run(tmp_path: Path, executor: Executor) -> None:
    out = tmp_path / "out"
    results = run_comparison(Comparison(BASE, THREE, (0, 1), target=0.15), out, executor)
    lines = rows(out)
    assert len(lines) == 6
    for line in lines:
        folder = out / "runs" / line["variant"] / f"seed-{line['seed']}"
        record = json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])
        assert float(line["validation_accuracy"]) == record["validation_accuracy"]
    assert results.metric == "validation_accuracy"
    described = json.loads((out / "results.json").read_text())
    assert [v["name"] for v in described["variants"]] == list(THREE)
    assert described["variants"][0]["differences"] == {}
    assert "epochs_to_target" in described["variants"][2]["estimates"]


def test_where_the_best_weights_are_put_back_a_run_has_the_numbers_of_their_epoch(
    tmp_path: Path, executor: Executor
) -> None:
    base = {"data": "moons", "samples": 60, "learning_rate": 0.3, "epochs": 30}
    comparison = Comparison({**base, "early_stopping": 3}, {"eight": {"hidden": [8]}}, (0,))
    out = tmp_path / "out"
    run_comparison(comparison, out, executor)
    lines = (out / "runs/eight/seed-0/metrics.jsonl").read_text().splitlines()
    losses = [json.loads(line)["validation_loss"] for line in lines]
    assert min(losses) < losses[-1]
    assert float(rows(out)[0]["validation_loss"]) == min(losses)


def test_the_test_part_is_looked_at_for_the_chosen_variant_alone(
    tmp_path: Path, executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def judge(network: Network, outputs: Array, y: Array, *others: Any) -> dict[str, float]:
        looks.append(len(y))
        return Chain.judge(network, outputs, y, *others)

    monkeypatch.setattr(Network, "judge", judge)
    results = run_comparison(Comparison(BASE, THREE, (0, 1)), tmp_path, executor)
    by_validation = {
        name: np.mean([r.numbers["validation_accuracy"] for r in results.runs if r.variant == name])
        for name in THREE
    }
    chosen = max(by_validation, key=by_validation.__getitem__)
    assert results.chosen.name == chosen
    assert looks.count(360) == 2  # the test part, once for each seed; others are of validation
    tested = {line["variant"] for line in rows(tmp_path) if line["test_accuracy"]}
    assert tested == {chosen}
    described = json.loads((tmp_path / "results.json").read_text())
    assert described["chosen"] == chosen
    mean = np.mean([r.numbers["test_accuracy"] for r in results.runs if r.variant == chosen])
    assert f": {100 * mean:.2f} ± " in results.sentences()[-1]
    assert "measured for this variant alone" in described["sentences"][-1]
    run_comparison(Comparison(BASE, THREE, (0, 1)), tmp_path, executor)
    assert looks.count(360) == 2  # nor is it looked at again


def choice(options: dict[str, Any], out: Path, executor: Executor) -> str:
    """What a comparison of two seeds says of its choice."""
    variants = grid({"learning_rate": [0.001, 0.1]})
    return run_comparison(Comparison(options, variants, (0,)), out, executor).choice()


def test_a_choice_without_a_test_part_says_that_it_flatters(
    tmp_path: Path, executor: Executor
) -> None:
    table = tmp_path / "points.csv"
    table.write_text("x,label\n" + "".join(f"{i / 10},{'ab'[i % 2]}\n" for i in range(40)))
    options = {"data": str(table), "epochs": 2}
    assert "there is no test part" in choice(options, tmp_path / "out", executor)
    record = next((tmp_path / "out").glob("runs/*/*/metrics.jsonl")).read_text()
    assert "validation_accuracy" in record  # a fifth is held out, though 40 are few


def test_a_choice_without_validation_says_what_it_is_worth(
    tmp_path: Path, executor: Executor
) -> None:
    said = choice({**BASE, "validation": 0}, tmp_path, executor)
    assert said.startswith("The best accuracy is that of learning_rate=0.")
    assert "on what it was trained on: nothing was held out to choose by" in said


def results_of(**accuracies: list[float | None]) -> Results:
    """Those of variants, a seed for each number; None where a run failed."""
    return Results(
        [
            RunResult(name, seed, {}, {}, "failed")
            if value is None
            else RunResult(name, seed, {"validation_accuracy": value}, {})
            for name, values in accuracies.items()
            for seed, value in enumerate(values)
        ]
    )


def test_a_variant_that_failed_in_part_is_not_chosen() -> None:
    assert results_of(a=[0.8, 0.8], b=[0.9, None]).chosen.name == "a"
    assert results_of(a=[None, None], b=[0.9, None]).chosen.name == "b"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([0.85], "b: validation accuracy 5.00 points lower than a (1 seed): 1 seed is too few to"),
        ([0.85, 0.86], "2 seeds are too few to tell; run 5."),
        ([0.85, 0.86, 0.87], "b: validation accuracy 5.00 points lower than a (3 seeds): the same"),
        ([0.85, 0.86, 0.88], "(95 % interval -6.10 to -3.23 points, effect size -8.1, 3 seeds): w"),
    ],
)
def test_what_the_seeds_say_of_a_difference(values: list[float], sentence: str) -> None:
    said = results_of(a=[0.90, 0.91, 0.92][: len(values)], b=values).sentences()[0]
    assert sentence in said


def test_several_differences_are_corrected_for_their_number_and_it_is_said() -> None:
    first, second = [0.90, 0.91, 0.92, 0.90, 0.91], [0.92, 0.92, 0.94, 0.91, 0.92]
    alone = results_of(a=first, b=second)
    assert alone.judgement()[0][4] == "its 95 % interval"
    assert not alone.correction()
    assert "(95 % interval 0.72 to 2.08 points" in alone.differences()[0]  # p = 0.0049

    others = {name: [*first[:4], 0.93 + number / 100] for number, name in enumerate("cdef")}
    among = results_of(a=first, b=second, **others)
    assert "The 5 differences are corrected" in among.sentences()[-2]
    assert among.judgement()[0][4] == "its interval"
    gap = among.variants()[1].differences["validation_accuracy"]
    assert gap.confidence == pytest.approx(0.99)  # 0.0049 is the smallest of five, below 0.05 / 5
    assert gap.is_certain
    assert not among.variants()[2].differences["validation_accuracy"].is_certain


def test_the_legend_says_what_the_table_holds() -> None:
    first, second = [0.90, 0.91, 0.92], [0.93, 0.92, 0.94]
    told = results_of(a=first, b=second).legend()
    assert told == "± is the standard deviation over the seeds; intervals are Student's t, 95 %."
    several = results_of(a=first, b=second, c=[0.91, 0.90, 0.94])
    assert several.legend().endswith("Student's t, 95 %, for differences 97.5 %.")
    at_the_limit = results_of(a=first, b=[0.97, 0.98, 1.0]).legend()
    assert (
        "an interval here reaches where no validation accuracy can be, and is not" in at_the_limit
    )


COMMAND = [
    sys.executable, "-m", "chainrule", "compare", "digits", "--epochs", "40", "--hidden", "8",
    "--vary", "learning_rate=0.001,0.1", "--seeds", "2", "--out", "out",
]  # fmt: skip


def finished_runs(place: Path) -> list[Path]:
    """The summaries of finished runs."""
    summaries = place.glob("out/runs/*/seed-?/summary.json")
    return [path for path in summaries if json.loads(path.read_text())["finished"]]


def test_the_results_do_not_depend_on_workers_or_interruptions(
    tmp_path: Path, executor: Executor
) -> None:
    (tmp_path / "two").mkdir()
    subprocess.run([*COMMAND, "--workers", "2", "--quiet"], cwd=tmp_path / "two", check=True)
    run_comparison(planned(tmp_path / "two/out"), tmp_path / "one/out", executor)
    killed = tmp_path / "killed"
    killed.mkdir()
    process = subprocess.Popen(
        [*COMMAND, "--workers", "2"],
        cwd=killed,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not finished_runs(killed):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    networks = [path.with_name("model.safetensors") for path in finished_runs(killed)]
    finished = {path: path.stat().st_mtime_ns for path in networks}
    assert finished
    subprocess.run([*COMMAND, "--quiet"], cwd=killed, check=True)

    results = [(tmp_path / n / "out/results.csv").read_bytes() for n in ("one", "two", "killed")]
    assert results[0] == results[1] == results[2]
    assert len(results[0].splitlines()) == 5
    assert all(path.stat().st_mtime_ns == then for path, then in finished.items())


def test_a_run_that_fails_is_reported_and_the_others_go_on(
    tmp_path: Path, executor: Executor
) -> None:
    variants = {
        "good": {"optimizer": "adam"},
        "wild": {"optimizer": "sgd", "learning_rate": 1e8, "loss": "mean_squared_error"},
    }
    told = []
    results = run_comparison(
        Comparison(BASE, variants, (0, 1)),
        tmp_path,
        executor,
        lambda task, error: told.append((task.variant, error is None)),
    )
    assert sorted(set(told)) == [("good", True), ("wild", False)]
    assert [bool(line["error"]) for line in rows(tmp_path)] == [False, True, False, True]
    assert "lower the learning rate" in rows(tmp_path)[1]["error"]
    assert results.sentences() == [
        "wild: no run to compare with good.",
        results.choice(),
    ]
    assert results.chosen.name == "good"


def test_a_file_says_the_same_as_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "comparison.toml"
    file.write_text(
        'data = "digits"\nseeds = 2\ntarget = 0.9\n[vary]\nlearning_rate = [0.001, 0.01]\n'
    )
    expected = Comparison({"data": "digits"}, grid({"learning_rate": [0.001, 0.01]}), (0, 1), 0.9)
    assert read_comparison(file) == expected
    again = tmp_path / "again.toml"
    again.write_text(expected.to_toml())
    assert read_comparison(again) == expected


def test_layers_can_vary(tmp_path: Path, executor: Executor) -> None:
    variants = {
        "plain": {"layers": ["flatten", "dense(8)", "relu", "dense(10)"]},
        "normalized": {"layers": ["flatten", "dense(8)", "batchnorm", "relu", "dense(10)"]},
    }
    results = run_comparison(Comparison(BASE, variants, (0,)), tmp_path, executor)
    assert [run.numbers["parameters"] for run in results.runs] == [610, 626]


BAD = {
    "nothing varies": (lambda: Comparison(BASE, {}), "nothing to compare"),
    "no seeds": (lambda: Comparison(BASE, THREE, ()), "seeds are different whole numbers"),
    "a seed twice": (lambda: Comparison(BASE, THREE, (1, 1)), "seeds are different whole numbers"),
    "an empty grid": (lambda: grid({"epochs": []}), "vary epochs over a list"),
    "an unknown option": (lambda: grid({"epoch": [1]}), "write 'epochs'|did you mean 'epochs'"),
    "no values": (lambda: parse_vary("epochs="), "write --vary NAME=A,B"),
    "a value that cannot be": (
        lambda: Comparison(BASE, grid({"epochs": [1, 0]})),
        "epochs should be greater than or equal to 1; received 0",
    ),
    "two of one name": (
        lambda: Comparison(BASE, {"a b": {"epochs": 1}, "a_b": {"epochs": 2}}),
        "would share the folder a_b",
    ),
}


@pytest.mark.parametrize(("make", "message"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_compared(make: object, message: str) -> None:
    with pytest.raises((ConfigError, UnknownNameError), match=message):
        make()


def test_a_variant_without_a_name(tmp_path: Path) -> None:
    file = tmp_path / "comparison.toml"
    file.write_text('data = "digits"\n[[variants]]\nepochs = 3\n')
    with pytest.raises(ConfigError, match="a table with a name"):
        read_comparison(file)


def test_another_comparison_in_the_same_folder(tmp_path: Path, executor: Executor) -> None:
    run_comparison(Comparison(BASE, THREE, (0,)), tmp_path, executor)
    with pytest.raises(RunFolderError, match="holds another comparison"):
        run_comparison(Comparison({**BASE, "epochs": 1}, THREE, (0, 1)), tmp_path, executor)


def test_seeds_can_be_added_but_not_taken_away(tmp_path: Path, executor: Executor) -> None:
    few, more = Comparison(BASE, THREE, (0,)), Comparison(BASE, THREE, (0, 1))
    run_comparison(few, tmp_path / "out", executor)
    networks = sorted(tmp_path.glob("out/runs/*/seed-0/model.safetensors"))
    made = [path.stat().st_mtime_ns for path in networks]
    write_plan(more, tmp_path / "out")
    assert not (tmp_path / "out/results.json").exists()  # of fewer seeds than are planned
    with pytest.raises(RunFolderError, match="seeds were added"):
        conclude(few, tmp_path / "out")  # by a process that knows nothing of the new ones
    assert len(run_comparison(more, tmp_path / "out", executor).runs) == 6
    assert [path.stat().st_mtime_ns for path in networks] == made
    with pytest.raises(
        RunFolderError, match=r"with 2 seeds \(0, 1\): ask for all of them, or more"
    ):
        run_comparison(few, tmp_path / "out", executor)


def test_a_variant_tested_before_seeds_were_added_is_named() -> None:
    results = results_of(a=[0.90, 0.80], b=[0.85, 0.90])
    results.runs[0].numbers["test_accuracy"] = 0.9
    for run in results.runs[2:]:
        run.numbers["test_accuracy"] = 0.88
    assert "measured for this variant and for a, chosen with fewer seeds: 88." in results.choice()


@pytest.mark.parametrize("content", ["{", '{"accuracy": 1}'])
def test_a_run_that_cannot_be_read(tmp_path: Path, executor: Executor, content: str) -> None:
    comparison = Comparison(BASE, THREE, (0,))
    run_comparison(comparison, tmp_path, executor)
    summary = next(tmp_path.glob("runs/*/seed-0/summary.json"))
    summary.write_text(content)
    with pytest.raises(RunFolderError, match=r"is damaged.* remove .*seed-0, and it is run again"):
        run_comparison(comparison, tmp_path, executor)
    shutil.rmtree(summary.parent)
    run_comparison(comparison, tmp_path, executor)


def test_results_are_json_that_any_program_reads(tmp_path: Path, executor: Executor) -> None:
    run_comparison(Comparison(BASE, THREE, (0,)), tmp_path, executor)  # one seed: no interval
    text = (tmp_path / "results.json").read_text()
    described = json.loads(text, parse_constant=lambda word: pytest.fail(f"not JSON: {word}"))
    assert described["variants"][1]["differences"]["validation_accuracy"]["low"] is None


def test_a_target_that_some_runs_never_reach_is_counted(tmp_path: Path, executor: Executor) -> None:
    results = run_comparison(
        Comparison({**BASE, "epochs": 1}, grid({"learning_rate": [0.02, 1e-9]}), (0, 1), 0.3),
        tmp_path,
        executor,
    )
    headers, (fast, slow) = results.costs()
    assert "time to predict" not in headers  # measured once, and beside other runs
    column = headers.index("epochs to target")
    assert fast[column].startswith("1")
    assert slow[column] == ""
