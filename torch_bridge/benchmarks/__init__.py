"""The paper's benchmarks: named, trained, compressed, measured."""

from torch_bridge.benchmarks.catalogue import BENCHMARKS, Benchmark, benchmark_named
from torch_bridge.benchmarks.runs import Bench

__all__ = ["BENCHMARKS", "Bench", "Benchmark", "benchmark_named"]
