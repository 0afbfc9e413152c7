"""The kernels for processors other than the one at hand, which can be told to compile for them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK = """
import numpy as np, tucker_core as t
from tucker_core.kernels.gram import mode_gram
from tucker_core.kernels.machine import VECTOR_BYTES
from tucker_core.tucker_chain import contract, expand
rng = np.random.default_rng(0)
for dtype in (np.float32, np.float64):
    near = lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * np.abs(b).max())
    for shape, rank in (((7, 9, 23), (3, 4, 5)), ((40, 30, 50), (13, 5, 20)), ((64, 70_000), (3, 4))):
        tucker = t.random_tucker(shape, rank, rng)
        core, factors = tucker.core.astype(dtype), [f.astype(dtype) for f in tucker.factors]
        full, steps = expand(core, factors)
        near(t.tucker_to_tensor((core, factors)).ravel(), full.ravel())
        grad_core, grads = t.tucker_gradient((core, factors), full.reshape(shape))
        other_core, others = contract(factors, full.reshape(shape), steps)
        near(grad_core.ravel(), other_core.ravel())
        for one, other in zip(grads, others):
            near(one, other)
    block, matrix = rng.standard_normal((3, 11, 70)).astype(dtype), rng.standard_normal((6, 11)).astype(dtype)
    near(mode_gram(block), np.einsum("lir,ljr->ij", block, block))
    near(t.mode_dot(block, matrix, 1), np.einsum("ji,lir->ljr", matrix, block))
print(VECTOR_BYTES)
"""  # noqa: E501


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "features", "width"),
    [("haswell", "+avx,+avx2,+fma", 32), ("generic", "", 16)],
)
def test_narrower_vectors(name: str, features: str, width: int, tmp_path: Path) -> None:
    """The processor at hand must be an x86 with AVX2 for the first of them."""
    llvmlite = pytest.importorskip("llvmlite.binding")
    host = llvmlite.get_host_cpu_features()
    if not host.get("sse2") or (features and not host.get("avx2")):
        pytest.skip("another kind of processor")
    environment = dict(
        os.environ,
        NUMBA_CPU_NAME=name,
        NUMBA_CPU_FEATURES=features,
        NUMBA_CACHE_DIR=str(tmp_path),
        PYTHONPATH=str(ROOT),
    )
    done = subprocess.run(
        [sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == width
