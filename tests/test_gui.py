"""The slider example in NengoGUI, in a real browser that shows no window.

    pip install ".[gui]" && pytest tests/test_gui.py

needs Chromium and its driver, too: apt-get install chromium-driver. The film in the
documentation is what the browser shows, in longer phases:

    NENGO_LR_FILM=docs/images/gui.gif pytest tests/test_gui.py
"""

import io
import os
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

nengo_gui = pytest.importorskip("nengo_gui")
webdriver = pytest.importorskip("selenium.webdriver")

from nengo_gui.components import Slider, Value  # noqa: E402
from nengo_gui.gui import BaseGUI  # noqa: E402
from nengo_gui.guibackend import GuiServerSettings, ModelContext  # noqa: E402

EXAMPLE = Path(__file__).parents[1] / "examples" / "gui_slider.py"

PROBES = """
with model:
    rates = nengo.Probe(learned.learning_rule, "learning_rate")
    errors = nengo.Probe(learned.learning_rule, "error")
    activities = nengo.Probe(learned.learning_rule, "activities")
    weights = nengo.Probe(learned, "weights")
"""
"""What the test appends to the example."""

FILM = os.environ.get("NENGO_LR_FILM") and Path(os.environ["NENGO_LR_FILM"]).resolve()
PHASE = 4.0 if FILM else 1.0
"""How long the slider stays where it is, in seconds of the simulation."""

HANDLE = "[data-object-type=slider_handle]"


@pytest.fixture
def gui(tmp_path, monkeypatch):
    """NengoGUI with a copy of the example, since it writes the layout back."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / EXAMPLE.name
    file.write_text(EXAMPLE.read_text() + PROBES)
    shutil.copy(f"{EXAMPLE}.cfg", tmp_path)
    gui = BaseGUI(ModelContext(filename=str(file)), GuiServerSettings(("localhost", 0)))
    thread = threading.Thread(target=gui.start, daemon=True)
    thread.start()
    yield gui
    gui.server.shutdown()
    thread.join(timeout=10)


@pytest.fixture
def browser():
    programs = [shutil.which(name) for name in ("chromium", "chromedriver")]
    if None in programs:
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location, driver = programs
    for argument in ("headless=new", "no-sandbox", "window-size=1300,760"):
        options.add_argument(f"--{argument}")
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield browser
    browser.quit()


def wait_until(condition, seconds=60.0, meanwhile=lambda: time.sleep(0.02)):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        meanwhile()


def save_film(frames):
    """Write pictures and the simulation's times of them as an animated GIF."""
    image = pytest.importorskip("PIL.Image")
    times, pictures = zip(*frames)
    pictures = [
        image.open(io.BytesIO(picture)).crop((0, 36, 720, 515)).quantize(32)
        for picture in pictures
    ]
    durations = (1000 * np.diff(times, append=times[-1] + 2.0)).astype(int).tolist()
    pictures[0].save(
        FILM, save_all=True, append_images=pictures[1:], duration=durations, loop=0
    )


def test_slider_moves_the_rate_and_the_weights(gui, browser):
    browser.get(str(gui.server.get_url()))
    wait_until(lambda: browser.find_elements("css selector", ".guideline"))
    assert browser.title == EXAMPLE.name
    (page,) = gui.server.pages
    assert page.error is None
    # a line of the layout that fails is left out in silence
    shown = [c.label for c in page.components if isinstance(c, (Slider, Value))]
    assert sorted(shown) == ["error", "output", "rate", "rate in 1e-3"]

    frames = []

    def take_picture():
        if page.sim:
            frames.append((page.sim.time, browser.get_screenshot_as_png()))
        time.sleep(0.15)

    def run_for(seconds):
        start = page.sim.time if page.sim else 0.0
        wait_until(
            lambda: page.sim and page.sim.time > start + seconds,
            **({"meanwhile": take_picture} if FILM else {}),
        )

    def drag(pixels):
        """Drag the slider's handle; the text on it and the step when it is there."""
        handle = browser.find_element("css selector", HANDLE)
        actions = webdriver.ActionChains(browser)
        actions.drag_and_drop_by_offset(handle, 0, pixels).perform()
        run_for(0.1)
        return handle.text, page.sim.n_steps

    play = browser.find_element("id", "pause_button")
    play.click()
    run_for(PHASE)
    moved_at = page.sim.n_steps
    low, low_at = drag(100)
    run_for(PHASE)
    still_until = page.sim.n_steps
    assert still_until > low_at + 900
    high, high_at = drag(-200)
    run_for(PHASE)
    play.click()
    if FILM:
        save_film(frames)
    assert page.error is None
    assert (low, high) == ("0.00", "2.00")

    rates, errors, activities, weights = (
        np.array(page.sim.data[page.locals[name]])
        for name in ("rates", "errors", "activities", "weights")
    )
    assert_array_equal(rates[: moved_at - 1], 0.5 * 1e-3)
    assert_array_equal(rates[low_at : still_until - 1], 0.0)
    assert_array_equal(rates[high_at:], 2.0 * 1e-3)
    # a step later, the weights have moved by just what the slider's rate makes of it
    moves = np.diff(weights[:, 0], axis=0)
    dt_over_n = page.sim.dt / activities.shape[1]
    assert_allclose(
        moves, (-rates * dt_over_n * errors * activities)[:-1], rtol=0, atol=1e-15
    )
    assert not moves[low_at : still_until - 1].any()
    speed = np.abs(moves).sum(axis=1)
    assert speed[high_at:].mean() > speed[: moved_at - 1].mean() > 0
