"""Where images come from, and how their bytes become pixels, with limits.

A source (`nachash.records.Source`) lists images once and opens them in any order, from several
threads: `folder`, `path_list`, `tar`, `zip_archive`, `shards`, `remote`, `files` and `arrays` hold
one constructor each, and
`location.source` chooses by what a user named. `stream.batches` reads a source into arrays of
pixels. Nothing here ever ends a run because of one image: what cannot be listed stands in
`source.skipped`, what cannot be decoded in `DecodedBatch.skipped`, each with a reason of a few
words; reading never blocks on a pipe, and memory does not depend on how many images there are.

To add a source: one file, one frozen class with `root`, `references`, `skipped` and `open`, and
one public constructor.
"""
