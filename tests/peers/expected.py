"""Which of TensorLy's own tests run on `tucker_core`, and why the others do not.

One entry for each test function of the files in `FILES`, and one for all other files that TensorLy
ships, in `ELSEWHERE`; tests hold both tables complete. Where a function of another kind (a CP tensor, a
tensor train) is under test and ours only serves it, the test says nothing about us and is left out.
pyttb ships no tests; `test_pyttb.py` takes its functions as the oracle. hottbox, scikit-tensor and
tltorch are no dependencies of the tests; reports from the trackers of many are in `test_reported.py`.
"""

FILES = {
    "core": "tensorly.tests.test_core",
    "n_mode_product": "tensorly.tenalg.tests.test_n_mode_product",
    "tucker_tensor": "tensorly.tests.test_tucker_tensor",
    "tucker": "tensorly.decomposition.tests.test_tucker",
    "random": "tensorly.random.tests.test_base",
}

RUNS = {
    "core::test_unfold",
    "core::test_fold",
    "core::test_matricize",  # their matricize against our unfold
    "core::test_partial_unfold",  # their partial_unfold against our unfold
    "n_mode_product::test_mode_dot",
    "n_mode_product::test_multi_mode_dot",
    "tucker_tensor::test_validate_tucker_tensor",
    "tucker_tensor::test_tucker_to_tensor",
    "tucker_tensor::test_tucker_to_tensor_with_partial_modes",
    "tucker_tensor::test_tucker_to_unfolded",
    "tucker_tensor::test_tucker_to_vec",
    "tucker_tensor::test_tucker_mode_dot",
    "tucker_tensor::test_n_param_tucker",
    "tucker::test_partial_tucker",
    "tucker::test_tucker",  # but for its last statement, on TensorLy's class Tucker
    "tucker::test_tucker_runs_with_factors_only_init",
    "random::test_random_tucker",
}

# Their other test files, by how the module's name begins: no function of ours has a part there.
ELSEWHERE = {
    "tensorly.contrib.": "cross approximation, trains of orthogonal iteration, sparse tensors",
    "tensorly.datasets.": "their data sets",
    "tensorly.decomposition.tests.test_c": "CP and coupled matrix factorization",
    "tensorly.decomposition.tests.test_parafac2": "PARAFAC2",
    "tensorly.decomposition.tests.test_robust": "robust PCA",
    "tensorly.decomposition.tests.test_symmetric": "symmetric CP",
    "tensorly.decomposition.tests.test_t": "tensor trains and rings; test_tucker runs",
    "tensorly.metrics.": "measures of regressions and of CP factors",
    "tensorly.regression.": "regression",
    "tensorly.solvers.": "solvers with constraints",
    "tensorly.tenalg.tests.test_batched": "products of batches",
    "tensorly.tenalg.tests.test_generalised": "products of vectors and of matrices with each other",
    "tensorly.tenalg.tests.test_khatri": "products of vectors and of matrices with each other",
    "tensorly.tenalg.tests.test_kronecker": "products of vectors and of matrices with each other",
    "tensorly.tenalg.tests.test_outer": "products of vectors and of matrices with each other",
    "tensorly.tenalg.tests.test_proximal": "proximal operators",
    "tensorly.tenalg.tests.test_svd": "SVDs of matrices; ours are no functions of their own",
    "tensorly.tenalg.tests.test_tenalg": "their choice of a backend",
    "tensorly.tenalg.tests.test_unfolding": "products of CP",
    "tensorly.tests.test_backend": "their backends",
    "tensorly.tests.test_cp_": "CP",
    "tensorly.tests.test_parafac2": "PARAFAC2",
    "tensorly.tests.test_preprocessing": "scaling of data",
    "tensorly.tests.test_testing": "their helpers for tests",
    "tensorly.tests.test_tr_": "tensor rings",
    "tensorly.tests.test_tt_": "tensor trains",
    "tensorly.utils.": "their backends",
}

VECTOR = "vectors of tensors are numpy's reshape(-1) here, no function of their own"
PARTIAL = "batches of tensors are no subject here: no partial_ functions"
NORMALIZE = "no tucker_normalize: factors are orthonormal where a decomposition made them"
NON_NEGATIVE = "no non-negative decomposition: weights of networks have signs"
ANOTHER = "another format than Tucker"

DIFFERS = {
    "core::test_tensor_to_vec": VECTOR,
    "core::test_vec_to_tensor": VECTOR,
    "core::test_partial_fold": PARTIAL,
    "core::test_partial_tensor_to_vec": PARTIAL,
    "core::test_partial_vec_to_tensor": PARTIAL,
    "tucker_tensor::test_validate_tucker_rank": (
        "asks for ranks rounded up, above the budget, and for tensors of 10^13 entries; here a fraction "
        "is a ceiling, and tensors of at most 2^40 entries are planned (see test_reported)"
    ),
    "tucker_tensor::test_tucker_normalize": NORMALIZE,
    "tucker_tensor::test_tucker_copy": NORMALIZE,
    "tucker::test_tucker_factors_only_init_recomputes_core": "tests a step inside of their tucker",
    "tucker::test_masked_tucker": "no mask: the weights of a network have no missing entries",
    "tucker::test_non_negative_tucker": NON_NEGATIVE,
    "tucker::test_non_negative_tucker_hals_active_set": NON_NEGATIVE,
    "random::test_check_random_state": "randomness comes in as a numpy Generator",
    "random::test_random_cp": ANOTHER,
    "random::test_random_tt": ANOTHER,
    "random::test_random_tr": ANOTHER,
}
