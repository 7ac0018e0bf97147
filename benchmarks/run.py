"""Run every benchmark of this folder and write docs/benchmarks.md: `make bench`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"


def main() -> None:
    """Measure, then write the page; `--quick` is handed on."""
    results = [measured(path) for path in sorted(HERE.glob("*.py")) if _is_benchmark(path)]
    PAGE.write_text(page(results), encoding="utf-8")


def measured(path: Path) -> dict[str, Any]:
    """The object that one benchmark prints."""
    command = [sys.executable, str(path), "--json", *sys.argv[1:]]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {**json.loads(printed), "about": _docstring(path)}


def page(results: list[dict[str, Any]]) -> str:
    """The page: a table per benchmark, the ratios first."""
    first = results[0]
    parts = [
        "# Benchmarks\n",
        f"Written by `make bench`. {first['machine']}; "
        + ", ".join(f"{name} {version}" for name, version in first["versions"].items())
        + ".\nRatios are measured in one run, medians of repeats; seconds vary with other load.\n",
    ]
    for result in results:
        rows = [f"| **{name}** | **{value:.3g}** |" for name, value in result["ratios"].items()]
        rows += [f"| {name} | {value:,.4g} |" for name, value in result["figures"].items()]
        parts.append(
            f"## {result['name']}\n\n{result['about']}\n\n"
            f"`{' '.join(['python', 'benchmarks/' + result['name'] + '.py', *sys.argv[1:]])}`\n\n"
            "| | |\n| --- | --- |\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(parts)


def _is_benchmark(path: Path) -> bool:
    # `copies` wants photographs, and has a table of its own in docs/duplicates.md.
    return not path.stem.startswith("_") and path.stem not in {"run", "copies"}


def _docstring(path: Path) -> str:
    import ast

    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


if __name__ == "__main__":
    main()
