"""`index export`: the codes in a form that other programs read."""

from nachash import plugins
from nachash.errors import ExistsError, MissingError, UsageError
from nachash.index.reader import open_index
from nachash.results.index import Export
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.index.options import ExportSettings

SUFFIXES = {".npy": "npy", ".faiss": "faiss", ".csv": "csv", ".parquet": "parquet"}


def export(settings: ExportSettings) -> Export:
    """Write the live rows of an index.

    Raises:
        UsageError: no such format.
        ExistsError: the output exists.
        MissingError: the package for the format is not installed, or there is no such folder.
        StorageError: the output cannot be written.
    """
    form = settings.format or SUFFIXES.get(settings.out.suffix.lower())
    if form is None:
        raise UsageError(
            f"the suffix of {settings.out} does not say in which format to export",
            f"--format {'|'.join(plugins.names('exports'))}",
        )
    exporter = plugins.load("exports", form)
    for file in (settings.out, *(settings.out.with_suffix(each) for each in exporter.BESIDE)):
        if file.exists() and not settings.overwrite:
            raise ExistsError(f"{file} exists already", "another name, or --overwrite")
    if not settings.out.parent.is_dir():
        raise MissingError(f"the folder {settings.out.parent} does not exist")
    path = chosen_index(settings.index)
    with open_index(path, check=not settings.no_check) as index:
        exporter.write(
            settings.out,
            ids=index.ids(),
            codes=index.codes(),
            paths=index.all_paths(),
            bits=index.bits,
        )
        return Export(str(path), str(settings.out), form, index.rows)
