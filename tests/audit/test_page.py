"""The page of a session in a real browser: it renders, its filters and keys work, and nothing goes out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agentflow.operations.audits import audit_of
from agentflow.operations.evidence import Evidence
from agentflow.output.page import session_page
from tests.audit.sessions import BAD, Case, facts
from tests.audit.tape import Tape

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="Install Chromium to test the page: apt-get install chromium"
)
NASTY = "</script><script>document.title='taken'</script><!-- \u2028 & <b>bold</b>"


def page_of(case: Case) -> bytes:
    evidence = Evidence(
        source="file",
        title=case.name,
        run_id=None,
        session_id=None,
        events=tuple(case.tape.events),
        facts=case.facts,
    )
    return session_page(audit_of(evidence))


def long_session(events: int) -> Tape:
    tape = Tape().begin()
    number = 0
    while len(tape.events) < events:
        number += 1
        tape.start().says(f"Step {number}.").uses("bash", command=f"ls {number}").end()
        tape.result(f"file-{number}", is_error=number % 40 == 0)
    return tape.delivers()


def test_what_a_session_says_cannot_leave_its_place() -> None:
    case = Case(name=NASTY, tape=Tape().task(NASTY).running().delivers(content=NASTY))
    page = page_of(case).decode()
    assert "</script><script>document" not in page
    assert page.count("<script") == 2
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


class Opened:
    """A page in the browser, and what it said to its console or asked of the network."""

    def __init__(self, browser: Browser, path: Path, scheme: str = "light") -> None:
        self.problems: list[str] = []
        self.page: Page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
        self.page.on("console", lambda message: self.problems.append(message.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", self._asked)
        self.page.goto(path.as_uri())

    def _asked(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        if not url.startswith("file:"):
            self.problems.append(url)

    def shown(self) -> int:
        return self.page.locator("details.row:visible").count()


def wait_for(page: Page, shown: int) -> None:
    """Until so many rows are shown: a search waits until nobody types."""
    from playwright.sync_api import expect

    expect(page.locator("#shown")).to_have_text(re.compile(f"^{shown} of"))


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    case = next(case for case in BAD if case.name == "an error four times")
    path = tmp_path / "session.html"
    path.write_bytes(page_of(case))
    one = Opened(browser, path)
    yield one
    assert one.problems == []
    one.page.close()


@needs_browser
def test_it_shows_findings_pictures_and_rows(opened: Opened) -> None:
    page = opened.page
    assert page.title() == "an error four times"
    assert page.locator(".finding").count() == 1
    assert "same-error-again" in page.locator(".finding").inner_text()
    assert page.locator("#tokens rect").count() == 4 * 6  # six turns, four classes
    assert page.locator("#durations rect").count() == 2  # bash and write
    assert opened.shown() == page.locator("details.row").count() > 10


@needs_browser
def test_search_and_filters(opened: Opened) -> None:
    page = opened.page
    every = opened.shown()
    page.fill("#search", "report-2")
    wait_for(page, 1)
    assert opened.shown() == 1
    page.fill("#search", "")
    wait_for(page, every)
    page.check("#bad")
    assert opened.shown() == 4
    page.uncheck("#bad")
    page.uncheck("#kinds input[value=turn]")
    assert opened.shown() == every - 6


@needs_browser
def test_a_finding_leads_to_its_events(opened: Opened) -> None:
    page = opened.page
    page.locator(".finding").click()
    assert page.locator(".row.here").count() == 4
    assert "no rule for report-0" in page.locator(".row.here").first.locator(".body").inner_text()


@needs_browser
def test_it_works_by_keyboard(opened: Opened) -> None:
    page = opened.page
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('.row').id") == "row1"
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.closest('.row').id") == "row0"
    page.keyboard.press("Enter")
    assert page.locator("#row0[open] pre").inner_text() == "Write the report."
    page.keyboard.press("n")
    assert "found" in page.evaluate("document.activeElement.closest('.row').className")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("nothing has this")
    wait_for(page, 0)
    # From the top, every control can be reached with the tab key alone.
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert {"theme", "finding error", "search", "bad", "found"} <= reached


@needs_browser
def test_light_and_dark(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "session.html"
    path.write_bytes(page_of(BAD[0]))
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = (Opened(browser, path, scheme) for scheme in ("light", "dark"))
    colors = [one.page.evaluate(ground) for one in (light, dark)]
    assert colors[0] != colors[1]
    light.page.click("#theme")
    assert light.page.evaluate(ground) == colors[1]
    for one in (light, dark):
        assert one.problems == []
        one.page.close()


@needs_browser
def test_nothing_of_the_session_runs(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "session.html"
    case = Case(
        name=NASTY, tape=Tape().task(NASTY).running().delivers(content=NASTY), facts=facts()
    )
    path.write_bytes(page_of(case))
    one = Opened(browser, path)
    assert one.page.title().startswith("</script>")
    assert one.page.locator("#row0 b").count() == 1
    one.page.locator("#row0 > summary").click()
    assert "<b>bold</b>" in one.page.locator("#row0 pre").inner_text()
    assert one.problems == []
    one.page.close()


@needs_browser
def test_ten_thousand_events_can_be_read(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "session.html"
    path.write_bytes(page_of(Case(name="long", tape=long_session(10_000))))
    one = Opened(browser, path)
    rows = one.page.locator("details.row").count()
    assert rows > 5_000
    one.page.fill("#search", "file-1234")
    wait_for(one.page, 1)
    assert one.shown() == 1
    assert one.problems == []
    one.page.close()
