"""Records as one self-contained HTML page: no script, no file beside it, no network."""

from nachash.report import bit_pattern
from nachash.results.page import DemoPage, ResultPage


def demo(page: DemoPage) -> str:
    """The demo's page: answers to unseen digits, mAP beside the baseline, commands to repeat."""
    return _render("demo.html", page=page)


def results(page: ResultPage) -> str:
    """A page of pictures with distances and bit patterns."""
    return _render("results.html", page=page)


def _render(template: str, **values: object) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("nachash.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = lambda fraction: f"{100 * fraction:.1f}"
    for drawing in (bit_pattern.columns, bit_pattern.lines, bit_pattern.squares):
        environment.filters[drawing.__name__] = drawing
    environment.filters["same_ones"] = bit_pattern.same_ones
    return environment.get_template(template).render(**values)
