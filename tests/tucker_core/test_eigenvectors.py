"""Leading eigenvectors against numpy's full decomposition: by the energy that they hold."""

from typing import Any

import numpy as np
import pytest

from tucker_core.checks import FloatArray
from tucker_core.eigenvectors import leading_eigenvectors

DIM, COUNT = 60, 6
SPECTRA = {
    "steps": np.where(np.arange(DIM) < COUNT, 1.0, 1e-3),
    "power law": 1.0 / np.arange(1.0, DIM + 1) ** 2,
    "exponential": 0.5 ** np.arange(DIM),
    "flat": np.ones(DIM),
    "nearly flat": 1 - 0.001 * np.arange(DIM),
    "few": np.where(np.arange(DIM) < 3, 1.0, 0.0),
    "zero": np.zeros(DIM),
}


def gram_of(spectrum: FloatArray, seed: int = 0) -> FloatArray:
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((DIM, DIM))).Q
    half = basis * np.sqrt(spectrum)
    return np.asarray(half @ half.T)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("name", SPECTRA)
def test_as_much_energy_as_the_best(name: str, warm: bool, dtype: type) -> None:
    spectrum = SPECTRA[name]
    gram: FloatArray = gram_of(spectrum).astype(dtype)
    best = np.linalg.eigh(gram).eigenvectors[:, ::-1][:, :COUNT]
    start = np.linalg.qr(best + 0.05).Q if warm else None
    vectors, values = leading_eigenvectors(gram, COUNT, start)
    kept = vectors[:, :COUNT].astype(np.float64)
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(kept.T @ kept, np.eye(COUNT), atol=30 * eps)
    most, total = float(spectrum[:COUNT].sum()), float(spectrum.sum())
    waste = most - float(np.trace(kept.T @ gram.astype(np.float64) @ kept))
    assert waste <= 1e-4 * (total - most) + 30 * eps * total
    assert len(values) == DIM
    assert (np.diff(values[: vectors.shape[1]]) <= 30 * eps * total).all()
    np.testing.assert_allclose(values[:COUNT], spectrum[:COUNT], atol=0.01 * total + 1e-12)
    assert float(values.sum()) == pytest.approx(total, abs=100 * eps * total)


def test_iteration_is_used_and_left_where_it_does_not_converge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    full = []
    eigh = np.linalg.eigh

    def noted(matrix: FloatArray) -> Any:
        full.append(len(matrix))
        return eigh(matrix)

    monkeypatch.setattr(np.linalg, "eigh", noted)
    leading_eigenvectors(gram_of(SPECTRA["steps"]), COUNT)
    assert DIM not in full
    leading_eigenvectors(gram_of(SPECTRA["nearly flat"]), COUNT)
    assert full[-1] == DIM


def test_all_vectors_and_small_matrices_are_eigh() -> None:
    gram = gram_of(SPECTRA["power law"])
    vectors, values = leading_eigenvectors(gram, None)
    assert vectors.shape == (DIM, DIM)
    np.testing.assert_allclose(vectors * values @ vectors.T, gram, atol=1e-14)
    assert leading_eigenvectors(gram[:9, :9], 3)[0].shape == (9, 9)
