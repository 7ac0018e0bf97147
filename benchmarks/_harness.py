"""What every benchmark shares: its two flags, medians of child processes, the object it prints."""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nachash.tasks.environment import describe_machine


@dataclass(frozen=True)
class Report:
    """Ratios measured in one run, and the figures that they come from."""

    name: str
    ratios: dict[str, float]
    figures: dict[str, float]


@dataclass(frozen=True)
class Cost:
    """Seconds of wall clock and of CPU, and the peak of resident memory in MiB."""

    wall: float
    cpu: float
    memory: float


def main(measure: Callable[[bool], Report]) -> None:
    """Run one benchmark from the command line: `[--quick] [--json]`."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller, within a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    report = measure(arguments.quick)
    facts = {
        "name": report.name,
        "ratios": report.ratios,
        "figures": report.figures,
        "machine": describe_machine(),
        "versions": versions(),
    }
    print(json.dumps(facts) if arguments.json else _text(report))


def child(command: Sequence[str | Path], **environment: str) -> Cost:
    """Cost of one child process, which must succeed."""
    script = (
        "import resource, subprocess, sys;"
        "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode;"
        "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    finished = subprocess.run(
        [sys.executable, "-S", "-c", script, *map(str, command)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    code, memory = finished.stdout.split()
    if code != "0":
        raise SystemExit(f"{command} failed: {finished.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, int(memory) / 1024)


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each cost by itself."""
    return Cost(
        *(
            statistics.median(getattr(cost, part) for cost in costs)
            for part in ("wall", "cpu", "memory")
        )
    )


def versions() -> dict[str, str]:
    """Versions that matter for speed."""
    packages = ("numpy", "h5py", "faiss-gpu", "faiss-cpu", "onnxruntime", "torch", "pillow")
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _text(report: Report) -> str:
    rows = [*report.ratios.items(), *report.figures.items()]
    width = max(len(name) for name, _ in rows)
    return "\n".join([report.name, *(f"  {name:<{width}}  {value:,.4g}" for name, value in rows)])
