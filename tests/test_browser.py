"""The page in a real browser: Chromium without a window, driven by its DevTools protocol."""

import contextlib
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fakes
import pytest
from test_report import COLLAPSED, DIVERGED, STUDY

from ganbench import layout, runs
from ganbench.report import page

websocket = pytest.importorskip("websocket", reason="websocket-client is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--window-size=1200,900", "--remote-debugging-port=0",
         "--remote-allow-origins=*")  # fmt: skip

CODES = {"Escape": 27, "ArrowRight": 39, "Enter": 13}


class Browser:
    """One tab. `heard` are all events so far: requests, errors, messages of the console."""

    def __init__(self, address: str) -> None:
        self.socket = websocket.create_connection(address, timeout=60)
        self.sent = 0
        self.heard: list[dict[str, Any]] = []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self.sent += 1
        self.socket.send(json.dumps({"id": self.sent, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.sent:
                assert "error" not in message, message
                return dict(message["result"])
            self.heard.append(message)

    def open(self, path: Path) -> None:
        self.heard.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.wait("document.readyState == 'complete'")

    def run(self, script: str) -> Any:
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, script: str) -> None:
        until = time.monotonic() + 30
        while not self.run(script):
            assert time.monotonic() < until, script
            time.sleep(0.05)

    def key(self, key: str) -> None:
        text = {"text": "\r"} if key == "Enter" else {}  # without it no button is pressed
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=CODES.get(key, 0), **text)

    def mouse(self, kind: str, x: float, y: float) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def events(self, method: str) -> list[dict[str, Any]]:
        return [message["params"] for message in self.heard if message.get("method") == method]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser, started once."""
    home = tmp_path_factory.mktemp("chromium")
    process = subprocess.Popen(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={home}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port_file = home / "DevToolsActivePort"
        until = time.monotonic() + 60
        while not (port_file.exists() and port_file.read_text().count("\n")):
            assert time.monotonic() < until, "Chromium did not start"
            assert process.poll() is None, "Chromium ended"
            time.sleep(0.1)
        port = port_file.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
            tab = next(tab for tab in json.load(answer) if tab["type"] == "page")
        yield Browser(tab["webSocketDebuggerUrl"])
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page, rendered once."""
    folder = tmp_path_factory.mktemp("page")
    with contextlib.chdir(folder):
        plan = runs.plan(fakes.study(Path("fake.yaml"), STUDY))
        fakes.write(plan, DIVERGED, COLLAPSED)
        page.write(plan)
    return folder / layout.report("fake")


@pytest.fixture
def opened(browser: Browser, made: Path) -> Browser:
    """The page, fresh."""
    browser.open(made)
    return browser


FIRST = "document.querySelector('table.sortable')"
COLUMN = f"[...{FIRST}.querySelectorAll('tbody:not(.pinned) tr:not([hidden])')].map(r => r.cells[1].dataset.value)"
CHART = "document.querySelector('figure[data-chart]')"


def test_the_page_is_silent_and_asks_for_nothing(opened: Browser) -> None:
    charts = opened.run("document.querySelectorAll('figure[data-chart]').length")
    for place in range(charts):
        opened.run(f"document.querySelectorAll('figure[data-chart]')[{place}].scrollIntoView()")
        opened.wait(f"document.querySelectorAll('figure[data-chart]')[{place}].querySelector('svg.live') !== null")
    asked = [event["request"]["url"].split(":")[0] for event in opened.events("Network.requestWillBeSent")]
    assert set(asked) <= {"file", "data"}
    assert asked.count("file") == 1
    assert opened.events("Runtime.exceptionThrown") == []
    assert opened.events("Runtime.consoleAPICalled") == []
    assert opened.events("Log.entryAdded") == []


def test_the_policy_stops_what_is_not_the_pages_own(opened: Browser) -> None:
    opened.run(
        "window.caught = [];document.addEventListener('securitypolicyviolation', e => caught.push(e.violatedDirective))"
    )
    opened.run(
        "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}),"
        " Object.assign(document.createElement('script'), {textContent: 'window.ran = true'}))"
    )
    opened.wait("caught.length == 2")
    assert not opened.run("window.ran")


def test_a_column_sorts_both_ways_with_failures_last(opened: Browser) -> None:
    click = f"{FIRST}.tHead.querySelectorAll('button')[1].click()"
    opened.run(click)
    rising = [float(value) for value in opened.run(COLUMN)]
    assert rising == sorted(rising)
    assert opened.run(f"{FIRST}.tHead.querySelectorAll('th')[1].getAttribute('aria-sort')") == "ascending"
    opened.run(click)
    assert [float(value) for value in opened.run(COLUMN)] == rising[::-1]
    pinned = opened.run(f"[...{FIRST}.tBodies].map(b => b.className)")
    assert pinned[0] == "pinned"


def test_rows_and_columns_are_filtered(opened: Browser) -> None:
    box = f"{FIRST}.closest('.scroll').previousElementSibling.querySelector('input[type=search]')"
    opened.run(f"{box}.value = 'WGAN ema'; {box}.dispatchEvent(new Event('input'))")
    assert len(opened.run(COLUMN)) == 1
    ranks = "document.querySelector('table.heat')"
    select = f"{ranks}.closest('.scroll').previousElementSibling.querySelector('select')"
    opened.run(f"{select}.value = 'ring8'; {select}.dispatchEvent(new Event('change'))")
    shown = f"[...{ranks}.rows].map(r => [...r.cells].filter(c => !c.hidden).length)"
    assert set(opened.run(shown)) == {2}


def test_curves_are_toggled_switched_and_zoomed(opened: Browser) -> None:
    opened.run(f"{CHART}.scrollIntoView()")
    opened.wait(f"{CHART}.querySelector('svg.live') !== null")
    assert opened.run(f"{CHART}.querySelector('.fixed').hidden")
    count = f"Number({CHART}.querySelector('svg.live').dataset.lines)"
    before = opened.run(count)
    opened.run(f"{CHART}.querySelector('.legend button').click()")
    assert opened.run(count) == before - 3  # three seeds of one method
    assert opened.run(f"{CHART}.querySelector('.legend button').getAttribute('aria-pressed')") == "false"
    opened.run(f"{CHART}.querySelector('.legend button').click()")
    label = f"{CHART}.querySelector('svg.live').getAttribute('aria-label')"
    assert "generator step" in opened.run(label)
    opened.run(
        f"{CHART}.querySelector('select').value = 1; {CHART}.querySelector('select').dispatchEvent(new Event('change'))"
    )
    assert "seconds of training" in opened.run(label)
    ticks = f"[...{CHART}.querySelectorAll('.axes text')].map(t => t.textContent).join()"
    whole = opened.run(ticks)
    box = opened.run(f"(b => [b.x, b.y, b.width, b.height])({CHART}.querySelector('svg.live').getBoundingClientRect())")
    opened.mouse("mousePressed", box[0] + box[2] * 0.3, box[1] + box[3] * 0.3)
    opened.mouse("mouseMoved", box[0] + box[2] * 0.6, box[1] + box[3] * 0.6)
    opened.mouse("mouseReleased", box[0] + box[2] * 0.6, box[1] + box[3] * 0.6)
    assert opened.run(ticks) != whole
    opened.run(f"{CHART}.querySelector('svg.live').focus()")
    opened.key("0")
    assert opened.run(ticks) == whole


def test_pictures_open_large_and_close_by_key(opened: Browser) -> None:
    opened.run("document.querySelector('button.zoom').click()")
    assert opened.run("document.querySelector('dialog').open")
    first = opened.run("document.querySelector('dialog p').textContent")
    opened.key("ArrowRight")
    assert opened.run("document.querySelector('dialog p').textContent") != first
    opened.key("Escape")
    opened.wait("!document.querySelector('dialog').open")


def test_without_scripts_tables_and_figures_are_there(browser: Browser, made: Path) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(made)
        document = browser.call("DOM.getDocument", depth=0)["root"]["nodeId"]
        fixed = browser.call("DOM.querySelectorAll", nodeId=document, selector=".fixed > svg")["nodeIds"]
        assert len(fixed) == 6  # curves and diagnostics of three pairs
        assert all(browser.call("DOM.getBoxModel", nodeId=node)["model"]["width"] > 100 for node in fixed)
        assert browser.call("DOM.querySelectorAll", nodeId=document, selector=".sort, .legend")["nodeIds"] == []
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_a_phone_scrolls_tables_and_not_the_page(browser: Browser, made: Path) -> None:
    browser.call("Emulation.setDeviceMetricsOverride", width=390, height=800, deviceScaleFactor=1, mobile=True)
    try:
        browser.open(made)
        assert browser.run("document.documentElement.scrollWidth") <= 390
    finally:
        browser.call("Emulation.clearDeviceMetricsOverride")


SPOKEN = {
    "button",
    "link",
    "image",
    "img",
    "checkbox",
    "combobox",
    "textbox",
    "searchbox",
    "table",
    "region",
    "dialog",
    "heading",
}


def test_a_screen_reader_has_a_name_for_everything(opened: Browser) -> None:
    opened.call("Accessibility.enable")
    tree = opened.call("Accessibility.getFullAXTree")["nodes"]
    heard = [node for node in tree if not node["ignored"]]
    roles = {node["role"]["value"] for node in heard}
    assert {"heading", "table", "columnheader", "rowheader", "link", "button", "main", "navigation"} <= roles
    nameless = [
        node["role"]["value"]
        for node in heard
        if node["role"]["value"] in SPOKEN and not node.get("name", {}).get("value", "").strip()
    ]
    assert nameless == []
    levels = opened.run(
        "[...document.querySelectorAll('h1,h2,h3,h4')].filter(h => h.offsetParent).map(h => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels


def test_the_keyboard_reaches_and_sorts_a_column(opened: Browser) -> None:
    opened.run(f"{FIRST}.querySelectorAll('thead button')[1].focus()")
    before = opened.run(COLUMN)
    opened.key("Enter")
    once = opened.run(COLUMN)
    opened.key("Enter")
    assert once != opened.run(COLUMN)
    assert sorted(map(str, before)) == sorted(map(str, once))
    assert opened.run(f"{FIRST}.querySelector('th[aria-sort]') !== null")
