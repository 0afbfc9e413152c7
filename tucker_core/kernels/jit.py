"""How this room compiles: what is compiled once, what inside its caller, and what is loaded when."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])


def inlined(function: Function) -> Function:
    """Compile as part of each caller."""
    return cast(Function, numba.njit(inline="always", error_model="numpy")(function))


def compiled(function: Function) -> Function:
    """Compile only for the types that `prepare` names; calls with any others are refused.

    So a call can trust the precision, the number of modes and the contiguity of its arrays, which are
    part of their types, and never waits for a compiler.
    """
    return cast(Function, numba.njit(cache=True, error_model="numpy")(function))


def prepare(function: Any, *arguments: Any) -> None:
    """Compile a function for these types of arguments, or load what an earlier process compiled."""
    function.disable_compile(False)
    function.compile(arguments)
    function.disable_compile()


def reads(dtype: np.dtype[Any], order: int) -> Any:
    """Type of a C-contiguous array that is only read."""
    return types.Array(numba.from_dtype(dtype), order, "C", readonly=True)


def writes(dtype: np.dtype[Any], order: int) -> Any:
    """Type of a C-contiguous array that is written."""
    return types.Array(numba.from_dtype(dtype), order, "C")


def address_of(function: Callable[..., None], *arguments: Any) -> Any:
    """Compile a function on its own; the result's `address` serves compiled callers, see `call_at`."""
    return numba.cfunc(types.void(*arguments), cache=True)(function)


def _call_at(_typing: Any, zero: Any, address: Any, numbers: Any) -> Any:
    """Call the function at an address with arguments (zero, *numbers).

    numba compiles a function once more inside each compiled caller. Reached by its address it is
    compiled once, which takes a third of the time for this room as a whole.
    """
    count = len(numbers)

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        integers = cgutils.unpack_tuple(builder, args[2])
        kinds = [context.get_value_type(zero)] + [ir.IntType(64)] * count
        pointer = ir.FunctionType(ir.VoidType(), kinds).as_pointer()
        builder.call(builder.inttoptr(args[1], pointer), [args[0], *integers])
        return cgutils.false_bit

    signature = types.boolean(zero, types.int64, types.UniTuple(types.int64, count))
    return signature, codegen


call_at = intrinsic(_call_at)


def _address(_typing: Any, array: Any) -> Any:
    """Where the entries of an array start; `array.ctypes.data` would count references twice more."""

    def codegen(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        data = context.make_array(array)(context, builder, args[0]).data
        return builder.ptrtoint(data, ir.IntType(64))

    return types.int64(array), codegen


address = intrinsic(_address)


def forget_stale(folder: Path) -> None:
    """Drop what was compiled before the newest source of a folder was written.

    numba compares a compiled function only with its own file, but the functions of this room call and
    contain each other.
    """
    newest = max(source.stat().st_mtime for source in folder.glob("*.py"))
    for index in (folder / "__pycache__").glob("*.nbi"):
        with suppress(OSError):  # another process was faster, or the folder is read-only
            if index.stat().st_mtime < newest:
                index.unlink()


forget_stale(Path(__file__).parent)
