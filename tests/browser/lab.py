"""JupyterLab in a headless Chromium: start both, open a notebook, run it, look at it.

Everything they write goes to a folder of the test's own, so that a person's settings play no part.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "token-of-a-test"
START_SECONDS, RUN_SECONDS = 120, 110  # selenium itself gives up after 120
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1000",
)
SERVER: dict[str, dict[str, Any]] = {
    "ServerApp": {
        "ip": "127.0.0.1", "port_retries": 0, "open_browser": False, "allow_root": True,
        "terminals_enabled": False,
    },
    "IdentityProvider": {"token": TOKEN},
    "LabApp": {"expose_app_in_browser": True, "news_url": None},
}  # fmt: skip
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # draw all cells, seen or not
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
# The page's idle light shines before there is a kernel, and saved counts look like cells that ran: so
# wait for the kernel's own answer, clear first, and read the outcome from the model.
RUN_ALL = """
const done = arguments[0];
(async () => {
  const app = window.jupyterapp, widget = app.shell.currentWidget;
  await widget.context.ready; await widget.revealed; await widget.sessionContext.ready;
  await widget.sessionContext.session.kernel.info;
  await app.commands.execute('notebook:clear-all-cell-outputs');
  const finished = await app.commands.execute('notebook:run-all-cells');
  const code = widget.content.widgets.filter(
    cell => cell.model.type === 'code' && cell.model.sharedModel.source.trim());
  const outputs = code.flatMap(cell => cell.model.toJSON().outputs);
  return {
    finished, cells: code.length,
    skipped: code.filter(cell => cell.model.executionCount == null).length,
    errors: outputs.filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue),
    pictures: outputs.filter(o => o.data && o.data['image/png']).length,
  };
})().then(done, error => done({ finished: false, errors: [String(error)] }));
"""
# First in line, so that Lab never asks whether to leave unsaved changes: nobody is there to answer.
LEAVE_UNASKED = "addEventListener('beforeunload', event => event.stopImmediatePropagation());"
OPEN_PATH = "return window.jupyterapp?.shell?.currentWidget?.context?.path"


def find_programs() -> tuple[str, str] | None:
    """Paths of Chromium and of its driver; None where one is missing."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    driver = shutil.which("chromedriver")
    return (chromium, driver) if chromium and driver else None


class Lab(NamedTuple):
    """A running JupyterLab with a browser that looks at it."""

    driver: Any
    address: str
    folder: Path  # that the server shows

    def run_all(self, name: str) -> dict[str, Any]:
        """Open a notebook, run it from top to bottom, and count what came of it."""
        self.driver.get(f"{self.address}/lab/tree/{name}?reset&token={TOKEN}")
        self.wait(lambda driver: driver.execute_script(OPEN_PATH) == name, START_SECONDS)
        outcome: dict[str, Any] = self.driver.execute_async_script(RUN_ALL)
        return outcome

    def wait(self, condition: Any, seconds: float = 60) -> Any:
        """Wait until a condition on the driver holds, and return what it gave."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self.driver, seconds, poll_frequency=0.02).until(condition)


@contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """Start JupyterLab over folder/notebooks, and a browser; end both in the end."""
    with _server(folder) as address, running_browser() as driver:
        yield Lab(driver, address, folder / "notebooks")


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    port = _free_port()
    config = folder / "server.json"
    served = {"port": port, "root_dir": str(folder / "notebooks")}
    config.write_text(json.dumps(SERVER | {"ServerApp": SERVER["ServerApp"] | served}))
    for name, setting in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(setting))
    places = {
        "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "IPYTHONDIR": "ipython",
    }  # fmt: skip
    environment = os.environ | {name: str(folder / place) for name, place in places.items()}
    command = [sys.executable, "-m", "jupyterlab", f"--config={config}"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=environment | {"PYTHONPATH": str(ROOT)},  # the kernels run this very checkout
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api/status?token={TOKEN}", process)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@contextmanager
def running_browser() -> Iterator[Any]:
    """Start a headless Chromium and end it in the end."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    programs = find_programs()
    assert programs is not None
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})  # what its console says
    driver = webdriver.Chrome(service=Service(programs[1]), options=options)
    driver.set_script_timeout(RUN_SECONDS)
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LEAVE_UNASKED})
    try:
        yield driver
    finally:
        driver.quit()
