"""A network on a data set by a recipe: trained, tested, told.

Every error of a compressed network is measured on the network decoded from its file. What is chosen
(the epoch) is chosen on the validation images; the test images are looked at once.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from torch_bridge.benchmarks.images import Images
from torch_bridge.benchmarks.listing import parameters_of
from torch_bridge.benchmarks.methods import read_file
from torch_bridge.benchmarks.recipes import Recipe
from torch_bridge.benchmarks.results import Result, Row
from torch_bridge.models import build_model
from torch_bridge.state.fingerprint import fingerprint
from torch_bridge.state.tensors import load_weights
from torch_bridge.training.config import TrainConfig
from torch_bridge.training.distributed import DistributedContext
from torch_bridge.training.evaluate import error_rate
from torch_bridge.training.loop import FitResult, train
from torch_bridge.training.model_facts import model_facts
from torch_bridge.training.precision import pick_precision
from torch_bridge.weights.count import count_params
from tucker_core import FileFormatError

_CONFIGS = ("dense", "tucker", "qat", "teaching")


@dataclass
class Experiment:
    """A network, images and a recipe.

    Attributes
    ----------
    model_name : of `MODELS`
    images : which also say what the data set is to be called
    recipe : how to train, and how small
    seed : of everything random
    context : the processes that train together, and where; by default this one alone, on the CPU
    folder : for checkpoints, so that an interrupted run can go on; None keeps none
    progress : show progress bars
    benchmark : whose run it is, if it is one's
    out : folder for the files and results of a benchmark
    checkpoints : the files that were kept there
    """

    model_name: str
    images: Images
    recipe: Recipe
    seed: int = 0
    context: DistributedContext = field(default_factory=DistributedContext)
    folder: Path | None = None
    progress: bool = True
    benchmark: str = ""
    out: Path = Path()
    checkpoints: list[Path] = field(default_factory=list)

    def stem(self, run: str) -> str:
        """Begin the name of every file of a run: benchmark or network, data set, run, seed."""
        head = f"bench_{self.benchmark}" if self.benchmark else self.model_name
        return f"{head}_{self.images.name.lower()}_{run}_seed{self.seed}"

    def build(self) -> nn.Module:
        """Draw the dense network."""
        model = build_model(self.model_name, seed=self.seed)
        if self.recipe.inner_biases == "none":
            fix_inner_biases(model)
        return model

    def load(self, path: Path) -> nn.Module:
        """Read weights of the dense network; the first process does it for all.

        Raises
        ------
        ValueError
            If they are not of this network, or the file is damaged.
        """
        model = self.build()
        self.context.from_first(lambda: load_weights(path, model) and None)
        self.context.spread(model)
        return model.to(self.context.device).eval()

    def fit(
        self, model: nn.Module, run: str, config: TrainConfig, *,
        augment: bool = True, teacher: nn.Module | None = None, title: str = "",
    ) -> FitResult:  # fmt: skip
        """Train a model on these images, with a checkpoint after every epoch."""
        path = None if self.folder is None else self.folder / f"{self.stem(run)}.npz"
        teacher = teacher if config.distil else None
        data = self.images.training(
            self.recipe, self.seed, augment=augment, teacher=teacher, folder=self.folder,
            progress=self.progress,
        )  # fmt: skip
        result = train(
            model.to(self.context.device), data, self.images.validation,
            replace(config, seed=self.seed), teacher=teacher, context=self.context,
            checkpoint=path, title=f"{title or run} {self.benchmark or self.model_name}",
            progress=self.progress,
        )  # fmt: skip
        if result.checkpoint is not None:
            self.checkpoints.append(result.checkpoint)
        return result

    def train_dense(self, *, augment: bool = True) -> tuple[nn.Module, FitResult]:
        """Train the dense network, with or without augmentation."""
        model, run = self.build(), f"dense-{self.recipe.dense.epochs}"
        run += "" if augment else "-plain"
        return model, self.fit(model, run, self.recipe.dense, augment=augment, title="dense")

    def train_teacher(self) -> tuple[nn.Module, FitResult]:
        """Train the dense network that the recipe lets the compressed one learn from."""
        model = build_model(self.recipe.teacher, seed=self.seed)
        result = self.fit(model, f"teacher-{self.recipe.teacher}", self.recipe.teaching)
        return model.eval(), result

    def dense_row(self, name: str, model: nn.Module, result: FitResult | None = None) -> Row:
        """Test a dense network, once."""
        params, images = count_params(model), self.images
        val = error_rate(model, images.validation) if result is None else result.val_error
        seconds = 0.0 if result is None else result.seconds
        return Row(name, params, 4 * params, 1.0, val, error_rate(model, images.test), seconds)

    def file_row(self, path: Path, name: str = "", seconds: float = 0.0) -> Row:
        """Read a file back, decode it once, and test the network as an ordinary dense one.

        Raises
        ------
        ValueError
            If the file is damaged or holds another network.
        """
        content = path.read_bytes()
        try:
            architecture, model, params = read_file(content)
        except FileFormatError as fault:
            raise FileFormatError(f"{path}: {fault}") from fault
        if architecture != self.model_name:
            raise ValueError(f"{path} holds a {architecture}; {self.model_name} is asked for")
        model.to(self.context.device)
        ratio = 4 * parameters_of(architecture) / len(content)
        parts = self.images.validation, self.images.test
        val, test = (error_rate(model, part) for part in parts)
        return Row(name or path.name, params, len(content), ratio, val, test, seconds)

    def fingerprint(self, model: nn.Module, **configs: TrainConfig) -> str:
        """Hash of everything that a run from these weights depends on.

        Parameters
        ----------
        model : with the first weights
        configs : of a dense run; without them it is a compressed one's, by the recipe
        """
        used = configs or {name: getattr(self.recipe, name) for name in _CONFIGS[1:]}
        recipe = asdict(self.recipe)
        del recipe["dense"]
        return fingerprint(
            model=self.model_name,
            init=model_facts(model),
            recipe={n: asdict(c) for n, c in configs.items()} or recipe,
            seed=self.seed,
            data=[self.images.name, *self.images.fingerprint()],
            device=self.context.device.type,
            processes=self.context.size,
            precisions=self._precisions(used),
        )

    def result(self, rows: list[Row], runs: dict[str, FitResult], **more: Any) -> Result:
        """Everything that a reader needs to judge and to repeat a run."""
        parts = ("train", "validation", "test")
        configs = {name: getattr(self.recipe, name) for name in _CONFIGS if name in runs}
        return Result(
            model=self.model_name,
            data_set=self.images.name,
            images={part: len(getattr(self.images, part)) for part in parts},
            seed=self.seed,
            recipe=asdict(self.recipe),
            rows=[asdict(row) for row in rows],
            history={name: run.history.table() for name, run in runs.items()},
            precisions=self._precisions(configs),
            device=self.context.device.type,
            processes=self.context.size,
            benchmark=self.benchmark,
            **more,
        )

    def _precisions(self, configs: dict[str, TrainConfig]) -> dict[str, str]:
        """What "auto" came to on this device."""
        return {
            name: str(pick_precision(self.context.device, config.precision)).removeprefix("torch.")
            for name, config in configs.items()
        }


def fix_inner_biases(model: nn.Module) -> None:
    """Set every bias but the last layer's to zero and keep it there."""
    biases = [p for name, p in model.named_parameters() if name.split(".")[-1] == "bias"]
    for bias in biases[:-1]:
        nn.init.zeros_(bias)
        bias.requires_grad_(False)
