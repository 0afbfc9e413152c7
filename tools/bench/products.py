"""Tucker product, its gradient and the n-mode product, by us and by the peers."""

from typing import Any

import numpy as np
import opt_einsum
import pyttb
import tensorly as tl
import torch

from tucker_core import TuckerPlan, mode_dot, random_tucker, tucker_gradient, tucker_to_tensor
from tucker_core.timing import Job

Case = tuple[tuple[int, ...], tuple[int, ...]]


class Parts:
    """Core, factors and full tensor of a case, for every library, and its formula for einsum."""

    def __init__(self, case: Case, dtype: str) -> None:
        self.shape, self.rank = case
        tucker = random_tucker(*case, np.random.default_rng(0))
        self.core = tucker.core.astype(dtype)
        self.factors = [f.astype(dtype) for f in tucker.factors if f is not None]
        self.full = tucker_to_tensor((self.core, self.factors))
        small, caps = "abcdefgh"[: len(self.shape)], "ABCDEFGH"[: len(self.shape)]
        pairs = [c + s for c, s in zip(caps, small, strict=True)]
        self.formula = f"{','.join([small, *pairs])}->{caps}"
        self.arrays = [self.core, *self.factors]
        self.path = np.einsum_path(self.formula, *self.arrays, optimize="optimal")[0]
        self.tensors = [torch.from_numpy(array) for array in self.arrays]
        shapes = [array.shape for array in self.arrays]
        self.expression = opt_einsum.contract_expression(self.formula, *shapes, optimize="optimal")


def product(parts: Parts, with_out: bool) -> dict[str, Job]:
    """Jobs that reconstruct the full tensor."""
    core, factors = parts.core, parts.factors
    plan = TuckerPlan(parts.shape, parts.rank, core.dtype)
    out = np.empty_like(parts.full)
    kept = pyttb.ttensor(pyttb.tensor(core), factors)
    jobs: dict[str, Job] = {
        "ours": lambda: plan.product(core, factors, out=out if with_out else None),
        "tensorly": lambda: tl.tucker_to_tensor((core, factors)),
        "tensorly torch": in_torch(
            lambda: tl.tucker_to_tensor((parts.tensors[0], parts.tensors[1:]))
        ),
        "numpy.einsum": lambda: np.einsum(parts.formula, *parts.arrays, optimize=parts.path),
        "torch.einsum": lambda: torch.einsum(parts.formula, *parts.tensors),
        "opt_einsum": lambda: parts.expression(*parts.arrays),
        "opt_einsum torch": lambda: parts.expression(*parts.tensors),
        "pyttb": lambda: kept.full(),
    }
    if not with_out:
        jobs["ours, without a plan"] = lambda: tucker_to_tensor((core, factors))
    return jobs


def gradient(parts: Parts) -> dict[str, Job]:
    """Jobs that reconstruct the full tensor and find the gradients by core and factors."""
    core, factors, upstream = parts.core, parts.factors, parts.full
    plan = TuckerPlan(parts.shape, parts.rank, core.dtype)
    leaves = [tensor.clone().requires_grad_() for tensor in parts.tensors]
    toward = torch.from_numpy(upstream)

    def ours() -> object:
        _full, saved = plan.product_and_saved(core, factors)
        return plan.gradient(core, factors, upstream, saved)

    def by_formula() -> object:
        tl.tucker_to_tensor((core, factors))
        grads = [tl.tenalg.multi_mode_dot(upstream, factors, transpose=True)]
        for n in range(len(factors)):
            others = tl.tenalg.multi_mode_dot(core, factors, skip=n)
            grads.append(tl.unfold(upstream, n) @ tl.unfold(others, n).T)
        return grads

    def torch_einsum() -> object:
        return torch.autograd.grad(torch.einsum(parts.formula, *leaves), leaves, toward)

    def opt_einsum_torch() -> object:
        return torch.autograd.grad(parts.expression(*leaves), leaves, toward)

    def tensorly_torch() -> object:
        return torch.autograd.grad(tl.tucker_to_tensor((leaves[0], leaves[1:])), leaves, toward)

    return {
        "ours": ours,
        "ours, without a plan": lambda: (
            tucker_to_tensor((core, factors)),
            tucker_gradient((core, factors), upstream),
        ),
        "tensorly": by_formula,
        "torch.einsum": torch_einsum,
        "opt_einsum torch": opt_einsum_torch,
        "tensorly torch": in_torch(tensorly_torch),
    }


def n_mode(parts: Parts, mode: int) -> dict[str, Job]:
    """Jobs that project the full tensor on the columns of one factor."""
    full, matrix = parts.full, parts.factors[mode].T.copy()
    letters = "abcdefgh"[: full.ndim]
    formula = f"{letters},z{letters[mode]}->{letters.replace(letters[mode], 'z')}"
    tensors = torch.from_numpy(full), torch.from_numpy(matrix)
    kept = pyttb.tensor(full)
    expression = opt_einsum.contract_expression(formula, full.shape, matrix.shape)
    return {
        "ours": lambda: mode_dot(full, matrix, mode),
        "tensorly": lambda: tl.tenalg.mode_dot(full, matrix, mode),
        "tensorly torch": in_torch(lambda: tl.tenalg.mode_dot(*tensors, mode)),
        "numpy.tensordot": lambda: np.moveaxis(np.tensordot(matrix, full, (1, mode)), 0, mode),
        "numpy.einsum": lambda: np.einsum(formula, full, matrix, optimize=True),
        "torch.einsum": lambda: torch.einsum(formula, *tensors),
        "opt_einsum": lambda: expression(full, matrix),
        "opt_einsum torch": lambda: expression(*tensors),
        "pyttb": lambda: kept.ttm(matrix, mode),
    }


def in_torch(job: Job) -> Job:
    """Run a job with TensorLy's torch backend."""

    def run() -> Any:
        tl.set_backend("pytorch")
        try:
            return job()
        finally:
            tl.set_backend("numpy")

    return run
