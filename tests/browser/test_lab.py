"""What a student sees: JupyterLab opens the notebooks, runs them, and the slider moves the picture.

Run with `pytest -m browser`; the screenshots lie in runs/screenshots, to be looked at.
"""

import importlib.util
import shutil
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest

from tests.browser.lab import ROOT, Lab, find_programs, running_lab
from tests.browser.open_page import OpenPage
from tests.playground.strokes import DIGITS
from tools.notebooks.source import METADATA

SCREENSHOTS = ROOT / "runs" / "screenshots"
PICTURE = ".widget-interact .widget-output img"
TEXT = "return document.querySelector('.widget-interact .widget-output')?.innerText || ''"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_programs() is None, reason="Chromium or its driver is not installed"),
    pytest.mark.skipif(
        importlib.util.find_spec("selenium") is None, reason="the extra 'browser' is not installed"
    ),
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    for notebook in (ROOT / "notebooks").glob("0[02]_*.ipynb"):
        shutil.copy(notebook, folder / "notebooks")  # Lab saves what it runs
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with running_lab(folder) as running:
        yield running


def assert_all_ran(outcome: dict[str, Any]) -> None:
    assert outcome["errors"] == []
    assert outcome["finished"] is True
    assert outcome["skipped"] == 0
    assert outcome["cells"] > 10
    assert outcome["pictures"] >= 5


def test_the_first_notebook_runs(lab: Lab) -> None:
    assert_all_ran(lab.run_all("00_a_network_in_a_qr_code.ipynb"))
    lab.driver.save_screenshot(str(SCREENSHOTS / "00.png"))


def test_the_page_in_the_first_notebook_reads_a_digit(lab: Lab) -> None:
    lab.run_all("00_a_network_in_a_qr_code.ipynb")
    frame = lab.driver.find_element("css selector", "iframe[srcdoc]")
    lab.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", frame)
    lab.driver.switch_to.frame(frame)
    try:
        page = OpenPage(lab.driver)
        page.draw(DIGITS[4])
        assert page.text("answer").startswith("I read 4, ")
    finally:
        lab.driver.switch_to.default_content()
    lab.driver.save_screenshot(str(SCREENSHOTS / "00_page.png"))


def test_the_slider_of_02_redraws_the_photograph(lab: Lab) -> None:
    from selenium.webdriver.common.keys import Keys

    assert_all_ran(lab.run_all("02_tucker_and_hosvd.ipynb"))
    handle = lab.wait(lambda d: d.find_element("css selector", ".widget-slider .noUi-handle"))
    before = lab.wait(lambda d: d.find_element("css selector", PICTURE).get_attribute("src"))
    for _ in range(4):
        handle.send_keys(Keys.ARROW_RIGHT)
    # The callback prints its value after drawing: the one sure sign that this is the new picture.
    lab.wait(lambda d: "rank 24:" in d.execute_script(TEXT))
    lab.wait(lambda d: d.find_element("css selector", PICTURE).get_attribute("src") != before)
    readout = lab.driver.find_element("css selector", ".widget-readout").text
    lab.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", handle)
    lab.driver.save_screenshot(str(SCREENSHOTS / "02_slider.png"))
    assert readout == "24"


def test_a_cell_that_fails_is_seen(lab: Lab) -> None:
    """The other tests prove nothing unless an error shows."""
    cells = [nbformat.v4.new_code_cell("1 / 0")]
    broken = nbformat.v4.new_notebook(cells=cells, metadata=METADATA)  # else Lab asks for a kernel
    nbformat.write(broken, lab.folder / "broken.ipynb")
    assert lab.run_all("broken.ipynb")["errors"] == ["ZeroDivisionError: division by zero"]
