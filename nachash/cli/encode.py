"""`nachash encode`: write the codes of all images of a folder into an index."""

import typer

from nachash import options
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.tasks.encode.options import EncodeSettings


@declared(EncodeSettings)
def command(
    settings: EncodeSettings,
    *,
    json: options.Json = False,
    strict: options.Strict = False,
    debug: Debug = False,
) -> None:
    """Encode all images of a folder into one index file, with the encoder inside.

    Without a model of your own the one that comes with nachash, `builtin`, encodes.

    The index alone is enough to search. An image that cannot be read is skipped and listed
    in the index with its reason. An index that is there and was made of the same folder by the
    same encoder is continued: only new and changed images are encoded, also after an
    interruption.
    """
    from nachash.records import to_json
    from nachash.report import table
    from nachash.tasks.encode.encode import encode

    with terminal.progress() as progress:
        result = encode(settings, progress=progress)
    terminal.note(f"model: {result.model}")
    terminal.show_skipped(result.skipped)
    typer.echo(to_json(result) if json else table.encoding(result))
    if strict:
        terminal.require_nothing_skipped(result)
