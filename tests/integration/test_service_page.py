"""The upload page in a real browser: a picture is chosen, taken or dragged; its bars are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from fakes.browser import PROGRAM, Browser, Page, browsing
from fakes.serving import Running, encoded, png, serving

TINY = Path(__file__).parents[1] / "golden" / "models" / "tiny_float32.tflite"
TOKEN = "0123456789abcdef"
LEAST_CONTRAST = 4.5
"""Of text to what is behind it (WCAG 2.2, 1.4.3)."""

VIEWS = [("light", 800), ("dark", 800), ("light", 390), ("dark", 390)]


@pytest.fixture(scope="module")
def browser(
    require: Callable[[str, bool, str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    require("chromium", PROGRAM is not None, "no chromium on PATH")
    with browsing(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="module")
def service(browser: Browser) -> Iterator[Running]:
    with serving(TINY, "--workers", 1) as running:
        yield running


@pytest.fixture
def page(browser: Browser, service: Running) -> Iterator[Page]:
    page = browser.page()
    page.open(address(service))
    yield page
    assert page.faults == []


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    file = tmp_path / "seven.png"
    file.write_bytes(png(7, 40))
    return file


def address(service: Running) -> str:
    return f"http://127.0.0.1:{service.port}/"


BARS = """[...document.querySelectorAll("li.class")].map(item => [
  ...[...item.querySelectorAll(".told span")].map(each => each.textContent),
  item.querySelector(".bar").getBoundingClientRect().width /
    item.querySelector(".track").clientWidth])"""


def check_bars(page: Page, service: Running, content: bytes) -> None:
    """The page shows what the service says: labels, per cents, and bars as long as those."""
    page.wait("document.querySelectorAll('li.class').length")
    classes = service.classify(content).json["pictures"][0]["classes"]
    shown = page.value(BARS)
    assert [each[:2] for each in shown] == [
        [told["label"], f"{100 * told['probability']:.1f} %"] for told in classes
    ]
    for (_, _, length), told in zip(shown, classes, strict=True):
        assert length == pytest.approx(told["probability"], abs=0.02)
    assert "ms to infer" in page.value("document.getElementById('times').textContent")


@pytest.mark.parametrize("field", ["#file", "#camera"])
def test_a_chosen_picture_is_shown_with_its_bars(
    page: Page, service: Running, picture: Path, field: str
) -> None:
    page.choose(field, picture)
    check_bars(page, service, picture.read_bytes())
    assert page.value("document.getElementById('shown').alt") == "Your picture: seven.png"
    page.wait("document.getElementById('shown').naturalWidth === 40")


def test_a_dragged_picture_is_shown_with_its_bars(
    page: Page, service: Running, picture: Path
) -> None:
    page.drag("#drop", picture)
    check_bars(page, service, picture.read_bytes())


def test_a_phone_offers_its_camera(page: Page) -> None:
    """By the attributes that HTML has for it; a headless browser has no camera."""
    camera = "document.getElementById('camera')"
    assert page.value(f"[{camera}.type, {camera}.accept, {camera}.getAttribute('capture')]") == [
        "file", "image/*", "environment",
    ]  # fmt: skip


def test_what_is_no_picture_is_said_aloud(page: Page, service: Running, tmp_path: Path) -> None:
    """And the next picture is answered; the refusal stands in the browser's log, as it should."""
    (tmp_path / "text.png").write_text("this is no picture")
    (tmp_path / "right.webp").write_bytes(encoded(Image.new("L", (9, 9), 90), "WEBP"))
    page.choose("#file", tmp_path / "text.png")
    wrong = "document.querySelector('[role=alert]').textContent"
    page.wait(wrong)
    assert page.value(wrong).startswith("A picture cannot be used.")
    assert page.value("document.querySelectorAll('li.class').length") == 0
    page.choose("#file", tmp_path / "right.webp")
    check_bars(page, service, (tmp_path / "right.webp").read_bytes())
    assert page.value(wrong) == ""
    assert len(page.faults) == 1
    assert "422" in page.faults.pop()


def test_a_token_is_asked_for(browser: Browser, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    with serving(TINY, "--workers", 1, "--token-file", tmp_path / "token") as service:
        page = browser.page()
        page.open(address(service))
        page.choose("#file", picture)
        page.wait("document.getElementById('wrong').textContent.includes('token')")
        page.value(f"document.getElementById('key').value = '{TOKEN}'")
        page.value("document.getElementById('key').dispatchEvent(new Event('change'))")
        page.wait("document.querySelectorAll('li.class').length === 3")
        service.stop()
        page.choose("#file", picture)
        page.wait("document.getElementById('wrong').textContent.includes('Is it running?')")


CONTRAST = """(() => {
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(each => each / 255)
    .map(each => each <= .04045 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4)
    .reduce((sum, each, i) => sum + each * [.2126, .7152, .0722][i], 0);
  const behind = each => {
    const colour = numbers(getComputedStyle(each).backgroundColor);
    return colour[3] === 0 && each.parentElement ? behind(each.parentElement) : colour;
  };
  const texts = [...document.querySelectorAll("body *:not(script):not(option)")].filter(each =>
    each.offsetParent && [...each.childNodes].some(
      node => node.nodeType === 3 && node.data.trim()));
  return texts.map(each => {
    const [dark, bright] = [numbers(getComputedStyle(each).color), behind(each)]
      .map(light).sort((a, b) => a - b);
    const words = each.tagName + ": " + each.textContent.trim().slice(0, 30);
    return [(bright + .05) / (dark + .05), words];
  });
})()"""


@pytest.mark.parametrize(("scheme", "width"), VIEWS)
def test_pages_can_be_read(
    page: Page, service: Running, picture: Path, scheme: str, width: int
) -> None:
    """Light and dark, wide and on a phone: no text is faint, nothing stands out of the window."""
    for path in ("", "docs"):
        page.open(address(service) + path, scheme=scheme, width=width)
        if not path:
            page.choose("#file", picture)
            page.wait("document.querySelectorAll('li.class').length")
        contrasts = page.value(CONTRAST)
        assert len(contrasts) > 8
        assert min(contrasts)[0] >= LEAST_CONTRAST, min(contrasts)
        assert page.value("document.documentElement.scrollWidth - innerWidth") <= 0
        back = page.value("getComputedStyle(document.body).backgroundColor")
        assert (back == "rgb(255, 255, 255)") == (scheme == "light")


def test_keys_reach_everything(page: Page) -> None:
    """In the order of reading, and whoever is there is seen to be."""
    reached = []
    for _ in range(4):
        page.press("Tab")
        reached.append(page.value("document.activeElement.id || document.activeElement.tagName"))
        ring = "(document.activeElement.closest('label') || document.activeElement)"
        assert page.value(f"getComputedStyle({ring}).outlineStyle") == "solid", reached
    assert reached == ["model", "file", "camera", "A"]


def test_a_screen_reader_hears_names(page: Page, picture: Path) -> None:
    page.choose("#file", picture)
    page.wait("document.querySelectorAll('li.class').length")
    tree = page.tell("Accessibility.getFullAXTree")["nodes"]
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree if not node["ignored"] and "role" in node
    ]  # fmt: skip
    for role in ("combobox", "button", "image", "link", "heading", "listitem", "region"):
        assert role in {role for role, _ in named}, role
    spoken = ("combobox", "button", "image", "link", "heading", "region")
    assert [role for role, name in named if role in spoken and not name] == []
    assert ("combobox", "Model") in named
