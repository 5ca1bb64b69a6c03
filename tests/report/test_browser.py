"""The page in a real browser: headless Chromium, from a file, with no server and no network."""

import base64
import io
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from mnistgen.inference import model
from mnistgen.report import page
from mnistgen.report.evidence import gather
from mnistgen.tracking.folder import RunFolder

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
CONFUSION = [[100 if i == j else 1 for j in range(10)] for i in range(10)]
START = 120_000  # milliseconds that a slow machine may take for the runtime to start

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium here: apt-get install chromium"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory, run_folder, grid):
    """The page of a VAE with four latents, and of a GAN with more than there are sliders."""
    root = tmp_path_factory.mktemp("report")
    terms = {"train/reconstruction": [190.0, 140.0, 105.0], "train/kl": [10.0, 10.0, 15.0]}
    curves = {**terms, "val/fid": [90.0, 50.0, 40.0]}
    metrics = {"fid": 40.0, "readable": 0.7, "confusion": CONFUSION}
    run_folder(
        root / "runs" / "vae", "densevae", curves=curves, metrics=metrics, checkpoint=True,
        picture=lambda epoch: grid(epoch / 4),
    )  # fmt: skip
    run_folder(root / "runs" / "gan", "densegan_deep", checkpoint=True)
    path = root / "index.html"
    path.write_bytes(page.files(gather(root / "runs"), play=True)["index.html"])
    return path


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, report):
    """The page at a size and in a scheme; that it was quiet and alone is checked at the end."""
    messages, requests = [], []
    contexts = []

    def at(width=1280, height=900, scheme="light"):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda message: messages.append(message.text))
        tab.on("pageerror", lambda error: messages.append(str(error)))
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(report.as_uri())
        return tab

    yield at
    for context in contexts:
        context.close()
    assert messages == [], messages
    assert {url.split(":")[0] for url in requests} <= {"file", "data", "blob"}
    assert [url for url in requests if url.startswith("file:")] == [report.as_uri()] * len(
        contexts
    )


def pixels(tab, selector):
    """What a canvas shows, as grey values."""
    address = tab.eval_on_selector(selector, "canvas => canvas.toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))) as image:
        return np.asarray(image.convert("L"), dtype=float).ravel()


def start(tab):
    tab.locator("#player").scroll_into_view_if_needed()
    expect(tab.locator("#play-status")).to_have_text(
        re.compile("densevae after epoch"),  # of the two that which makes digits
        timeout=START,
    )


def choose(tab, name):
    tab.locator(f"[data-model={name}]").click()
    expect(tab.locator("#play-status")).to_contain_text(f"{name} after", timeout=START)


def slide(tab, selector, value):
    tab.eval_on_selector(
        selector, f"s => {{ s.value = {value}; s.dispatchEvent(new Event('input')); }}"
    )


@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (390, "dark")], ids=["desktop", "phone"]
)
def test_every_picture_loads_and_nothing_is_wider_than_the_page(open_page, width, scheme):
    tab = open_page(width, scheme=scheme)
    widths = tab.eval_on_selector_all("img", "all => all.map(i => i.complete && i.naturalWidth)")
    assert len(widths) == 7  # six figures, and the strip of one model
    assert all(widths)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    ends = "cells => cells.map(cell => cell.getBoundingClientRect().right)"
    columns = tab.eval_on_selector_all("#table-4-results thead th", ends)
    assert sum(end <= width for end in columns) >= 4  # the names, and three models
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    light = sum(map(int, re.findall(r"\d+", ground)[:3])) > 3 * 128
    assert light == (scheme == "light")


def test_the_epoch_slider_shows_each_epochs_picture(open_page):
    tab = open_page()
    picture = tab.locator("[data-strip=densevae]")
    addresses = {}
    for epoch in (1, 2, 3):
        slide(tab, "#epoch", epoch)
        expect(tab.locator("#epoch-shown")).to_have_text(str(epoch))
        addresses[epoch] = picture.get_attribute("src")
    assert len(set(addresses.values())) == 3


def test_a_slider_changes_the_digit_and_back(open_page):
    tab = open_page()
    start(tab)
    choose(tab, "densevae")
    assert tab.locator("#sliders input").count() == 4
    tab.locator("#origin").click()
    expect(tab.locator("#sliders output").first).to_have_text("0.00")
    tab.wait_for_timeout(300)
    before = pixels(tab, "#digit")
    slide(tab, "#sliders input", 3)
    expect(tab.locator("#sliders output").first).to_have_text("3.00")
    tab.wait_for_timeout(300)
    assert np.abs(pixels(tab, "#digit") - before).max() > 0
    slide(tab, "#sliders input", 0)
    tab.wait_for_timeout(300)
    assert np.array_equal(pixels(tab, "#digit"), before)


def test_random_digits_and_the_directions_of_many_latents(open_page):
    tab = open_page()
    start(tab)
    choose(tab, "densegan_deep")
    assert tab.locator("#sliders input").count() == 10
    expect(tab.locator("#slider-words")).to_contain_text("392 latent dimensions")
    for button, canvas in (("#random", "#digit"), ("#random-sheet", "#sheet")):
        before = pixels(tab, canvas)
        tab.locator(button).click()
        tab.wait_for_timeout(500)
        assert not np.array_equal(pixels(tab, canvas), before)


def test_the_digit_is_the_one_that_the_model_makes(open_page, report):
    """Of the middle, where the latent is known."""
    tab = open_page()
    start(tab)
    choose(tab, "densevae")
    tab.locator("#origin").click()
    expect(tab.locator("#sliders output").first).to_have_text("0.00")
    tab.wait_for_timeout(300)
    vae = model.load(RunFolder(report.parent / "runs" / "vae"), "last").model
    expected = vae.decode(torch.zeros(1, 4)).flatten().numpy() * 255
    assert np.abs(pixels(tab, "#digit") - expected).max() < 2


def test_the_page_prints(open_page, tmp_path):
    tab = open_page()
    content = tab.pdf(format="A4")
    assert content[:4] == b"%PDF"
    assert len(re.findall(rb"/Type\s*/Page\b", content)) >= 4
