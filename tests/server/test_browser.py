"""The page in a real browser, by mouse and by keyboard; screenshots go to $NACHASH_SCREENSHOTS."""

import base64
import os
import re
import shutil
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

expect = playwright.expect
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]

DROP = """([name, kind, text]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: kind }));
  for (const event of ["dragenter", "dragover", "drop"]) {
    const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
    document.body.dispatchEvent(new DragEvent(event, options));
  }
}"""
PASTE = """([name, kind, text]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: kind }));
  const options = { clipboardData: transfer, bubbles: true, cancelable: true };
  document.dispatchEvent(new ClipboardEvent("paste", options));
}"""


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def options():
    """What the server is started with."""
    return ()


@pytest.fixture
def page(browser, program, request, options):
    """The page, loaded; a message on its console or an error in its script fails the test."""
    _, address = program(*options)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(address)
    page.wait_for_selector(".tile")
    yield page
    folder = os.environ.get("NACHASH_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{request.node.name}.png")
    context.close()
    assert [text for text in complaints if "status of 4" not in text] == []


def handed(page, script, picture, name="three.jpg", kind="image/jpeg"):
    page.evaluate(script, [name, kind, base64.b64encode(picture).decode()])


def shown(page):
    """Distances and paths of the visible tiles."""
    return page.eval_on_selector_all(
        "#results li:not([hidden])",
        "items => items.map(i => [Number(i.dataset.distance), i.querySelector('bdi').textContent])",
    )


def hits(page, address, **wish):
    """What the JSON API answers to the same question."""
    found = page.request.get(f"{page.url.partition('#')[0]}{address}", params=wish).json()
    return [[hit["distance"], hit["path"]] for hit in found["hits"]]


def focused(page):
    return page.evaluate("document.activeElement.querySelector('bdi')?.textContent")


@pytest.mark.parametrize("script", [DROP, PASTE], ids=["drop", "paste"])
def test_a_picture_that_is_handed_over_is_searched(page, picture, script):
    handed(page, script, picture)
    page.wait_for_selector("#asked:not([hidden])")

    found = page.request.post(f"{page.url}search?k=200", data=picture).json()["hits"]
    assert page.inner_text("#asked-name") == "three.jpg"
    page.eval_on_selector(
        "#radius",
        "slider => { slider.value = slider.max; slider.dispatchEvent(new Event('input')); }",
    )
    assert shown(page) == [[hit["distance"], hit["path"]] for hit in found]
    assert page.locator("#veil").is_hidden()


def test_a_picked_file_is_searched_and_a_click_goes_on(page, indexed_digits):
    page.set_input_files("#file", indexed_digits / "query.jpg")
    page.wait_for_selector("#asked:not([hidden])")
    identifier = page.get_attribute(".tile >> nth=2", "data-id")
    path = shown(page)[2][1]

    page.click(".tile >> nth=2")

    expect(page.locator("#asked-name")).to_have_text(path)
    every = hits(page, f"neighbours/{identifier}", k=200)
    visible = shown(page)
    assert visible == every[: len(visible)]
    assert visible
    assert page.url.endswith(f"#{identifier}")
    page.go_back()
    page.wait_for_selector("#asked", state="hidden")


def test_the_slider_counts_and_shows_what_lies_within(page):
    page.click(".tile >> nth=0")
    page.wait_for_selector("#asked:not([hidden])")
    page.focus("#radius")
    page.keyboard.press("Home")
    identifier = page.url.partition("#")[2]
    every = hits(page, f"neighbours/{identifier}", k=1000)

    for radius in range(12):
        near = [hit for hit in every if hit[0] <= radius]
        assert shown(page) == near[:200]
        count = page.inner_text("#count b")
        assert int(re.sub(r"\D", "", count)) == len(near)
        assert page.get_attribute("#radius", "aria-valuetext").endswith(count)
        page.keyboard.press("ArrowRight")
    assert page.get_attribute("#count", "aria-live") == "polite"


def test_filters_narrow_the_images(page):
    page.select_option("#label", "3")
    expect(page.locator("#count")).to_contain_text("that the filter leaves")
    assert {path.split("/")[0] for _, path in shown(page)} == {"3"}

    page.select_option("#label", "")
    page.fill("#where", "path=7/* size>0")
    expect(page.locator("#results bdi").first).to_contain_text("7/")
    page.fill("#where", "colour=red")
    page.wait_for_selector("#problem:not([hidden])")
    assert "no condition" in page.inner_text("#problem")


def test_a_text_is_refused_with_a_sentence_and_the_page_stays(page):
    before = shown(page)

    handed(page, DROP, b"this is a text", "notes.txt", "text/plain")

    page.wait_for_selector("#problem:not([hidden])")
    assert "not an image" in page.inner_text("#problem")
    assert page.get_attribute("#problem", "role") == "alert"
    assert shown(page) == before
    page.click(".tile >> nth=0")
    page.wait_for_selector("#asked:not([hidden])")
    assert page.locator("#problem").is_hidden()


def test_all_can_be_done_by_keyboard(page, picture):
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "pick"
    given = {"name": "q.jpg", "mimeType": "image/jpeg", "buffer": picture}
    page.set_input_files("#file", given)  # what the dialog that Enter opens would do
    page.wait_for_selector("#asked:not([hidden])")
    page.focus("#radius")
    page.keyboard.press("End")
    paths = [path for _, path in shown(page)]
    page.focus("#where")
    page.keyboard.press("Tab")
    assert focused(page) == paths[0]

    for key, place in [
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("End", -1),
        ("Home", 0),
    ]:
        page.keyboard.press(key)
        assert focused(page) == paths[place], key
    page.keyboard.press("ArrowDown")
    below = paths.index(focused(page))
    assert below > 1
    page.keyboard.press("ArrowUp")
    assert focused(page) == paths[0]

    page.keyboard.press("Enter")
    expect(page.locator("#asked-name")).to_have_text(paths[0])
    assert focused(page) == shown(page)[0][1]
    page.keyboard.press("Escape")
    page.wait_for_selector("#asked", state="hidden")
    assert page.evaluate("document.activeElement.id") == "pick"


def test_everything_that_can_be_used_has_a_name(page):
    page.click(".tile >> nth=0")
    page.wait_for_selector("#asked:not([hidden])")

    nameless = page.evaluate("""() => [...document.querySelectorAll("button, input, select, img")]
      .filter((each) => each.checkVisibility() && each.alt !== "")
      .filter((each) => !(each.ariaLabel || each.alt || each.textContent.trim()))
      .filter((each) => !each.labels?.[0]?.textContent.trim())
      .map((each) => each.outerHTML)""")
    assert nameless == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_is_readable_in_both_schemes_and_has_no_sideways_scroll(page, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    page.click(".tile >> nth=0")
    page.wait_for_selector("#asked:not([hidden])")

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for part in ("#count", "#asked-name", ".tile .name", ".picker small"):
        if page.locator(part).first.is_visible():
            assert contrast(page, part) >= 4.5, part


def contrast(page, selector):
    """Contrast of a text with the page behind it, as WCAG 2.2 defines it."""
    colours = page.evaluate(
        """(selector) => {
          const canvas = document.createElement("canvas");
          const paint = canvas.getContext("2d", { willReadFrequently: true });
          const rgb = (colour) => {
            paint.fillStyle = colour;
            paint.fillRect(0, 0, 1, 1);
            return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
          };
          const text = getComputedStyle(document.querySelector(selector)).color;
          return [rgb(text), rgb(getComputedStyle(document.body).backgroundColor)];
        }""",
        selector,
    )
    one, other = sorted(map(luminance, colours))
    return (other + 0.05) / (one + 0.05)


def luminance(colour):
    parts = [value / 255 for value in colour]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("options", [("--host", "0.0.0.0")])
def test_the_page_works_with_a_token_which_leaves_the_address(page, picture, options):
    handed(page, DROP, picture)
    page.wait_for_selector("#asked:not([hidden])")

    assert "token" not in page.url
    assert page.eval_on_selector(".tile img", "image => image.decode().then(() => true)")
    page.reload()
    page.wait_for_selector(".tile")


def test_a_visitor_without_the_token_can_type_it(browser, program):
    _, address = program("--host", "0.0.0.0")
    own, _, token = address.partition("?token=")
    context = browser.new_context()
    page = context.new_page()
    page.goto(own)

    assert "Token" in page.inner_text("label")
    page.fill("#token", token)
    page.keyboard.press("Enter")
    page.wait_for_selector(".tile")
    assert page.url == own
    context.close()
