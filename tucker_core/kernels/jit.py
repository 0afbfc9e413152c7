"""How this room compiles: once for each type, by one thread, kept on disk, and never stale."""

import hashlib
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

_LOCK = RLock()
if hasattr(os, "register_at_fork"):  # a child must not inherit the lock of a thread that it lacks
    os.register_at_fork(
        before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
    )


def once(function: Function) -> Function:
    """As functools.cache, but no two threads run the function, for whatever arguments.

    functools.cache lets both run and drops one of the results. The address of a dropped one would
    lead nowhere.
    """
    results = dict[tuple[Any, ...], Any]()

    @wraps(function)
    def run(*arguments: Any) -> Any:
        with _LOCK:
            if arguments not in results:
                results[arguments] = function(*arguments)
            return results[arguments]

    return cast(Function, cache(run))


def inlined(function: Function) -> Function:
    """Compile as part of each caller."""
    return cast(Function, numba.njit(inline="always", error_model="numpy")(function))


def compiled(function: Callable[..., Any], *arguments: Any) -> Any:
    """The compiled function for these types of arguments, which does not look at what it is given.

    numba's own calls do, but not closely: they remember by the first call of a kind what all later ones
    hold, and see neither masks nor swapped bytes. So the callers of this room check every array that
    is not theirs: its class, dtype and number of modes, and here or in the kernel its layout.
    """

    def compile_one(keep: bool) -> Any:
        dispatcher = numba.njit(cache=keep, error_model="numpy")(function)
        dispatcher.compile(arguments)
        _alive.append(dispatcher)
        return dispatcher.get_overload(arguments)

    return _kept(function, compile_one)


_alive: list[Any] = []  # the owners of the compiled functions


def lazily_compiled(function: Function) -> Function:
    """Compile for whatever types a call brings, where nothing depends on them but the result's."""
    dispatcher = _kept(function, lambda keep: numba.njit(cache=keep)(function))
    _drop_damaged(getattr(dispatcher, "_cache", None))  # none where nothing is compiled
    return cast(Function, dispatcher)


def _drop_damaged(cache: Any) -> None:
    """Let what cannot be read of a cache be compiled anew, where numba raises at every first call."""
    if cache is None:
        return
    load = cache.load_overload

    def load_or_drop(*arguments: Any) -> Any:
        try:
            return load(*arguments)
        except Exception:  # unpickling damaged bytes may raise anything
            try:
                cache.flush()
            except OSError:
                cache.disable()
            return None

    cache.load_overload = load_or_drop


def reads(dtype: np.dtype[Any], order: int) -> Any:
    """Type of a C-contiguous array that is only read."""
    return types.Array(numba.from_dtype(dtype), order, "C", readonly=True)


def writes(dtype: np.dtype[Any], order: int) -> Any:
    """Type of a C-contiguous array that is written."""
    return types.Array(numba.from_dtype(dtype), order, "C")


def address_of(function: Callable[..., None], *arguments: Any) -> Any:
    """Compile a function on its own; the result's `address` serves compiled callers, see `call_at`."""
    kind = types.void(*arguments)
    return _kept(function, lambda keep: numba.cfunc(kind, cache=keep)(function))


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


_reasons: list[str] = []  # why something could not be kept; the first is told


def _kept(function: Any, compile_one: Callable[[bool], Any]) -> Any:
    """Compile with numba's cache on disk, or without one where there can be none.

    numba compares what it kept with the function's own file alone, but the functions of this room call
    and contain each other. So the name under which it keeps one says what stands in all their files.
    """
    function.__qualname__ = f"{function.__name__}_{_SOURCES}"
    try:
        return compile_one(True)
    except Exception as error:
        compiled = compile_one(False)  # where an error that is none of the disk's comes again
        _reasons.append(str(error))
        if len(_reasons) == 1:
            warnings.warn(
                f"compiled kernels cannot be kept on disk ({error}), so every process spends seconds "
                "on compiling them: let NUMBA_CACHE_DIR name a folder that can be written",
                RuntimeWarning,
                stacklevel=2,
            )
    return compiled


def _hash_of(sources: list[Path]) -> str:
    content = hashlib.sha256()
    for source in sources:
        content.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return content.hexdigest()[:16]


def _forget_others(folder: Path) -> None:
    """Drop what was compiled from other sources than today's and would never be loaded again."""
    for compiled in folder.glob("*.nb[ic]"):
        if _SOURCES not in compiled.name:
            with suppress(OSError):  # another process was faster, or the folder is read-only
                compiled.unlink()


_ROOM = Path(__file__).parent
_SOURCES = _hash_of(sorted(_ROOM.glob("*.py")))
_forget_others(_ROOM / "__pycache__")
