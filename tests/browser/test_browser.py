"""The console in a real browser: what it shows, how it lives, and that keys alone will do."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from daemon.operations.pages import do, pause
from daemon.sandbox import Sandbox
from daemon.store import pages, prompts
from daemon.store.database import quick_read
from support import browser
from support.browser import CHROMIUM, program
from support.console_world import begin, posted


PATIENCE = 30_000  # milliseconds; a loaded machine is slow
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}"),
]


@pytest.fixture(scope="module")
def chromium():
    with browser.chromium() as started:
        yield started


class Window:
    """A page of the browser that notes whatever should not happen."""

    def __init__(self, chromium, address, **look):
        self.base = address.partition("/enter")[0]
        self.context = chromium.new_context(**look)
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.amiss = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.amiss.append(str(error)))
        self.page.on("request", self._request)
        self.page.goto(address)

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.amiss.append(message.text)

    def _request(self, request):
        if not request.url.startswith(self.base + "/"):
            self.amiss.append(f"asked {request.url}")

    def open(self, path):
        self.page.goto(self.base + path)
        self.page.wait_for_selector("#main")
        return self.page

    def look_at(self, path):
        from axe_playwright_python.sync_playwright import Axe

        for width, light in LOOKS:
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.emulate_media(color_scheme=light)
            page = self.open(path)
            page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
            found = Axe().run(page).response["violations"]
            translated = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
            assert translated == [], (path, width, light)

    def live(self):
        self.page.locator("#live:not(:empty)").wait_for(state="attached")


@pytest.fixture
def window(chromium, world):
    made = []
    with program(world.folder, "console") as address:

        def make(**look):
            made.append(Window(chromium, address, **look))
            return made[-1]

        yield make
        for one in made:
            one.context.close()


def every_page(world):
    page = world.page("Move shipment").id
    with quick_read(world.settings.config.state) as state:
        first = state.execute("SELECT min(id) FROM reviews WHERE page_id = ?", [page]).fetchone()
        [version] = prompts.version_names(state)
    return [
        "/",
        "/documents",
        "/documents?show=open&q=move",
        f"/documents/{page}",
        f"/documents/{page}?review={first[0]}",
        f"/documents/{page}/compare",
        f"/documents/{world.page('Hostile').id}",
        "/worth",
        "/worth/week",
        f"/prompts/{version}",
    ]


def test_every_page_at_each_width_and_in_each_light(window, world):
    """No error, nothing fetched from elsewhere, nothing wider than the window, nothing that axe
    finds."""
    shown = window()
    for path in every_page(world):
        shown.look_at(path)
    assert shown.amiss == []


def test_an_open_page_moves_by_itself_and_keeps_its_place(window, world):
    one = world.page("Move shipment").id
    shown = window(viewport={"width": 1400, "height": 500})
    page = shown.open(f"/documents/{one}")
    shown.live()
    page.locator("#d-explained summary").click()
    note = page.locator(".note").nth(4)
    note.scroll_into_view_if_needed()
    page.evaluate("window.mine = true")
    before = note.bounding_box()["y"]
    do(pause, world.settings.config.state, one)
    page.get_by_text("it is paused").first.wait_for(state="attached")
    assert page.evaluate("window.mine") is True
    assert page.evaluate("document.getElementById('d-explained').open") is True
    assert abs(note.bounding_box()["y"] - before) < 2
    assert shown.amiss == []


def test_what_is_being_written_and_where_one_is_stays(window, world):
    shown = window()
    page = shown.open("/documents")
    shown.live()
    page.locator("#q").fill("half a wor")
    do(pause, world.settings.config.state, world.page("Move shipment").id)
    page.locator("tbody").get_by_text("paused").wait_for()
    assert page.input_value("#q") == "half a wor"
    has_focus(page, "q")


def has_focus(page, element):
    page.locator(f"#{element}:focus").wait_for()


HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_page_that_nobody_sees_rests_and_catches_up_when_seen(window, world):
    """A browser keeps six connections to a host: more tabs than that must not hang."""
    shown = window()
    page = shown.open("/documents")
    shown.live()
    page.evaluate(HIDE, arg=True)
    other = shown.context.new_page()
    other.goto(f"{shown.base}/documents")
    other.locator("#live:not(:empty)").wait_for(state="attached")
    seen = []
    page.on("request", lambda request: seen.append(request.url))
    do(pause, world.settings.config.state, world.page("Move shipment").id)
    other.locator("tbody").get_by_text("paused").wait_for()
    assert seen == []
    page.evaluate(HIDE, arg=False)
    page.locator("tbody").get_by_text("paused").wait_for()
    assert [url for url in seen if url.endswith("/live")]
    assert shown.amiss == []


def test_keys_alone_find_open_and_pause_a_document(window, world):
    shown = window()
    page = shown.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Documents"
    page.keyboard.press("Enter")
    page.wait_for_url("**/documents")
    page.keyboard.press("/")
    page.keyboard.type("shipment")
    page.keyboard.press("Enter")
    page.wait_for_url("**/documents?q=shipment")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Move shipment").wait_for()
    button = page.get_by_role("button", name="Pause")
    for _ in range(30):
        page.keyboard.press("Tab")
        if button.evaluate("(one) => one === document.activeElement"):
            break
    page.keyboard.press("Space")
    page.get_by_role("button", name="Resume").wait_for()
    assert shown.amiss == []


def test_keys_do_nothing_once_they_are_turned_off(window):
    shown = window()
    page = shown.open("/documents")
    page.locator("#keys").uncheck()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") != "q"
    page.reload()
    assert page.locator("#keys").is_checked() is False


def test_reading_works_without_any_script(window, world):
    shown = window(java_script_enabled=False)
    for path in every_page(world):
        assert shown.open(path).locator("h1").inner_text()
    page = shown.open("/documents")
    page.get_by_label("Title").fill("shipment")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Move shipment").click()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").wait_for()
    assert shown.amiss == []


@pytest.fixture
def held(tmp_path):
    """A Notion of which every review waits for a person, and its console."""
    box = Sandbox.with_documents()
    with box.serve() as url:
        made = begin(tmp_path, box, url, "    approve: all\n")
        made.sweep()
        with program(tmp_path, "console") as address:
            yield made, address


def test_keys_alone_edit_drop_and_approve_a_draft_which_then_stands_on_notion(chromium, held):
    world, address = held
    shown = Window(chromium, address)
    page = shown.open("/drafts")
    for _ in range(page.locator("main li, main tr").count()):
        page.keyboard.press("j")
        if "Move shipment" in page.evaluate("document.activeElement.innerText"):
            break
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Move shipment").wait_for()
    page.keyboard.press("j")
    page.keyboard.press("j")
    has_focus(page, "part-2")
    page.keyboard.press("e")
    has_focus(page, "text-2")
    page.keyboard.press("Control+A")
    page.keyboard.type("Say d, a, j and k.")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator("#part-2 .note").inner_text().endswith("Say d, a, j and k.")
    has_focus(page, "part-2")
    page.keyboard.press("k")
    has_focus(page, "part-1")
    with page.expect_navigation():
        page.keyboard.press("d")
    assert "dropped from its draft" in page.locator("#part-1").inner_text()
    with page.expect_navigation():
        page.keyboard.press("a")
    page.get_by_text("The next sweep posts").wait_for()
    assert posted(world) == []
    world.sweep()
    said = posted(world)
    assert [one for one in said if one.endswith("costs.\nSay d, a, j and k.")]
    assert len(said) == page.locator(".part").count() - 1
    assert not [one for one in said if one.startswith("Unfinished: “TBD”")]
    page.get_by_text("posted").first.wait_for()
    assert shown.amiss == []
    shown.context.close()


def test_a_refusal_says_why_with_keys_alone(chromium, held):
    world, address = held
    shown = Window(chromium, address)
    page = shown.open("/drafts")
    with page.expect_navigation():
        page.locator(".item").first.click()
    page.get_by_role("button", name="Approve").wait_for()
    page.keyboard.press("r")
    has_focus(page, "reason")
    page.keyboard.type("not now")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.get_by_text("refused: not now").first.wait_for()
    world.sweep()
    assert posted(world) == []
    shown.context.close()


def test_the_drafts_at_each_width_and_in_each_light(chromium, held):
    _, address = held
    shown = Window(chromium, address)
    page = shown.open("/drafts")
    page.locator(".item").first.click()
    page.wait_for_url("**/drafts/*")
    for path in ("/drafts", page.url.removeprefix(shown.base)):
        shown.look_at(path)
    assert shown.amiss == []
    shown.context.close()


def test_during_a_sweep_the_page_moves_from_running_to_its_end(chromium, held):
    world, address = held
    shown = Window(chromium, address)
    page = shown.open("/")
    shown.live()
    page.evaluate(
        "window.seen = []; new MutationObserver(() => window.seen.push("
        "document.getElementById('lead').textContent.trim().slice(0, 18))).observe("
        "document.getElementById('main'), {subtree: true, childList: true, characterData: true})"
    )
    before = page.locator("#strip li").count()
    # Slow enough to be seen: each answer of Notion's takes a while.
    world.box.faults.plant("slow", times=12, wait=0.3)
    world.sweep()
    page.locator(f"#strip li:nth-child({before + 1})").wait_for(state="attached")
    page.get_by_text("The last sweep ended").wait_for()
    assert "A sweep is running" in page.evaluate("window.seen")
    assert shown.amiss == []
    shown.context.close()


EVIL = """<!doctype html><title>evil</title><form method=post action="{target}"><input name=a>
</form><iframe src="{base}/"></iframe><img src="{base}/documents"><script>
window.told = fetch("{base}/worth.json", {{credentials: "include"}}).then(() => "read", () => "no");
</script>"""


class Evil(BaseHTTPRequestHandler):
    def __init__(self, text, *arguments):
        self._text = text
        super().__init__(*arguments)

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self._text.encode())

    def log_message(self, *_):
        pass


@contextmanager
def evil(text):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Evil, text))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_page_of_another_site_can_neither_act_nor_read_nor_frame(window, world, host):
    """Also one that this machine serves on another port, to which cookies go as well."""
    shown = window()
    one = world.page("Move shipment").id
    text = EVIL.format(target=f"{shown.base}/documents/{one}/pause", base=shown.base)
    with evil(text) as port:
        page = shown.context.new_page()
        page.goto(f"http://{host}:{port}/")
        assert page.evaluate("window.told") == "no"
        assert page.frames[1].url.startswith("chrome-error:")
        page.evaluate("document.forms[0].submit()")
        page.get_by_text("A page of another site asked").wait_for()
    with quick_read(world.settings.config.state) as state:
        assert pages.page(state, one).paused is False


def test_script_in_every_text_is_inert_in_the_browser_too(window, world):
    shown = window()
    page = shown.open(f"/documents/{world.page('Hostile').id}")
    assert "<script src=" in page.locator("h1").inner_text()
    assert page.locator("img").count() == 0
    assert shown.amiss == []


def test_the_demo_answers_a_comment_beside_the_console(chromium, tmp_path):
    with program(
        tmp_path, "demo", "--serve", env={"ANTHROPIC_API_KEY": "", "OPENAI_API_KEY": ""}
    ) as address:
        shown = Window(chromium, address, viewport={"width": 1400, "height": 900})
        notion, console = (shown.page.frame_locator("iframe").nth(side) for side in (0, 1))
        notion.get_by_role("link", name="Move shipment").click()
        notion.get_by_role("heading", level=1, name="Move shipment").wait_for()
        notion.get_by_role("button", name="Sweep").click()
        console.get_by_text("The last sweep ended").wait_for()
        note = notion.locator(".block article", has_text="Wrong count")
        note.locator("summary").click()
        note.locator("textarea").fill("Why do you say three?")
        note.get_by_role("button", name="Reply").click()
        notion.get_by_text("Why do you say three?").wait_for()
        notion.get_by_role("button", name="Sweep").click()
        note.get_by_text("RFC reviewer").nth(1).wait_for()
        console.get_by_role("link", name="Documents").click()
        console.get_by_role("link", name="Move shipment").click()
        console.get_by_text("Why do you say three?", exact=True).wait_for()
        assert shown.amiss == []
        shown.context.close()
