"""Runs that leave files and a result: a dense network's weights, a compressed network's file."""

import copy
from pathlib import Path
from typing import Any

from torch_bridge.benchmarks.compressed import Compressed, compress
from torch_bridge.benchmarks.experiment import Experiment
from torch_bridge.benchmarks.results import Row, kept_result, run_facts, write_result
from torch_bridge.state.fingerprint import digest_weights
from torch_bridge.state.tensors import save_weights


def run_dense(experiment: Experiment, init: Path | None = None) -> Row:
    """Train the dense network, from scratch or on from weights; leaves weights and result.

    Raises
    ------
    ValueError
        If it shall imitate (`distil`), and there are no weights of what it was before.
    """
    config, context = experiment.recipe.dense, experiment.context
    if config.distil and init is None:
        raise ValueError(
            f"distil is {config.distil}: a dense network imitates what it was at the start; "
            "give the weights that it starts from"
        )
    model, run = experiment.build(), f"dense-{config.epochs}"
    more: dict[str, Any] = {}
    if init is not None:
        model = experiment.load(init)
        run += "-taught" if config.distil else "-more"
        more = {"init": {"file": init.name, "weights": digest_weights(model)}}
    mark = experiment.fingerprint(model, dense=config)
    teacher = copy.deepcopy(model) if config.distil else None
    trained = experiment.fit(model, run, config, teacher=teacher)
    row = experiment.dense_row(run, model, trained)
    if context.is_first:
        stem = experiment.out / experiment.stem(run)
        path = Path(f"{stem}.npz")
        save_weights(path, model)
        more |= run_facts(mark, [path])
        write_result(Path(f"{stem}.json"), experiment.result([row], {"dense": trained}, **more))
    return row


def dense_weights(experiment: Experiment) -> Path:
    """The weights of the dense network trained by the recipe, which is done if it was not yet."""
    config, context = experiment.recipe.dense, experiment.context
    stem = experiment.out / experiment.stem(f"dense-{config.epochs}")
    mark = experiment.fingerprint(experiment.build(), dense=config)
    told = Path(f"{stem}.json")
    if context.from_first(lambda: kept_result(told, mark)) is None:
        run_dense(experiment)
        context.from_first(lambda: None)  # until it has written them
    return Path(f"{stem}.npz")


def run_compressed(small: Compressed, stem: Path, dense: Row | None = None) -> list[Row]:
    """Train and quantise a compressed network, write file and result, test the file.

    Parameters
    ----------
    small : untrained
    stem : of the two files' names
    dense : the dense network's row, with which the result is compared

    Returns
    -------
    the row of the dense network, if any; and that of the file, in the first process
    """
    experiment, mark = small.experiment, small.fingerprint()
    small.train()
    small.quantize()
    rows = [] if dense is None else [dense]
    if not experiment.context.is_first:
        return rows
    path = Path(f"{stem}{small.method.suffix}")
    rows.append(small.write(path))
    more = run_facts(mark, [path])
    if dense is not None:
        more["points_lost"] = rows[1].test_error - dense.test_error
    result = experiment.result(rows, small.runs, plan=small.layout, **more)
    write_result(Path(f"{stem}.json"), result)
    return rows


def compress_benchmark(experiment: Experiment, dense_path: Path) -> list[Row]:
    """Make the compressed network of a benchmark's recipe from a dense network's weights.

    Returns
    -------
    a row for the dense network and one for the file

    Raises
    ------
    ValueError
        If the ratio leaves too little for the parameters that are not compressed, or for the smallest
        ranks.
    """
    dense = experiment.load(dense_path)
    small = compress(experiment, dense)
    stem = experiment.out / experiment.stem(experiment.recipe.name)
    return run_compressed(small, stem, experiment.dense_row("dense", dense))
