"""What the lab's report says beside what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from chainrule.experiments.statistics import difference
from chainrule.labs.lab import Claim, gain, percent, plain
from chainrule.labs.two_layer.questions import LONGER, Question
from chainrule.labs.two_layer.training import EPOCHS, Runs, Trained, Training


def claims(asked: dict[str, Question], runs: Runs, seeds: Sequence[int]) -> Iterator[Claim]:
    """What the lab's report says beside what was measured."""

    def found(question: str, name: str) -> list[Trained]:
        training = asked[question].trainings[name]
        return [runs[training, seed] for seed in seeds]

    def unseen_by_seed(training: Training) -> list[float]:
        return [runs[training, seed].unseen for seed in seeds]

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
    clipped = found("activations", without := "none, no sigmoid at the output")
    others = [
        run
        for name in asked["activations"].trainings
        for run in found("activations", name)
        if name != without
    ]
    yield Claim(
        "gradients clipped to [-1024, 1023]",
        "done",
        f"largest number in a gradient: {largest(others):.2f} with an activation at the output, "
        f"{largest(clipped):,.0f} without",
        "clipping matters only where no layer has an activation",
    )
    yield improvement(found("optimizers", "Adam, rate 0.03"), found("both", "XOR"))


def largest(found: Iterable[Trained]) -> float:
    """The largest number in any gradient of some trainings."""
    return max(run.largest_gradient for run in found)


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
