"""``chainrule train``: from a data set to a run folder."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import typer

from chainrule.cli.ending import exit_code
from chainrule.cli.options import Quiet, with_train_options
from chainrule.cli.terminal import complain, say_lines
from chainrule.presentation.display import counted, say

if TYPE_CHECKING:
    from chainrule.experiments.config import TrainConfig
    from chainrule.experiments.runner import Outcome, Prepared
    from chainrule.system.processes import Processes

DECIDE_LAYERS = {
    *("data", "model", "hidden", "channels", "activation", "init", "loss"),
    *("dropout", "batch_norm", "weight_decay", "no_bias", "output_activation"),
}


@with_train_options
def train(
    options: dict[str, Any],
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="A data set's name (see `chainrule data list`), or a table, NPZ or IDX file, or a "
            "folder. May be left out with --config.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE.toml",
            help="Take options from a file, such as RUN/config.toml.",
            rich_help_panel="Run",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="NAME",
            help="Take options that go well together: best, or a FILE.toml of your own.",
            rich_help_panel="Run",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="RUN",
            help="The run folder; a new one in runs/ if left out.",
            rich_help_panel="Run",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="RUN",
            help="Continue a run that was interrupted or killed, with the same result to the bit.",
            rich_help_panel="Run",
        ),
    ] = None,
    checkpoint_seconds: Annotated[
        float | None,
        typer.Option(
            "--checkpoint-seconds",
            metavar="N",
            min=0,
            help="Write a checkpoint, from which --resume continues, about every N seconds; if "
            "left out, every minute, or less often if writing takes more than 1 % of the time.",
            rich_help_panel="Run",
        ),
    ] = None,
    checkpoint_epochs: Annotated[
        int | None,
        typer.Option(
            "--checkpoint-epochs",
            metavar="N",
            min=1,
            help="Also write a checkpoint after every N epochs.",
            rich_help_panel="Run",
        ),
    ] = None,
    keep_checkpoints: Annotated[
        int,
        typer.Option(
            "--keep-checkpoints",
            metavar="N",
            min=1,
            help="How many of the newest checkpoints to keep until the run is finished.",
            rich_help_panel="Run",
        ),
    ] = 2,
    quiet: Quiet = False,
) -> None:
    """Train a network and write a run folder.

    The folder holds the configuration, a line of metrics for each epoch, the trained model, its
    learning curves and a summary. Ctrl-C leaves it unfinished, and --resume continues it.

    \b
    Examples:
      chainrule train digits
      chainrule train mnist --hidden 128,64 --epochs 10
      chainrule train mnist --model cnn --epochs 3 --out runs/cnn
      chainrule train emnist47 --recipe best
      chainrule train parabola --hidden 8 --activation tanh --optimizer "sgd(momentum=0.9)"
      chainrule train --config runs/cnn/config.toml --seed 1
      chainrule train --resume runs/cnn
      mpiexec -n 4 chainrule train mnist --batch-size 512
    """
    from chainrule.experiments.run_folder import ENSEMBLE, finish, is_finished
    from chainrule.parallel.mpi import started_processes

    processes = started_processes()
    with processes.ending_together():
        if resume is not None:
            _check_alone(resume, data, config, recipe, out, options)
            if processes.agree(lambda: is_finished(resume) or (resume / ENSEMBLE).is_file()):
                if processes.is_first:
                    finish(resume)  # it may have been killed just before
                    say(f"{resume}/ is finished: there is nothing left to do")
                return
        asked = processes.agree(
            lambda: (
                _configuration(options, data, config, recipe) if resume is None else _begun(resume)
            )
        )
        rhythm = (checkpoint_seconds, checkpoint_epochs, keep_checkpoints)
        if asked.ensemble is not None:
            _train_ensemble(asked, resume, out, rhythm, quiet, processes)
            return
        prepared = _prepare(asked, processes)
        place = processes.agree(lambda: resume or out or _new_place(prepared))
        outcome = _run(prepared, place, rhythm, resume is not None, quiet, processes)
    if outcome is None:
        return
    for problem in outcome.problems:
        complain(f"chainrule: {problem}")
    if not outcome.summary.finished:
        _leave_unfinished(place, f"after {counted(outcome.summary.epochs, 'epoch')}")
    if not quiet:
        _conclude(prepared, outcome, place)


def _prepare(config: TrainConfig, processes: Processes) -> Prepared:
    """Load the data and build the network: the first process before the others, so that what has to
    be downloaded is so once."""
    from chainrule.experiments.runner import prepare

    if processes.count > 1 and config.threads is None:
        config = config.model_copy(update={"threads": processes.threads()})
    prepared: list[Prepared] = []

    def prepare_here() -> None:  # its data is not sent to the others
        if not prepared:
            prepared.append(prepare(config, processes))

    processes.agree(prepare_here)
    processes.each(prepare_here)
    return prepared[0]


def _new_place(prepared: Prepared) -> Path:
    """A run folder that is not there yet."""
    from chainrule.experiments.run_folder import next_free
    from chainrule.text import file_name

    model = Path(prepared.config.model).stem
    return next_free(file_name(f"{prepared.dataset.name}-{model}"))


def _run(
    prepared: Prepared,
    place: Path,
    rhythm: tuple[float | None, int | None, int],
    goes_on: bool,
    quiet: bool,
    processes: Processes,
) -> Outcome | None:
    """Train and fill the run folder, which is the first process's alone; None in the others."""
    from chainrule.checkpoint import Checkpoints
    from chainrule.errors import TrainingError
    from chainrule.experiments.run_folder import (
        CHECKPOINTS,
        has_learnt,
        new_run_folder,
        unfinished_run,
    )
    from chainrule.experiments.runner import run, train

    checkpoints = Checkpoints(place / CHECKPOINTS, *rhythm)
    folder = unfinished_run(place) if goes_on else new_run_folder(place)
    with ExitStack() as claims:
        processes.agree(lambda: claims.enter_context(folder))
        if not processes.is_first:
            train(prepared, checkpoints=checkpoints, comm=processes.communicator)
            return None
        if not quiet:
            _announce(prepared)
        try:
            return run(prepared, place, quiet, checkpoints, comm=processes.communicator)
        except TrainingError as error:
            kept = f"; {place}/ has the last good weights and the history" * has_learnt(place)
            raise TrainingError(f"{error}{kept}") from None


def _leave_unfinished(place: Path, how_far: str) -> NoReturn:
    """End as an interrupted command does, and say how to go on."""
    complain(f"{place}/ is unfinished, {how_far}: `chainrule train --resume {place}` continues it")
    raise typer.Exit(exit_code(signal.SIGINT))


def _train_ensemble(
    config: TrainConfig,
    resume: Path | None,
    out: Path | None,
    rhythm: tuple[float | None, int | None, int],
    quiet: bool,
    processes: Processes,
) -> None:
    """Train networks of several seeds, and say what they give together."""
    from chainrule.checkpoint import Checkpoints
    from chainrule.errors import ConfigError
    from chainrule.experiments.ensembles import member_configs, train_ensemble
    from chainrule.experiments.run_folder import CHECKPOINTS, check_new
    from chainrule.experiments.runner import prepare, run
    from chainrule.presentation.display import describe_numbers

    if processes.count > 1:
        raise ConfigError(
            "the networks of an ensemble are trained by one process: leave out mpiexec"
        )
    first = prepare(member_configs(config)[0])  # refuses what cannot be before anything is written
    place = resume or out or _new_place(first)
    if resume is None:
        check_new(place)

    def train_member(member: TrainConfig, folder: Path) -> bool:
        prepared = prepare(member, dataset=first.dataset)
        if not quiet:
            _announce(prepared)
        outcome = run(prepared, folder, quiet, Checkpoints(folder / CHECKPOINTS, *rhythm))
        if outcome.summary.finished and not quiet:
            _conclude(prepared, outcome, folder)
        return outcome.summary.finished

    summary = train_ensemble(config, place, train_member, first.dataset)
    if summary is None:
        _leave_unfinished(place, f"before its {config.ensemble} networks were trained")
    if quiet:
        return
    if summary.test is not None:
        say(f"together, test: {describe_numbers(summary.test)}")
    if summary.temperature is not None and summary.calibrated_test is not None:
        say(
            f"at a temperature of {summary.temperature:.3f}, chosen by the validation part: "
            f"{describe_numbers(summary.calibrated_test)}"
        )
    say(f"{place}/ has a run folder for each, and ensemble.json")


def _check_alone(resume: Path, *others: Any) -> None:
    from chainrule.errors import ConfigError

    if any(others):
        raise ConfigError(
            f"--resume continues {resume} with the options that it was started with: leave out "
            "the data and all options but those of checkpoints"
        )


def _begun(run: Path) -> TrainConfig:
    """The configuration of a run to go on with."""
    from chainrule.errors import RunFolderError
    from chainrule.experiments.config import read_whole_config
    from chainrule.experiments.run_folder import CONFIG, find_data

    if not (run / CONFIG).is_file():
        raise RunFolderError(f"{run} is not a run folder: `chainrule train` makes one (--out)")
    return find_data(read_whole_config(run / CONFIG), run)


def _configuration(
    options: dict[str, Any], data: str | None, config: Path | None, recipe: str | None
) -> TrainConfig:
    """The configuration of a new run, from the command line and a file or a recipe."""
    from chainrule.errors import ConfigError
    from chainrule.experiments.config import make_config, read_config
    from chainrule.experiments.recipes import read_recipe
    from chainrule.experiments.run_folder import find_sources

    if recipe is not None and config is not None:
        raise ConfigError("--recipe and --config both say how to train: leave out one of them")
    if data is None and recipe is not None:
        raise ConfigError("train on what? chainrule train DATA --recipe NAME")
    if data is None and config is None:
        raise ConfigError("train on what? chainrule train DATA, or --config FILE.toml")
    given = options if data is None else {"data": data, **options}
    from_file = {} if recipe is None else read_recipe(recipe)
    if config is not None:
        from_file = read_config(config)
        from_file |= find_sources(from_file, config)
    if given.keys() & DECIDE_LAYERS:
        for made_for_others in ("layers", "input_shape"):
            from_file.pop(made_for_others, None)
    return make_config({**from_file, **given})


def _announce(prepared: Prepared) -> None:
    dataset, config, network = prepared.dataset, prepared.config, prepared.network
    test = 0 if dataset.x_test is None else len(dataset.x_test)
    held_out = prepared.held_out
    validation = 0 if held_out is None else len(held_out[0])
    classes = f", {len(dataset.class_names)} classes" if dataset.class_names else ""
    say(
        f"{dataset.name}: {len(dataset.x_train):,} training, {validation:,} validation and "
        f"{test:,} test examples of shape {dataset.input_shape}{classes}"
    )
    for line in (dataset.preparation.describe(), *dataset.notes):
        if line:
            say(line)
    say_lines(f"{network.summary()}\n\n")
    epochs = cast(int, config.epochs)  # which preparing a run has chosen
    say(
        f"{config.optimizer} at {config.learning_rate:g} ({config.schedule}), {config.loss}"
        f"{f', weight decay {config.weight_decay:g}' if config.weight_decay else ''}"
        f"{', classes balanced' if config.class_weights else ''}"
        f"{f', examples changed by {config.augment}' if config.augment else ''}, "
        f"batches of {config.batch_size}, {counted(epochs, 'epoch')}"
        f"{f', weights averaged by {config.average}' if config.average else ''}"
        f"{', the best kept' if config.early_stopping else ''}, seed {config.seed}"
    )


def _conclude(prepared: Prepared, outcome: Outcome, folder: Path) -> None:
    from chainrule.experiments.runner import is_drawn
    from chainrule.presentation.display import describe_numbers, format_seconds

    summary = outcome.summary
    if prepared.config.test_each_epoch:
        say("the test part was measured after every epoch, and nothing was chosen by it")
    if summary.test is not None:
        say(f"test: {describe_numbers(summary.test)}")
    elif prepared.held_out is None and not is_drawn(prepared.config):
        say(
            "nothing was held out: these figures are those of the training examples; --test 0.2 "
            "holds out a fifth, for an honest figure"
        )
    say(f"engine: {outcome.history.engine}")
    say(
        f"{folder}/ has the model, config.toml and curves.png "
        f"({format_seconds(summary.seconds)} of training)"
    )
