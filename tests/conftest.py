"""Switches and places that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# a busy machine is no failure; CI tries the same examples every time, people new ones
settings.register_profile("steady", deadline=None, derandomize=os.environ.get("THWART_TEST_REAL") == "1")
settings.load_profile("steady")

# helpers that tests share, which assert: named before anybody imports them
pytest.register_assert_rewrite("tests.unit.fake_registry")

ROOT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real", action="store_true", help="run the tests that need real components")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--real") or os.environ.get("THWART_TEST_REAL"):
        return
    skip = pytest.mark.skip(reason="needs real components: switch on with --real or THWART_TEST_REAL=1")
    for item in items:
        if "real" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def advisories() -> Path:
    """Real advisory data in its download formats: THWART_TEST_ADVISORIES, else the folder beside the checkout."""
    place = Path(os.environ.get("THWART_TEST_ADVISORIES", ROOT.parent / "shared" / "advisories"))
    if not place.is_dir():
        pytest.skip("no advisory data: set THWART_TEST_ADVISORIES to a folder that holds it")
    return place
