"""The poster's hashing rows at full length, in parts: `make gpu-poster`.

    python tools/gpu_poster.py [--minutes 12] [--out runs/gpu-poster] [--rows nac,simclr]

Every row is the recipe `paper-cifar10-hash` with the objective of another method, measured by the
authors' ranking and by Hamming distance. A part lasts `--minutes`; the next call goes on where
it ended, with the same settings, and prints the table of what is finished. Data come from
`--data-root`, or $NACHASH_CIFAR10, or where nachash looks for `cifar10`. Without a GPU it says so
in one line; `--device cpu --small` runs all of it on digits, to see that it runs.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# The poster's mAP, and what the method is asked for beyond the recipe.
ROWS: Final[dict[str, tuple[float | None, tuple[str, ...]]]] = {
    "nac": (40.5, ()),
    "simclr": (34.2, ("--method", "simclr", "--noise", "auto", "--set", "temperature=0.5")),
    "moco-v2": (32.3, ("--method", "moco-v2", "--noise", "auto", "--set", "queue=4000")),
    "nac-rising": (None, ("--set", "posterior=network", "--set", "first_noise=0.1")),
    "nac-channel": (None, ("--set", "posterior=channel", "--set", "mixture=all")),
    "nac-late": (
        None,
        ("--set", "posterior=channel", "--set", "first_noise=0.3", "--set", "first_sampled=0"),
    ),
    "nac-mean-field": (None, ("--method", "nac-mean-field", "--set", "first_noise=0.3")),
    "simclr-rising": (
        None,
        (
            "--method",
            "simclr",
            "--noise",
            "auto",
            "--set",
            "temperature=0.8",
            "--set",
            "first_temperature=0.1",
        ),
    ),
}
RANKINGS: Final = {
    "hamming": (),
    "authors": ("--score", "dot01", "--empty-queries", "skip"),
}
SMALL: Final = (
    "--dataset=digits", "--protocol=50-per-class", "--backbone=small", "--bits=16",
    "--epochs=2", "--batch-size=64", "--size=16", "--augment=digits",
)  # fmt: skip
INTERRUPTED: Final = 130


@dataclass(frozen=True)
class Poster:
    """Where the rows lie, what they are trained on, and until when."""

    out: Path
    device: str
    small: bool
    data_root: str | None
    deadline: float

    @property
    def left(self) -> float:
        """Seconds of this part."""
        return self.deadline - time.monotonic()

    def trained(self, row: str) -> bool:
        """Train a row, or go on with it, as far as this part lasts; whether it is complete."""
        model = self.out / row
        if model.is_dir():
            return True
        begun = (self.out / f"{row}.unfinished" / "checkpoint.pt").is_file()
        again = ("--resume",) if begun else (*self._recipe(row), "--overwrite")
        common = ("--out", str(model), "--device", self.device, "--json")
        code = self._run("train", *again, *common)
        if code not in (0, INTERRUPTED):
            raise SystemExit(f"{row}: training failed with status {code}")
        return code == 0

    def _recipe(self, row: str) -> tuple[str, ...]:
        small = SMALL if self.small else ()
        return ("--recipe", "paper-cifar10-hash", *ROWS[row][1], *small, *self._data())

    def measured(self, row: str) -> dict[str, Any]:
        """Both rankings of a trained row; measured once."""
        path = self.out / f"{row}.json"
        if not path.is_file():
            figures = {name: self._scores(row, extra) for name, extra in RANKINGS.items()}
            path.write_text(json.dumps(figures), encoding="utf-8")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def _scores(self, row: str, extra: tuple[str, ...]) -> dict[str, Any]:
        dataset = "digits" if self.small else "cifar10"
        printed = subprocess.run(
            [
                *_nachash("eval-map", "--dataset", dataset, "--model", str(self.out / row)),
                *("--device", self.device, "--json", *extra, *self._data()),
            ],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        found: dict[str, Any] = json.loads(printed)
        return found

    def _data(self) -> tuple[str, ...]:
        return () if self.small or self.data_root is None else ("--data-root", self.data_root)

    def _run(self, *arguments: str) -> int:
        """Run a command; SIGINT when this part is over, which keeps the state of a training."""
        process = subprocess.Popen(
            _nachash(*arguments), stdout=subprocess.DEVNULL, preexec_fn=_hears_interrupts
        )
        try:
            return process.wait(max(self.left, 1))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            return process.wait()


def _nachash(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "nachash", *arguments]


def _hears_interrupts() -> None:
    """A shell lets its background jobs ignore SIGINT, and their children with them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def table(figures: dict[str, dict[str, Any]], rows: list[str]) -> str:
    """What is finished, as Markdown, and what is not."""
    lines = [
        "| row | poster mAP | mAP, authors' ranking | mAP | precision@1000 | different codes |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row, found in figures.items():
        poster, hamming = ROWS[row][0], found["hamming"]
        cells = [
            row,
            "" if poster is None else f"{poster}",
            f"{100 * found['authors']['map']:.1f}",
            f"{100 * hamming['map']:.1f}",
            f"{100 * hamming['precision_at'].get('1000', float('nan')):.1f}",
            f"{100 * hamming['distinct'] / hamming['gallery']:.1f} %",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    missing = [row for row in rows if row not in figures]
    if missing:
        lines.append(f"not finished: {', '.join(missing)}; the same command goes on")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """One part; 0 when every row is finished, 3 when there is more to do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--out", type=Path, default=Path("runs/gpu-poster"))
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--data-root", default=os.environ.get("NACHASH_CIFAR10"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args(arguments)
    rows = given.rows.split(",")
    if unknown := [row for row in rows if row not in ROWS]:
        parser.error(f"there is no row {unknown[0]}: {', '.join(ROWS)}")
    if given.device == "cuda" and not _gpu():
        print("gpu-poster: skipped, torch sees no GPU on this machine")
        return 0
    given.out.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + 60 * given.minutes
    poster = Poster(given.out, given.device, given.small, given.data_root, deadline)
    figures: dict[str, dict[str, Any]] = {}
    for row in rows:
        if (given.out / row).is_dir() or poster.left > 0:
            if not poster.trained(row):
                break
            figures[row] = poster.measured(row)
    print(table(figures, rows))
    return 0 if len(figures) == len(rows) else 3


def _gpu() -> bool:
    import torch

    return torch.cuda.is_available()


if __name__ == "__main__":
    raise SystemExit(main())
