"""The page that reads handwriting, in Chromium: a digit drawn by mouse, finger and keys is read.

Run with `pytest -m browser`; the screenshots lie in runs/screenshots, to be looked at.
"""

import base64
import importlib.util
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from course_kit.notebook.numpy_net import logits
from course_kit.notebook.paths import bundled_digits, model_path
from tests.browser.lab import ROOT, find_programs, running_browser
from tests.browser.open_page import OpenPage
from tests.playground.strokes import DIGITS
from tucker_core import load

SCREENSHOTS = ROOT / "runs" / "screenshots"
SHIPPED = sorted((ROOT / "data").rglob("*.ada")) + sorted((ROOT / "results").rglob("*.ada"))
SMALL = model_path("lenet5_small.ada")
# Each tensor's integers and each weight's bits, by the page's own checksum, which zlib knows, too.
DECODE = """
const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
const sum = (array) => crc32(new Uint8Array(array.buffer));
const net = decodeFile(bytes), dense = denseNetwork(net);
return [net.parameters.map((p) => p.tensors.map((t) => t && sum(t.values))),
        Object.entries(dense).map(([name, weight]) => [name, sum(weight)])];
"""
READ_ALL = """
const images = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
const { network, weights } = page, found = [];
for (let k = 0; k < images.length; k += 784) {
  found.push(Array.from(runLenet(network.architecture, weights, images.subarray(k, k + 784)).logits));
}
return found;
"""
# Chromium on Linux has no BarcodeDetector: one that sees the same code in every picture.
DETECTOR = """
window.BarcodeDetector = class {
  static async getSupportedFormats() { return ["qr_code"]; }
  async detect() { return window.seen ? [{ rawValue: window.seen }] : []; }
};
"""
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_programs() is None, reason="Chromium or its driver is not installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("selenium") is None, reason="the extra 'browser' is not installed"
    ),
]


@pytest.fixture(scope="module")
def playground() -> Iterator[OpenPage]:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with running_browser() as driver:
        yield OpenPage(driver)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_a_digit_drawn_with_the_mouse_is_read(
    playground: OpenPage, width: int, height: int, scheme: str
) -> None:
    playground.open(width, height, scheme)
    assert playground.text("answer") == "Draw a digit."
    for digit in (3, 5, 8):
        playground.draw(DIGITS[digit])
        assert playground.text("answer").startswith(f"I read {digit}, ")
        best = playground.driver.find_element("css selector", "#bars .best b").text
        assert best == str(digit)
        playground.driver.save_screenshot(str(SCREENSHOTS / f"playground_{width}_{scheme}.png"))
        playground.driver.find_element("id", "clear").click()
        assert playground.text("answer") == "Draw a digit."
    sideways = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert playground.driver.execute_script(sideways) == 0
    assert playground.console() == []


def test_a_digit_drawn_with_a_finger_is_read(playground: OpenPage) -> None:
    playground.open(390, 844)
    playground.draw(DIGITS[2], "touch")
    assert playground.text("answer").startswith("I read 2, ")


def test_a_digit_drawn_with_keys_is_read(playground: OpenPage) -> None:
    from selenium.webdriver.common.keys import Keys

    playground.open()
    pad = playground.driver.find_element("id", "pad")
    left, down, right = Keys.ARROW_LEFT, Keys.ARROW_DOWN, Keys.ARROW_RIGHT
    pad.send_keys(left * 4, " ", right * 8, (down + down + left) * 6, " ")
    assert playground.text("answer").startswith("I read 7, ")
    pad.send_keys(Keys.DELETE)
    assert playground.text("answer") == "Draw a digit."


def test_the_answer_comes_at_once(playground: OpenPage) -> None:
    """Less than 100 ms after a stroke; the median, for others work on this machine."""
    playground.open()
    playground.draw(DIGITS[9])
    once = "const start = performance.now(); answer(true); return performance.now() - start"
    times = [playground.driver.execute_script(once) for _ in range(9)]
    assert np.median(times) < 100, times


def test_every_shipped_file_is_decoded_to_the_bit(playground: OpenPage) -> None:
    playground.open()
    for path in SHIPPED:
        content = base64.b64encode(path.read_bytes()).decode()
        integers, weights = playground.driver.execute_script(DECODE, content)
        network = load(path)
        expected = [
            [None if part is None else zlib.crc32(part.tobytes()) for part in (p.core, *p.factors)]
            for p in network.parameters
        ]
        assert integers == expected, path
        dense = [
            [name, zlib.crc32(weight.tobytes())] for name, weight in network.to_dense().items()
        ]
        assert weights == dense, path


def test_logits_of_a_thousand_digits_agree(playground: OpenPage) -> None:
    playground.open()
    images, _ = bundled_digits()
    found = playground.driver.execute_script(READ_ALL, base64.b64encode(images.tobytes()).decode())
    network = load(SMALL)
    expected = logits(network.architecture, network.to_dense(), images)
    assert np.abs(np.array(found) - expected).max() < 1e-4


def test_another_file_is_opened_and_a_damaged_one_is_refused(
    playground: OpenPage, tmp_path: Path
) -> None:
    playground.open()
    playground.draw(DIGITS[6])
    playground.choose(model_path("lenet300_smallest.ada"))
    playground.wait("file-size", "lenet300_smallest.ada: lenet300 in 1,676 bytes")
    assert playground.text("answer").startswith("I read 6, ")
    content = bytearray(SMALL.read_bytes())
    content[500] ^= 4
    damaged = tmp_path / "scratched.ada"
    damaged.write_bytes(content)
    playground.choose(damaged)
    playground.wait("message", "scratched.ada cannot be read: the checksum is")
    assert "lenet300" in playground.text("file-size")  # what was there is left
    playground.driver.save_screenshot(str(SCREENSHOTS / "playground_damaged.png"))
    playground.drop(b"GIF89a", "cat.ada")
    playground.wait("message", "cat.ada cannot be read: this is not an .ada file")
    playground.driver.find_element("id", "back").click()
    assert playground.text("message") == ""
    assert "lenet5_small.ada: lenet5 in 868 bytes" in playground.text("file-size")
    assert playground.console() == []


def test_a_network_that_reads_no_digits_is_shown_all_the_same(playground: OpenPage) -> None:
    playground.open(390, 844)
    path = next(path for path in SHIPPED if "resnet32" in path.name)
    playground.drop(path.read_bytes(), path.name)
    playground.wait("file-size", "resnet32")
    assert "reads no digits" in playground.text("no-digits")
    playground.draw(DIGITS[0])
    assert playground.text("answer") == "Draw a digit."
    assert playground.console() == []


def test_a_picture_of_a_qr_code_is_read_where_the_browser_can(playground: OpenPage) -> None:
    """The detector is a stand-in; what the page does with its answers is not."""
    picture = base64.b64decode(PICTURE)
    playground.open()
    playground.drop(picture, "code.png", "image/png")
    playground.wait("message", "this browser cannot read QR codes")
    script = "Page.addScriptToEvaluateOnNewDocument"
    added = playground.driver.execute_cdp_cmd(script, {"source": DETECTOR})
    try:
        playground.open()
        for seen, place, said in (
            ("", "message", "shows no QR code"),
            ("ADA\u0100", "message", "lost some: open the .ada file instead"),
            ("https", "message", "code.png cannot be read: this is not an .ada file"),
            (SMALL.read_bytes().decode("latin-1"), "file-size", "code.png: lenet5 in 868 bytes"),
        ):
            playground.driver.execute_script(f"window.seen = {json.dumps(seen)}")
            playground.drop(picture, "code.png", "image/png")
            playground.wait(place, said)
    finally:
        remove = "Page.removeScriptToEvaluateOnNewDocument"
        playground.driver.execute_cdp_cmd(remove, {"identifier": added["identifier"]})
