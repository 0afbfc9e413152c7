"""The compressed network of an experiment: planned, trained, quantised, written and read back."""

import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from torch_bridge.benchmarks.experiment import Experiment, fix_inner_biases
from torch_bridge.benchmarks.listing import parameters_of
from torch_bridge.benchmarks.methods import METHODS, Budget, Method, dense_weights
from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.benchmarks.results import Row
from torch_bridge.compression.survey import compressible_layers
from torch_bridge.compression.to_network import to_network
from torch_bridge.models.fold_batch_norm import fold_batch_norms
from torch_bridge.quantization.qat import attach_quantizers
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.loop import FitResult
from torch_bridge.weights.count import count_params
from torch_bridge.weights.parametrization import weight_shape
from torch_bridge.weights.sharing import share
from torch_bridge.weights.tucker_weight import tucker_layers, tucker_parts
from tucker_core import LayerPlan, NetworkPlan, ReshapePlan, to_bytes
from tucker_core.files import replacing

LEVELS = [16.0 * 0.9**k for k in range(40)]  # per root mean square, tried for a largest file
COARSEST = LEVELS[-1]
_SEEDS = 1_000  # between those of the rounds of one run and those of the next
_MARGIN = 0.985  # the rate term stops a little above what it is steered to


@dataclass
class Compressed:
    """A compressed network, and the dense one that it begins with and learns from.

    Attributes
    ----------
    experiment : network, images, recipe
    dense : on the device; None if there is none
    model : the compressed network
    budget : what the weights may take
    layout : how the weights are stored
    runs : trainings so far, by stage
    content : of the file, once it was quantised
    """

    experiment: Experiment
    dense: nn.Module | None
    model: nn.Module
    budget: Budget
    layout: list[Any]
    runs: dict[str, FitResult] = field(default_factory=dict)
    content: bytes = b""

    @property
    def recipe(self) -> Recipe:
        """How it is trained, and how small."""
        return self.experiment.recipe

    @property
    def method(self) -> Method:
        """How its weights are replaced, written and read."""
        return METHODS[self.recipe.method]

    @property
    def plan(self) -> NetworkPlan:
        """Dims and ranks of all its Tucker weights."""
        layers = tucker_layers(self.model)
        return NetworkPlan(tuple(tucker_parts(layer, name)[0].plan for name, layer in layers))

    @property
    def seconds(self) -> float:
        """Time of all its trainings, the teacher's included."""
        return sum(run.seconds for run in self.runs.values())

    def fingerprint(self) -> str:
        """Hash of everything that the result depends on; before anything is trained."""
        return self.experiment.fingerprint(self.model if self.dense is None else self.dense)

    def train(self) -> FitResult:
        """Train before quantisation: at once, or in rounds of an epoch that each leave less."""
        recipe, config = self.recipe, self.recipe.tucker
        if self.dense is None and recipe.teacher and config.distil:
            self.dense, self.runs["teaching"] = self.experiment.train_teacher()
        if self.method.entries and config.plain_lr is not None:
            config = replace(config, lr=config.plain_lr)
        if not self.method.in_rounds:
            self._fit("tucker", f"{recipe.name}-floats", config)
            return self.runs["tucker"]
        assert self.dense is not None
        whole = self.budget.each * sum(w.numel() for w in dense_weights(self.dense).values())
        for done in range(1, config.epochs + 1):
            fraction = done / config.epochs
            bits = whole ** (1 - fraction) * self.budget.bits**fraction
            self.layout[:] = self.method.put(self.model, replace(self.budget, bits=bits))
            seed = _SEEDS * (self.experiment.seed + 1) + done
            one = replace(config, epochs=1)
            self._fit(f"round {done}", f"{recipe.name}-floats-{done}", one, seed)
        return self.runs[f"round {config.epochs}"]

    def quantize(self, max_bytes: int | None = None) -> None:
        """Train on with quantised cores and factors, so that the network learns to live with the steps.

        Parameters
        ----------
        max_bytes : largest file; the steps grow until the file is small enough, and stay

        Raises
        ------
        ValueError
            If no steps bring the file down to `max_bytes`; the smallest size is named.
        """
        levels, config = self.recipe.levels, self.recipe.qat
        if max_bytes is not None:
            levels, config = self._levels_for(max_bytes), replace(config, rate=0.0, step_lr=0.0)
        attach_quantizers(self.model, levels)
        if self.recipe.is_steered:
            bits = self.experiment.context.from_first(self._bits)
            config = replace(config, bits=bits)
        self._fit("qat", f"{self.recipe.name}-qat", config)
        self.content = self.method.write(fold_batch_norms(self.model), self.experiment.model_name)
        if max_bytes is not None and len(self.content) > max_bytes:
            raise ValueError(
                f"max_bytes is {max_bytes}; the file came out at {len(self.content)}: "
                "lower the budget"
            )

    def write(self, path: Path, name: str = "") -> Row:
        """Write the file, read it back and test what it decodes to, once."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(self.content)
        return self.experiment.file_row(path, name, self.seconds)

    def float_row(self, name: str) -> Row:
        """Test the network before quantisation, once; it has 4 bytes for every parameter that learns."""
        stored = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
        row = self.experiment.dense_row(name, self.model, self.runs["tucker"])
        ratio = parameters_of(self.experiment.model_name) / stored
        return replace(row, params=stored, n_bytes=4 * stored, ratio=ratio, seconds=self.seconds)

    def _fit(self, stage: str, run: str, config: TrainConfig, seed: int | None = None) -> None:
        job = self.experiment if seed is None else replace(self.experiment, seed=seed)
        title = f"{self.method.title}{', QAT' * (stage == 'qat')}"
        self.runs[stage] = job.fit(self.model, run, config, teacher=self.dense, title=title)

    def _levels_for(self, max_bytes: int) -> float:
        """Finest levels whose file stays 3 % below `max_bytes`, as sizes move a little in training."""
        size = 0
        for levels in LEVELS:
            size = len(to_bytes(to_network(self.model, self.experiment.model_name, levels)))
            if size <= 0.97 * max_bytes:
                return levels
        raise ValueError(
            f"max_bytes is {max_bytes}; a budget of {self.recipe.budget} parameters gives {size} "
            "bytes at the coarsest quantisation: lower the budget or allow more bytes"
        )

    def _bits(self) -> float:
        """Bits that the integers may take, so that with all the rest the file has the target's bytes."""
        if self.recipe.ratio is None:
            return _MARGIN * self.budget.bits
        target = 4 * parameters_of(self.experiment.model_name) / self.recipe.ratio
        at_rest = fold_batch_norms(copy.deepcopy(self.model))
        fixed = self.method.fixed(at_rest, self.experiment.model_name)
        return max(1.0, 8 * (_MARGIN * target - fixed))


def compress(experiment: Experiment, dense: nn.Module | None = None) -> Compressed:
    """Plan a network's weights by the recipe and put them into their small form, untrained.

    Parameters
    ----------
    experiment : network, images, recipe
    dense : the dense network: what the weights begin with or are planned by, and the teacher; what is
        not compressed begins with its values

    Raises
    ------
    ValueError
        If a dense network is needed and missing, or the budget or ratio leaves too little for the
        smallest ranks or for the parameters that are not compressed.
    """
    recipe, model = experiment.recipe, experiment.build()
    listens = recipe.tucker.distil > 0 and not recipe.teacher
    if dense is None and (recipe.init == "hosvd" or listens or recipe.is_steered):
        raise ValueError(
            "a dense network is needed to begin with its HOSVD or to learn from it; train one first"
        )
    if dense is not None:
        model.load_state_dict(dense.state_dict())
    budget, method = _budget(model, recipe, experiment.seed), METHODS[recipe.method]
    layout = method.put(copy.deepcopy(model) if method.in_rounds else model, budget)
    for first, *others in recipe.shared:
        share(model, first, *others)
    if recipe.inner_biases != "all":
        fix_inner_biases(model)
    return Compressed(experiment, dense, model, budget, layout)


def _budget(model: nn.Module, recipe: Recipe, seed: int) -> Budget:
    """What the recipe leaves for the weights; all other parameters take about a byte each."""
    names = ("ranks_by", "init", "order", "reshape")
    options: dict[str, Any] = {"seed": seed, **{name: getattr(recipe, name) for name in names}}
    if not recipe.is_steered:
        return Budget(recipe.budget, 1.0, plan=_plan(model, recipe), **options)
    vectors = [p for p in model.parameters() if p.dim() == 1]
    plain = sum(p.numel() for p in vectors if bool(p.any()))
    if recipe.fraction is not None:
        plain = sum(p.numel() for p in vectors) if recipe.inner_biases == "all" else plain
        stored = int(recipe.fraction * count_params(model))
        _check_room(
            f"fraction is {recipe.fraction:g}: {stored:,} parameters", stored, plain, "larger"
        )
        return Budget((stored - plain) * recipe.bits, recipe.bits, **options)
    assert recipe.ratio is not None
    target = 4 * count_params(model) / recipe.ratio
    _check_room(f"ratio is {recipe.ratio:g}: {target:,.0f} bytes", target, plain, "smaller")
    return Budget(8 * (target - plain), recipe.bits, **options)


def _check_room(size: str, available: float, plain: int, other: str) -> None:
    if available <= plain:
        raise ValueError(
            f"{size} are not enough for {plain:,} biases and batch-norm parameters; take a {other} one"
        )


def _plan(model: nn.Module, recipe: Recipe) -> NetworkPlan | None:
    """The recipe's own dims and core shapes, if it has any."""
    shapes = {name: weight_shape(layer) for name, layer in compressible_layers(model)}
    plans = []
    for name, dims, rank in recipe.layers:
        reshape = ReshapePlan.straight(shapes[name], dims)
        plans.append(LayerPlan(name, reshape, rank, recipe.method == "scada"))
    return NetworkPlan(tuple(plans)) if plans else None
