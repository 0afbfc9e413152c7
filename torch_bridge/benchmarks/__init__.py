"""The paper's benchmarks: named, trained, compressed, measured."""

from torch_bridge.benchmarks.catalogue import BENCHMARKS, Benchmark, benchmark_named
from torch_bridge.benchmarks.experiment import Experiment

__all__ = ["BENCHMARKS", "Benchmark", "Experiment", "benchmark_named"]
