"""The picture in a real browser: it is drawn, in light and in dark, and no label leaves its place."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from thwart.api.net import load_network, map_network

pytestmark = pytest.mark.real

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "examples" / "shop" / "deploy" / "kubernetes"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MEASURE = """<script>
const out = [];
for (const text of document.querySelectorAll('svg.picture text:not([transform])')) {
  const box = text.getBoundingClientRect(), svg = text.ownerSVGElement.getBoundingClientRect();
  out.push([box.left >= svg.left - 1 && box.right <= svg.right + 1, box.width, text.textContent.length].join(' '));
}
document.title = 'measured ' + out.length + ' ' + out.filter(one => one.startsWith('false')).length;
</script>"""


def browse(folder: Path, *arguments: str) -> str:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.parametrize("name", ["html", "svg"])
def test_it_is_drawn_in_light_and_dark(tmp_path: Path, name: str) -> None:
    page = tmp_path / f"map.{name}"
    page.write_text(map_network(load_network([str(SHOP)]), name))
    pictures = []
    for dark in (False, True):
        file = tmp_path / f"{dark}.png"
        scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
        browse(tmp_path, *scheme, f"--screenshot={file}", "--window-size=1200,1800", page.as_uri())
        pictures.append(file.read_bytes())
    assert all(one.startswith(b"\x89PNG") and len(one) > 40_000 for one in pictures)
    assert pictures[0] != pictures[1]


def test_labels_stay_inside(tmp_path: Path) -> None:
    text = map_network(load_network([str(SHOP)]), "html")
    text = re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", MEASURE + "</body>")
    page = tmp_path / "map.html"
    page.write_text(text)
    found = re.search(r"<title>measured (\d+) (\d+)", browse(tmp_path, "--dump-dom", page.as_uri()))
    assert found is not None
    assert int(found[1]) > 30
    assert int(found[2]) == 0
