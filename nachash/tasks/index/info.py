"""`index info`: what is in an index, without reading its rows."""

from nachash.index.reader import open_index
from nachash.index.storage import journal, layout, lock
from nachash.results.index import IndexFacts
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.index.options import InfoSettings


def info(settings: InfoSettings) -> IndexFacts:
    """Facts about an index.

    Raises:
        MissingError, DamagedError, IncompatibleError, StorageError: it cannot be read.
    """
    path = chosen_index(settings.index)
    with open_index(path) as index:
        return IndexFacts(
            index=str(path),
            format_version=index.header.version,
            created_by=index.created_by,
            root=index.root,
            images=index.rows,
            removed=index.removed,
            next_id=index.next_id,
            bits=index.bits,
            labels=index.label_names,
            metadata=tuple(layout.METADATA) if index.has_metadata else None,
            errors=len(index.errors()),
            encoder=index.fingerprint,
            encoder_bytes=len(index.encoder),
            image_size=index.preprocessing.size,
            file_bytes=path.stat().st_size,
            unfinished=journal.is_unfinished(path),
            written_by=lock.owner(path),
        )
