"""Tucker algebra, reshaping, planning and storage in numpy: everything of ADA-Tucker but training.

Start with `unfold` and `mode_dot` (algebra), then `tucker_to_tensor` and `hosvd` (the Tucker format),
`plan_reshape` and `plan_network` (which shape, which ranks), and `save` and `load` (the `.ada` file).
Tensors are C order and modes count from 0.
"""

from tucker_core.algebra import fold, mode_dot, multi_mode_dot, unfold
from tucker_core.architectures import ARCHITECTURES, dense_params
from tucker_core.counting import gradient_flops, reconstruct_flops, tucker_params
from tucker_core.decompose import hosvd
from tucker_core.factorize import balance_dims, factorizations
from tucker_core.fileformat import coded_bits, from_bytes, load, save, to_bytes
from tucker_core.hooi import tucker
from tucker_core.network import CodedParameter, CompressedNetwork
from tucker_core.network_plan import LayerPlan, NetworkPlan
from tucker_core.partial import partial_tucker
from tucker_core.planner import plan_network
from tucker_core.quantize import Symbols, quantize, rms_step, scale_of
from tucker_core.ranks import validate_tucker_rank
from tucker_core.records import FileFormatError
from tucker_core.reshape import ReshapePlan, plan_reshape
from tucker_core.shared import shared_core_hosvd
from tucker_core.spectra import multilinear_singular_values
from tucker_core.text_table import format_table
from tucker_core.tucker_mode_dot import tucker_mode_dot
from tucker_core.tucker_plan import TuckerPlan
from tucker_core.tucker_tensor import (
    TuckerTensor,
    random_tucker,
    tucker_gradient,
    tucker_to_tensor,
)

__all__ = [
    "ARCHITECTURES",
    "CodedParameter",
    "CompressedNetwork",
    "FileFormatError",
    "LayerPlan",
    "NetworkPlan",
    "ReshapePlan",
    "Symbols",
    "TuckerPlan",
    "TuckerTensor",
    "balance_dims",
    "coded_bits",
    "dense_params",
    "factorizations",
    "fold",
    "format_table",
    "from_bytes",
    "gradient_flops",
    "hosvd",
    "load",
    "mode_dot",
    "multi_mode_dot",
    "multilinear_singular_values",
    "partial_tucker",
    "plan_network",
    "plan_reshape",
    "quantize",
    "random_tucker",
    "reconstruct_flops",
    "rms_step",
    "save",
    "scale_of",
    "shared_core_hosvd",
    "to_bytes",
    "tucker",
    "tucker_gradient",
    "tucker_mode_dot",
    "tucker_params",
    "tucker_to_tensor",
    "unfold",
    "validate_tucker_rank",
]
