"""The runner of experiments: cells are trained, measured, and never computed twice.

A cell's files lie below one folder: `models/NAME` is its model, `cells/NAME.json` its figures
with the settings that they belong to. A run that was interrupted goes on with the next command;
a cell that fails is reported, the others go on, and it is tried again the next time.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from nachash import model_config, plugins
from nachash.complete_file import complete_file
from nachash.errors import ExistsError, InterruptedRunError, NachashError, UsageError
from nachash.records import Progress, to_json
from nachash.results.compare import Cell, Failed, Measured
from nachash.tasks.train.options import TrainSettings
from nachash.tasks.train.train import train

_log = logging.getLogger(__name__)

Measure = Callable[[Cell, Path], Measured]
_OF_TRAINING: Final = {entry.name for entry in fields(TrainSettings)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs cells below `folder`.

    Attributes:
        folder: where models and figures are kept.
        common: settings of training that all cells share.
        particular: settings of a method, by its name; those of training, or the method's own.
        protocol: what the measures are, in a word; figures under another one do not count.
        measure: figures of a trained model.
        progress: of training and encoding.
    """

    folder: Path
    common: TrainSettings
    particular: dict[str, dict[str, Any]]
    protocol: str
    measure: Measure
    progress: Progress

    def run(self, cells: Sequence[Cell]) -> tuple[tuple[Measured, ...], tuple[Failed, ...]]:
        """Figures of all cells that came to something, and the others with their reasons.

        Raises:
            UsageError: a method has no such setting.
            ExistsError: the folder holds figures of other settings.
            InterruptedRunError: Ctrl-C; what is finished stays.
        """
        finished = [self._finished(cell) for cell in cells]
        done: list[Measured] = []
        failed: list[Failed] = []
        for number, (cell, known) in enumerate(zip(cells, finished, strict=True), 1):
            _log.info("[%d/%d] %s", number, len(cells), cell.name)
            found = known or self._tried(cell)
            if isinstance(found, Measured):
                done.append(found)
            else:
                _log.info("%s failed: %s", cell.name, found.reason)
                failed.append(found)
        return tuple(done), tuple(failed)

    def settings(self, cell: Cell) -> TrainSettings:
        """How a cell is trained.

        Raises:
            UsageError: no method has the name.
        """
        plugins.load("methods", cell.method)
        given = self.particular.get(cell.method, {})
        own = {name: value for name, value in given.items() if name not in _OF_TRAINING}
        settings = replace(
            self.common,
            method=cell.method,
            bits=cell.bits,
            seed=cell.seed,
            out=self.folder / "models" / cell.name,
            latest=False,
            method_settings=own,
            **{name: value for name, value in given.items() if name in _OF_TRAINING},
        )
        return settings if cell.noise is None else replace(settings, noise=cell.noise)

    def _tried(self, cell: Cell) -> Measured | Failed:
        try:
            return self._computed(cell)
        except (InterruptedRunError, UsageError):
            raise
        except NachashError as error:
            return Failed(cell, error.sentence)
        except Exception as error:  # noqa: BLE001 - one broken cell is no reason to lose the others
            return Failed(cell, f"unexpected {type(error).__name__}: {error}")

    def _computed(self, cell: Cell) -> Measured:
        settings = self.settings(cell)
        assert settings.out is not None
        if not (settings.out / model_config.FILE_NAME).is_file():
            begun = model_config.unfinished(settings.out) / "checkpoint.pt"
            again = replace(settings, resume=begun.is_file(), overwrite=not begun.is_file())
            train(again, progress=self.progress)
        measured = self.measure(cell, settings.out)
        path = self._file(cell)
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {"settings": self._recipe(cell), "figures": measured}
        with complete_file(path) as file:
            file.write(f"{to_json(record)}\n".encode())
        return measured

    def _finished(self, cell: Cell) -> Measured | None:
        path = self._file(cell)
        if not path.is_file():
            return None
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            settings, values = record["settings"], record["figures"]
            found = Measured(**{**values, "cell": Cell(**values["cell"])})
        except (ValueError, KeyError, TypeError):
            return None  # measured again
        if settings != self._recipe(cell):
            raise ExistsError(
                f"{path} holds figures of other settings", "name another --out, or remove it"
            )
        return found

    def _file(self, cell: Cell) -> Path:
        return self.folder / "cells" / f"{cell.name}.json"

    def _recipe(self, cell: Cell) -> dict[str, Any]:
        """All that the figures of a cell depend on, as JSON gives it back."""
        settings: dict[str, Any] = json.loads(to_json(self.settings(cell)))
        for name in (
            "out",
            "workers",
            "device",
            "save_every",
            "resume",
            "overwrite",
            "latest",
            "monitor",
        ):
            del settings[name]
        return {**settings, "protocol": self.protocol}
