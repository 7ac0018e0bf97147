"""`encode`: images -> pixels -> activations -> bits -> an index with the encoder inside."""

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from nachash import codes
from nachash.errors import (
    DamagedError,
    ExistsError,
    IncompatibleError,
    InterruptedRunError,
    MissingError,
    NoImagesError,
    UsageError,
)
from nachash.images import location, stream
from nachash.images.labels import csv_labels, folder_labels
from nachash.index import reader, writer
from nachash.records import Encoding, Labels, Progress, Skipped, Source, silent
from nachash.tasks.choose_index import remember
from nachash.tasks.model import Model, chosen_model, loaded_model
from nachash.tasks.workers import decoding_threads


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeSettings:
    """What `encode` needs to know; the words are those of the command line."""

    images: str
    out: Path
    model: Path | None = None
    labels: str = "auto"
    batch_size: int = 256
    device: str = "auto"
    workers: int | None = None
    overwrite: bool = False


def encode(settings: EncodeSettings, *, progress: Progress = silent) -> Encoding:
    """Write the codes of all images of a source into a new index.

    Raises:
        MissingError: the images or the model are not where they were looked for.
        NoImagesError: the source has no image, or none that can be decoded.
        ExistsError: the output exists, or is no index and would be overwritten.
        InterruptedRunError: Ctrl-C; what was committed stays readable.
        StorageError: the disk is full; what was committed stays readable.
    """
    target = _checked_output(settings.out, overwrite=settings.overwrite)
    source = location.source(settings.images, sys.stdin)
    labels = _labels(settings.labels, source)
    model = loaded_model(chosen_model(settings.model), settings.device)
    started = time.perf_counter()
    try:
        images, skipped = _write_codes(target, settings, model, source, labels, progress)
    except KeyboardInterrupt as error:
        raise InterruptedRunError(
            f"interrupted: what was encoded so far can be read in {target}"
        ) from error
    if not images:
        target.unlink()
        raise NoImagesError(f"none of the {len(skipped)} files in {settings.images} is an image")
    target.replace(settings.out)
    remember(settings.out)
    return Encoding(
        index=str(settings.out),
        model=str(model.directory),
        images=images,
        skipped=tuple(skipped),
        bits=model.config.bits,
        labels=len(labels.names) if labels else 0,
        runtime=model.runtime,
        seconds=time.perf_counter() - started,
    )


def _checked_output(out: Path, *, overwrite: bool) -> Path:
    """Where to write: `out`, or a file beside it that replaces `out` when it is complete."""
    if out.is_dir():
        raise UsageError(f"{out} is a folder", f"nachash encode ./images {out / 'out.h5'}")
    if not out.parent.is_dir():
        raise MissingError(f"the folder {out.parent} does not exist", f"mkdir -p {out.parent}")
    if not out.exists():
        return out
    if not overwrite:
        raise ExistsError(f"{out} exists already", "another name, or --overwrite to replace it")
    _refuse_to_lose(out)
    target = out.with_name(f"{out.name}.new")
    target.unlink(missing_ok=True)
    return target


def _refuse_to_lose(out: Path) -> None:
    try:
        reader.open_index(out).close()
    except IncompatibleError:
        return
    except DamagedError as error:
        raise ExistsError(
            f"{out} is not an index of nachash and is not overwritten",
            "another name for the output, or delete that file yourself",
        ) from error


def _labels(wanted: str, source: Source) -> Labels | None:
    paths = [reference.path for reference in source.references]
    if wanted == "none":
        return None
    if wanted in ("auto", "folder"):
        labels = folder_labels(paths)
        if labels is None and wanted == "folder":
            raise UsageError(
                f"--labels folder: not every image of {source.root} lies in a folder below it",
                "--labels none, or a table: --labels labels.csv",
            )
        return labels
    return csv_labels(Path(wanted), paths)


def _write_codes(
    target: Path,
    settings: EncodeSettings,
    model: Model,
    source: Source,
    labels: Labels | None,
    progress: Progress,
) -> tuple[int, list[Skipped]]:
    """Stream every image into the index; returns how many went in and what was left out."""
    preprocessing = model.config.preprocessing
    skipped = list(source.skipped)
    row_of = {reference.path: row for row, reference in enumerate(source.references)}
    images = done = 0
    with writer.create(
        target,
        bits=model.config.bits,
        preprocessing=preprocessing,
        encoder=model.onnx,
        model=asdict(model.config),
        root=source.root,
        label_names=labels.names if labels else None,
    ) as index:
        for batch in stream.batches(
            source,
            preprocessing,
            batch_size=settings.batch_size,
            workers=decoding_threads(settings.workers),
        ):
            rows = [row_of[reference.path] for reference in batch.references]
            index.append(
                codes.encode(model.activations(batch.pixels)),
                batch.references,
                labels.multi_hot[rows] if labels else None,
                batch.skipped if done else [*source.skipped, *batch.skipped],
            )
            images += len(rows)
            done += len(rows) + len(batch.skipped)
            skipped += batch.skipped
            progress("encoding", done, len(source.references))
    return images, skipped
