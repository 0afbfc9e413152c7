"""The page that reads handwriting, open in a browser: draw on it, give it files, read what it says."""

import base64
from pathlib import Path
from typing import Any

from tests.playground.strokes import Stroke
from tools.playground.__main__ import PAGE

DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
const dataTransfer = new DataTransfer();
dataTransfer.items.add(new File([bytes], arguments[1], { type: arguments[2] }));
document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
"""


class OpenPage:
    """The page in a browser, its window of a given width, its colours light or dark."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, width: int = 1366, height: int = 900, scheme: str = "light") -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.get(PAGE.as_uri())

    def draw(self, strokes: list[Stroke], kind: str = "mouse") -> None:
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.actions.pointer_input import PointerInput

        pad = self.driver.find_element("id", "pad")
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", pad)
        for stroke in strokes:
            actions = ActionChains(self.driver, 5, devices=[PointerInput(kind, kind)])
            for k, (x, y) in enumerate(stroke):
                place = (
                    round((x - 0.5) * pad.size["width"]),
                    round((y - 0.5) * pad.size["height"]),
                )
                actions.move_to_element_with_offset(pad, *place)
                if k == 0:
                    actions.click_and_hold()
            actions.release().perform()

    def text(self, name: str) -> str:
        return str(self.driver.find_element("id", name).text)

    def choose(self, path: Path) -> None:
        self.driver.find_element("id", "file").send_keys(str(path))

    def drop(self, content: bytes, name: str, kind: str = "") -> None:
        self.driver.execute_script(DROP, base64.b64encode(content).decode(), name, kind)

    def wait(self, name: str, text: str) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 20, poll_frequency=0.02).until(lambda _: text in self.text(name))

    def console(self) -> list[str]:
        return [line["message"] for line in self.driver.get_log("browser")]
