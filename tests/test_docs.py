"""Documentation cannot fall behind: it is run, generated again and compared."""

import importlib.util
import re
from pathlib import Path

import pytest

from nachash import errors, plugins

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shape(text):
    """A printed text without its numbers and the widths that follow from them."""
    masked = re.sub(r"\d[\d.,]*", "#", text)
    return re.sub(r"[ ─]+", " ", masked)


def figures(text, name):
    """All values printed behind a name, in percent."""
    return [float(value) for value in re.findall(rf"{name}\s+([\d.]+) %", text)]


def test_the_page_of_commands_is_what_the_program_says(generate):
    assert generate.CLI_PAGE.read_text(encoding="utf-8") == generate.cli_page()


@pytest.mark.slow
def test_readme_shows_what_its_commands_print(generate):
    written = (ROOT / "README.md").read_text(encoding="utf-8")

    printed = generate.with_output(written)

    assert shape(printed) == shape(written)
    assert figures(printed, "mAP@all") == pytest.approx(figures(written, "mAP@all"), abs=8)


@pytest.mark.parametrize("command", plugins.names("cli"))
def test_readme_names_every_command(command):
    assert f"nachash {command}" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("group", plugins.groups("cli"))
def test_readme_names_every_command_of_a_group(group):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    for command in plugins.names(f"cli.{group}"):
        assert f"nachash {group} {command}" in readme


def test_every_exit_code_is_documented():
    page = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    classes = [value for value in vars(errors).values() if isinstance(value, type)]
    codes = {error.exit_code for error in classes if issubclass(error, errors.NachashError)}

    for code in codes:
        assert f"| {code} |" in page


@pytest.mark.parametrize("kind", ["datasets", "methods", "encoders.backbones"])
def test_every_plugin_is_described(generate, kind):
    """On a page that people wrote: the generated one names them all by itself."""
    written = [page for page in PAGES if page != generate.CLI_PAGE]
    text = "".join(page.read_text(encoding="utf-8") for page in written)

    assert [name for name in plugins.names(kind) if f"`{name}`" not in text] == []


def anchors(page):
    """What a link can point to in a page: its headings, as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere():
    links = [
        (page, target, anchor)
        for page in PAGES
        for target, anchor in re.findall(
            r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8")
        )
    ]
    lost = [
        f"{page.relative_to(ROOT)}: {target}#{anchor}"
        for page, target, anchor in links
        if not (place := page.parent / target if target else page).exists()
        or (anchor and anchor not in anchors(place))
    ]

    assert len(links) > len(PAGES)
    assert lost == []
