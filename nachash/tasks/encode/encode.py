"""`encode`: images -> pixels -> activations -> bits -> an index with the encoder inside."""

import contextlib
import logging
import time
from dataclasses import asdict
from pathlib import Path

from nachash.errors import (
    DamagedError,
    ExistsError,
    IncompatibleError,
    MissingError,
    NachashError,
    NoImagesError,
    StorageError,
    UsageError,
)
from nachash.images.sources.root import absolute
from nachash.images.sources.selection import FileSource, Selection, below
from nachash.index import reader, writer
from nachash.index.storage import naming
from nachash.records import Labels, Progress, silent
from nachash.results.encode import Encoding
from nachash.tasks.choose_index import remember
from nachash.tasks.encode.add_images import Outcome, Work, add_images
from nachash.tasks.encode.options import EncodeSettings
from nachash.tasks.encode.place import first_labels, further_labels, placed, rows_without_image
from nachash.tasks.encode.plan import plan
from nachash.tasks.listed import listed
from nachash.tasks.model import Model, encoding_model, loaded_model
from nachash.tasks.workers import decoding_threads

_log = logging.getLogger(__name__)


def encode(
    settings: EncodeSettings,
    *,
    progress: Progress = silent,
) -> Encoding:
    """Write the codes of all images of a source into an index.

    An index of the same encoder and folder is continued: only new and changed images are
    encoded, also where an earlier run was interrupted.

    Raises:
        MissingError: the images or the model are not where they were looked for.
        NoImagesError: the source has no image, or none that can be decoded.
        ExistsError: the output exists and cannot be continued.
        InterruptedRunError: Ctrl-C; what was committed stays readable.
        StorageError: the disk is full; what was committed stays readable.
    """
    target = _checked_output(settings)
    source = listed(settings.images, settings.exclude)
    model = loaded_model(encoding_model(settings.model), settings.device)
    started = time.perf_counter()
    continued = target.exists() and _can_continue(target, settings, model, source)
    if continued:
        selection, labels = _continuation(target, settings, source)
    else:
        selection, labels = below(source, ""), first_labels(settings.labels, source)
        _create(target, model, source, labels)
    unmatched = _unmatched(target, settings, selection)
    try:
        outcome = add_images(_work(target, settings, model, selection, labels), progress)
    except StorageError:
        _forget_empty(target)
        raise
    _finish(target, settings, outcome)
    return Encoding(
        index=str(settings.out),
        model=str(model.directory),
        images=outcome.images,
        skipped=outcome.skipped,
        bits=model.config.bits,
        labels=_label_count(settings.out),
        runtime=model.runtime,
        seconds=time.perf_counter() - started,
        added=outcome.added,
        changed=outcome.changed,
        unchanged=outcome.unchanged,
        unmatched=unmatched,
        renamed=outcome.renamed,
    )


def _checked_output(settings: EncodeSettings) -> Path:
    """Where to write: `out`, or a file beside it that replaces `out` when it is complete."""
    out = settings.out
    if out.is_dir():
        raise UsageError(f"{out} is a folder", f"nachash encode ./images {out / 'out.h5'}")
    if not out.parent.is_dir():
        raise MissingError(f"the folder {out.parent} does not exist", f"mkdir -p {out.parent}")
    target = out
    if out.exists() and settings.overwrite:
        _refuse_to_lose(out)
        naming.require_one_name(out)
        place = naming.real(out)
        target = place.with_name(f"{place.name}.new")
    if settings.resume and not target.exists():
        raise MissingError(f"there is no index {target} to go on with", "leave --resume out")
    return target


def _can_continue(
    target: Path,
    settings: EncodeSettings,
    model: Model,
    source: FileSource,
) -> bool:
    """Whether an index that is there is continued; one that cannot be is an error.

    What an interrupted `--overwrite` left is dropped where it does not fit: it is no result.
    """
    leftover = target != settings.out
    try:
        with reader.open_index(target) as index:
            trouble = _why_not(index, model, source, leftover=leftover)
            rows, blank = index.rows, settings.metadata and not index.has_metadata
    except (DamagedError, IncompatibleError) as error:
        raise ExistsError(
            f"{target} exists already and cannot be continued: {error.sentence}",
            "another name, or --overwrite to replace an index",
        ) from error
    if not trouble:
        _log.info("%s exists: going on with it, %s images are encoded already", target, f"{rows:,}")
        if blank and rows:
            _log.info("these have no metadata; --overwrite encodes them again")
        return True
    if not leftover:
        raise ExistsError(
            f"{target} exists already and {trouble}",
            "another name, or --overwrite to replace it; or, where the images have moved, "
            "nachash index relocate OLD NEW",
        )
    writer.open_for_append(target).close()  # nobody else is writing it
    target.unlink()
    return False


def _why_not(index: reader.Index, model: Model, source: FileSource, *, leftover: bool) -> str:
    """Why an index cannot be continued; empty when it can."""
    if index.fingerprint != model.config.encoder_sha256:
        return f"was made by another encoder than {model.directory}"
    try:
        selection = placed(source, index)
    except UsageError:
        return f"holds images of {index.root}, not of {source.root}"
    if leftover and plan(index, selection, by_content=False).unchanged < index.rows:
        return "holds images that are no longer there"
    return ""


def _continuation(
    target: Path, settings: EncodeSettings, source: FileSource
) -> tuple[Selection, Labels | None]:
    with reader.open_index(target) as index:
        selection = placed(source, index)
        return selection, further_labels(settings.labels, selection, index)


def _unmatched(target: Path, settings: EncodeSettings, selection: Selection) -> int:
    with reader.open_index(target) as index:
        return rows_without_image(settings.labels, selection, index)


def _create(target: Path, model: Model, source: FileSource, labels: Labels | None) -> None:
    writer.create(
        target,
        bits=model.config.bits,
        preprocessing=model.config.preprocessing,
        encoder=model.onnx,
        model=asdict(model.config),
        root=absolute(source.root),
        label_names=labels.names if labels else None,
    ).close()


def _work(
    target: Path,
    settings: EncodeSettings,
    model: Model,
    selection: Selection,
    labels: Labels | None,
) -> Work:
    return Work(
        index=target,
        source=selection,
        encoder=model.encoder,
        labels=labels,
        batch_size=settings.batch_size,
        workers=decoding_threads(settings.workers),
        by_content=settings.hash,
        metadata=settings.metadata,
    )


def _finish(target: Path, settings: EncodeSettings, outcome: Outcome) -> None:
    """Give a complete index its name; an empty one is no index."""
    with reader.open_index(target) as index:
        empty = index.next_id == 0
    if empty:
        naming.real(target).unlink()
        raise NoImagesError(
            f"none of the {len(outcome.skipped)} files in {settings.images} is an image"
        )
    if target != settings.out:
        naming.replace(target, settings.out)
    remember(settings.out)


def _forget_empty(target: Path) -> None:
    """Remove an index in which the disk had no room for a single batch."""
    with contextlib.suppress(NachashError, OSError):
        with reader.open_index(target) as index:
            empty = index.next_id == 0 and not index.errors()
        if empty:
            with writer.open_for_append(target):  # nobody else is writing it
                naming.real(target).unlink()


def _label_count(path: Path) -> int:
    with reader.open_index(path) as index:
        return len(index.label_names or ())


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
