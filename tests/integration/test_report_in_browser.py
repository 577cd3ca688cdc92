"""A report as a real browser shows it: on a wide screen, in the dark, on a telephone and on paper."""

from __future__ import annotations

import random
import re
import shutil
import subprocess

import matplotlib.image
import numpy as np
import pytest

from armwise.experiments import Allocator
from armwise.runners.experiment_report import report_on
from armwise.telemetry.log import DecisionLog
from armwise.telemetry.report import render_page
from armwise.types import Decision

pytestmark = pytest.mark.integration

MEANS = {"control": 0.10, "bold": 0.16, "<script>alert(1)</script>": 0.10}
# As page.css has them: paper, then the first three variants.
LIGHT = ((0xFF, 0xFF, 0xFF), (0x57, 0x60, 0x6A), (0x00, 0x67, 0xA3), (0xC2, 0x4D, 0x00))
DARK = ((0x14, 0x17, 0x1B), (0xAA, 0xB4, 0xBF), (0x56, 0xB4, 0xF0), (0xFF, 0x93, 0x50))


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The report on three variants and ten thousand users, one of the variants better than control."""
    folder = tmp_path_factory.mktemp("experiment")
    allocator = Allocator("checkout", list(MEANS))
    rng = random.Random(3)
    with DecisionLog(folder / "run.jsonl", sync="none") as log:
        for turn in range(10_000):
            now = 1_760_000_000 * 10**9 + turn * 60 * 10**9
            variant = allocator.allocate(f"user-{turn}")
            decision = Decision(variant, 0, f"0-{turn:x}-0", 0, 1 / 3, "exact")
            named = {"experiment": "checkout", "variant": variant, "user": f"user-{turn}"}
            log.decision(decision, seed=0, time=now, **named)
            reward = float(rng.random() < MEANS[variant])
            log.update(variant, reward, policy_version=0, decision_id=decision.decision_id, time=now)
    path = folder / "report.html"
    path.write_text(render_page(report_on(folder).report), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Return browse(*options, page): what a headless browser prints."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no chromium here (bash .ci/install-debian.sh installs it)")

    def browse(page, *options):
        profile = tmp_path_factory.mktemp("profile")
        fixed = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1")
        command = [browser, *fixed, f"--user-data-dir={profile}", *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return browse


@pytest.fixture(scope="module")
def picture(page, browse, tmp_path_factory):
    """Return picture(width, height, *options): the pixels of the page, uint8 (height, width, 3)."""

    def picture(width, height, *options):
        path = tmp_path_factory.mktemp("picture") / "page.png"
        browse(page, f"--window-size={width},{height}", f"--screenshot={path}", *options)
        pixels = matplotlib.image.imread(path)
        assert pixels.shape[:2] == (height, width)
        return np.round(255 * pixels[..., :3]).astype(np.uint8)

    return picture


def places(pixels, colour):
    """Rows of the pixels of a colour."""
    return np.flatnonzero((pixels == np.array(colour, dtype=np.uint8)).all(axis=2).any(axis=1))


def test_the_page_shows_verdict_table_and_pictures(page, browse):
    shown = browse(page, "--dump-dom")
    assert 'data-verdict="ship"' in shown
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", shown, flags=re.DOTALL)
    assert len(rows) == 3
    assert ["control" in rows[0], "&lt;script&gt;alert(1)" in rows[1], "bold" in rows[2]] == [True] * 3
    assert shown.count("<figure>") == 4
    assert "<script" not in shown


@pytest.mark.parametrize(("colours", "options"), [(LIGHT, ()), (DARK, ("--blink-settings=preferredColorScheme=0",))])
def test_every_variant_is_drawn_on_a_wide_screen(picture, colours, options):
    pixels = picture(1280, 2000, *options)
    assert (pixels[0, 0] == colours[0]).all()
    charts = pixels[900:1750]
    for colour in colours[1:]:
        rows = places(charts, colour)
        # Of each variant there are lines in both rows of pictures, or, of control, in the first.
        assert len(rows) > 60
    assert len(places(charts[425:], colours[2])) > 30
    # Bands are mixed of the paper and the variants, so many colours.
    assert len(np.unique(charts.reshape(-1, 3), axis=0)) > 100


def test_nothing_is_cut_off_on_a_telephone(picture):
    pixels = picture(400, 3600)
    assert (pixels[:, -6:] == LIGHT[0]).all()
    assert (pixels[:, :6] == LIGHT[0]).all()
    charts = pixels[1500:]
    assert all(len(places(charts, colour)) > 60 for colour in LIGHT[1:])


def test_the_page_can_be_printed(page, browse, tmp_path):
    browse(page, f"--print-to-pdf={tmp_path / 'page.pdf'}", "--no-pdf-header-footer")
    data = (tmp_path / "page.pdf").read_bytes()
    assert data.startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", data)) <= 4
