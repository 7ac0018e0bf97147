"""`index add`: encode new and changed images of a folder with the encoder of the index."""

import time

from nachash.index.reader import open_index
from nachash.records import Progress, silent
from nachash.results.encode import Encoding
from nachash.tasks.choose_index import chosen_index, remember
from nachash.tasks.encode.add_images import Work, add_images
from nachash.tasks.encode.place import further_labels, placed, rows_without_image
from nachash.tasks.encoder import of_index as encoder_of
from nachash.tasks.index.options import AddSettings
from nachash.tasks.listed import listed
from nachash.tasks.workers import decoding_threads


def add(settings: AddSettings, *, progress: Progress = silent) -> Encoding:
    """Add what is new below the index's root, and encode again what has changed there.

    Raises:
        MissingError, NoImagesError: there is nothing to add.
        UsageError: the images do not lie below the root, or their labels are not clear.
        InterruptedRunError: Ctrl-C; the same command goes on from there.
        StorageError: the disk is full, or another process writes the index.
    """
    path = chosen_index(settings.index, changing=True)
    source = listed(settings.images, settings.exclude)
    started = time.perf_counter()
    with open_index(path) as index:
        selection = placed(source, index)
        labels = further_labels(settings.labels, selection, index)
        unmatched = rows_without_image(settings.labels, selection, index)
        encoder = encoder_of(index)
    outcome = add_images(
        Work(
            index=path,
            source=selection,
            encoder=encoder,
            labels=labels,
            batch_size=settings.batch_size,
            workers=decoding_threads(settings.workers),
            by_content=settings.hash,
            metadata=settings.metadata,
        ),
        progress,
    )
    remember(path)
    with open_index(path) as index:
        names = index.label_names or ()
    return Encoding(
        index=str(path),
        model="",
        images=outcome.images,
        skipped=outcome.skipped,
        bits=encoder.bits,
        labels=len(names),
        runtime="ONNX Runtime on the CPU",
        seconds=time.perf_counter() - started,
        added=outcome.added,
        changed=outcome.changed,
        unchanged=outcome.unchanged,
        unmatched=unmatched,
        renamed=outcome.renamed,
    )
