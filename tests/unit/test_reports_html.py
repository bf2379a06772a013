from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from tests.conftest import ROOT
from tests.unit import report_fixtures as given
from thwart.reports import RenderOptions, write
from thwart.reports._picture import slices, staircase, strata
from thwart.reports._view import View
from thwart.reports.html import Sheet, _breakable, _share

EMPTY_TAGS = {"meta", "br", "wbr", "rect", "line"}
ALLOWED = {
    *[
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "a",
        "main",
        "article",
        "section",
        "header",
        "footer",
        "nav",
        "div",
        "p",
        "span",
        "h1",
        "h2",
        "ul",
        "li",
        "dl",
        "dt",
        "dd",
        "b",
        "br",
        "wbr",
    ],
    *[
        "small",
        "code",
        "table",
        "caption",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "figure",
        "figcaption",
        "details",
        "summary",
        "svg",
        "desc",
        "rect",
        "line",
    ],
}


class Page(HTMLParser):
    """Tags and attributes of a page; complains of what is left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY_TAGS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], []):
            self.words.append(data.strip())

    def values(self, name: str) -> list[str]:
        return [found for _, attributes in self.tags if (found := attributes.get(name)) is not None]


def text_of(name: str, *, packages_only: bool = False) -> str:
    return write("html", given.REPORTS[name], RenderOptions(packages_only=packages_only)).decode()


@pytest.mark.parametrize("packages_only", [False, True])
@pytest.mark.parametrize("name", given.REPORTS)
def test_the_page_is_whole_and_loads_nothing(name: str, packages_only: bool) -> None:
    text = text_of(name, packages_only=packages_only)
    page = Page(text)
    assert {tag for tag, _ in page.tags} <= ALLOWED
    attributes = {attribute for _, found in page.tags for attribute in found}
    assert not {attribute for attribute in attributes if attribute.startswith("on")}
    assert not attributes & {"src", "srcset", "action", "formaction", "data", "xlink:href", "background", "style"}
    style = text.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import|expression\(|<", style)
    assert "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'" in text


@pytest.mark.parametrize("name", given.REPORTS)
def test_anchors_are_unique_and_lead_somewhere(name: str) -> None:
    page = Page(text_of(name))
    identifiers = page.values("id")
    assert len(set(identifiers)) == len(identifiers)
    local = {address[1:] for address in page.values("href") if address.startswith("#")}
    labels = {word for label in page.values("aria-labelledby") for word in label.split()}
    assert local | labels <= set(identifiers)
    outside = [address for address in page.values("href") if not address.startswith("#")]
    assert all(re.fullmatch(r"https://[a-z0-9.-]+/?[\w./?=&:-]*", address) for address in outside)
    if name == "hostile":
        assert not any("evil" in address for address in outside)


@pytest.mark.parametrize("name", given.REPORTS)
def test_tables_and_pictures_can_be_read_aloud(name: str) -> None:
    page = Page(text_of(name))
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in page.tags if tag == "th")
    for tag, attributes in page.tags:
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes.get("aria-label") or attributes.get("aria-labelledby")
    assert page.tags[0] == ("html", {"lang": "en"})
    assert sum(tag == "h1" for tag, _ in page.tags) == len(given.REPORTS[name])


def test_attacks_are_words() -> None:
    words = Page(text_of("hostile")).words
    assert any("</script><script>alert(1)</script>" in word for word in words)
    assert any(r"\x1b[2J" in word for word in words)
    assert any("{{ 7*7 }}{% raw %}" in word for word in words)


def test_the_headline() -> None:
    def headline(*judged: given.Judged) -> str:
        return Sheet(View(*judged[0]), "r1").headline

    assert headline(*given.REPORTS["findings"]) == "4 upgrades close 7 of 11 findings and remove 95% of the risk."
    assert (
        headline(*given.REPORTS["incomplete"]) == "1 upgrade closes 3 of 3 findings and removes 100% of the known risk."
    )
    assert headline(*given.REPORTS["clean"]) == "No findings that count in 9 packages."
    assert headline(*given.REPORTS["empty"]) == "No packages were found, so there is nothing to judge."
    stuck = given.report(findings=given.FINDINGS[-3:])
    assert headline((stuck, given.DENY)) == "No upgrade closes any of the 3 findings yet."


@pytest.mark.parametrize("count", [0, 1, 7, 200])
def test_the_stairs_lead_from_everything_to_what_stays(count: int) -> None:
    view = View(given.large(count), given.DENY)
    stairs = staircase(view)
    left = 100.0
    for step in stairs.steps:
        left -= step.removed
        assert step.left == pytest.approx(left, abs=0.05)
        assert step.removed <= (stairs.steps[0].removed if step.rank > 1 else 100)
    if count:
        assert left - stairs.more_removed == pytest.approx(stairs.unfixed, abs=0.1)
    assert stairs.closed + len(view.unfixed) == count


@pytest.mark.parametrize(
    ("percent", "shown"), [(0, "0%"), (0.5, "<1%"), (1, "1%"), (34.6, "35%"), (99.4, ">99%"), (100, "100%")]
)
def test_little_is_not_nothing_and_nearly_all_is_not_all(percent: float, shown: str) -> None:
    assert _share(percent) == shown


def test_rows_count_defects_and_marks_name_theirs() -> None:
    page = text_of("findings")
    assert '<a href="#r1-g1">3 defects</a><br><span class="small">in 2 packages</span>' in page
    assert '<span class="chip hot">CVE-2026-0001: known exploited, ransomware, EPSS 94%</span>' in page
    assert "<small>of 10 defects</small>" in page


def test_many_marks_are_counted() -> None:
    found = tuple(given.vulnerability(f"CVE-2026-{n}", given.QS, given.H, "7", epss=0.5) for n in range(1000, 1005))
    page = write("html", [(given.report(findings=found), given.DENY)], RenderOptions()).decode()
    assert page.count(": EPSS 50%</span>") == 3
    assert '<span class="chip">2 more with a mark</span>' in page


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a/b-c:d@e", "a/<wbr>b-c:<wbr>d@<wbr>e"),
        ("https://x/", "https://<wbr>x/"),
        ("<b>/&", "&lt;b&gt;/<wbr>&amp;"),
        ("", ""),
    ],
)
def test_names_break_after_their_own_dividers(name: str, shown: str) -> None:
    assert str(_breakable(name)) == shown


def test_the_verdict_says_what_each_sentence_is() -> None:
    verdict = replace(given.DENY, doubts=("nobody rated 3",), notes=("2 did not count",))
    page = write("html", [(given.FOUND, verdict)], RenderOptions()).decode()
    assert "<li>5 findings are high or worse</li>" in page
    assert "<li><b>Unknown:</b> nobody rated 3</li>" in page
    assert "<li><b>Note:</b> 2 did not count</li>" in page


def test_strata_hold_every_package_and_finding() -> None:
    found = strata(View(given.FOUND, given.DENY))
    assert [(item.name, item.packages, len(item.findings)) for item in found] == [
        ("1", 2, 3),
        ("2", 2, 4),
        ("3", 0, 0),
        ("4", 1, 2),
        ("5", 0, 0),
        ("6", 4, 2),
    ]
    assert sum(item.share for item in found) == pytest.approx(100, abs=0.3)
    files = strata(View(replace(given.FOUND, layers=()), given.DENY))
    assert files[0].line == "var/lib/dpkg/status"
    assert sum(item.packages for item in files) == len(given.PACKAGES)
    lost = strata(View(replace(given.FOUND, layers=given.LAYERS[:1]), given.DENY))
    assert (lost[-1].line, lost[-1].packages) == ("in no layer of this image", 7)


def test_a_bar_is_full() -> None:
    bar = slices(given.FINDINGS, len(given.FINDINGS))
    assert [(item.word, item.number) for item in bar][:2] == [("critical", 2), ("high", 4)]
    assert bar[-1].start + bar[-1].length == pytest.approx(100, abs=0.01)


def luminance(color: str) -> float:
    channels = [int(color[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_colours_can_be_told_from_the_paper(mode: int) -> None:
    """WCAG 2.2, 1.4.3 (text 4.5) and 1.4.11 (graphics 3)."""
    style = (ROOT / "src/thwart/reports/templates/report.css.j2").read_text()
    colors = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in style.split(":root {")[1:3]][mode]
    for background in ("paper", "card"):
        for ink in ("ink", "soft", "accent", "deny", "warn", "allow", "unknown"):
            assert contrast(colors[ink], colors[background]) >= 4.5, (ink, background)
        for shape in ("critical", "high", "medium", "low", "negligible", "unknown", "accent"):
            assert contrast(colors[shape], colors[background]) >= 3, (shape, background)
    assert contrast(colors["ink"], colors["track"]) >= 4.5
    assert contrast(colors["soft"], colors["track"]) >= 4.5
    assert contrast(colors["card"], colors["deny"]) >= 4.5
