"""A report's Markdown as HTML: what is let through, and what becomes of figures, links and tables."""

from __future__ import annotations

import re

import pytest

from sweep.report.page.document import Report
from sweep.report.page.markdown import Article, to_article

ANCHORS = {"report.ko.md": "ko", "cells/a-1/report.ko.md": "ko/cells/a-1", "cells/셀/report.ko.md": "ko/cells/셀"}


def article(markdown: str, path: str = "report.ko.md", **figures: int) -> Article:
    report = Report(ANCHORS[path], path, None, markdown, {})
    return to_article(report, ANCHORS, {f"figures/{name}.png": number for name, number in figures.items()})


@pytest.mark.parametrize(
    "text",
    [
        "<script>window.pwned=1</script>",
        '"><img src=x onerror="pwned()">',
        "a <b onclick=x>b</b>",
        "<iframe src='https://x.example'></iframe>",
        "<!-- c -->",
        "| <svg onload=x> |\n| --- |\n| <style>*{}</style> |",
    ],
)
def test_raw_html_is_text(text: str) -> None:
    allowed = {"p", "div", "table", "thead", "tbody", "tr", "th", "td"}
    found = article(text).html
    assert set(re.findall(r"</?(\w+)", found)) <= allowed
    assert "<!--" not in found


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x",
        "mailto:a@b.example", "//x.example/y", "ftp://x.example", "tables/cells.csv", "#nowhere",
        "cells/none/report.ko.md", "../report.ko.md", "/report.ko.md",
    ],
)  # fmt: skip
def test_a_link_that_leads_nowhere_is_text(target: str) -> None:
    found = article(f"see [the **text**]({target}) here").html
    assert "<a" not in found
    assert "text" in found


def test_a_link_to_the_web_opens_beside_the_page() -> None:
    found = article("[MLflow](https://mlflow.example/#/runs/1?a=1&b=2)").html
    assert 'href="https://mlflow.example/#/runs/1?a=1&amp;b=2"' in found
    assert 'rel="noopener noreferrer"' in found
    assert 'target="_blank"' in found


@pytest.mark.parametrize(
    ("path", "target", "anchor"),
    [
        ("report.ko.md", "cells/a-1/report.ko.md", "ko/cells/a-1"),
        ("report.ko.md", "./cells/%EC%85%80/report.ko.md", "ko/cells/셀"),
        ("cells/a-1/report.ko.md", "../../report.ko.md", "ko"),
        ("cells/a-1/report.ko.md", "../셀/report.ko.md#표", "ko/cells/셀/표"),
        ("cells/a-1/report.ko.md", "#비교-표", "ko/cells/a-1/비교-표"),
    ],
)
def test_links_between_reports_stay_in_the_page(path: str, target: str, anchor: str) -> None:
    assert f'<a href="#{anchor}">x</a>' in article(f"## 비교 표\n\n[x]({target})", path).html


def test_headings_have_ids_that_no_other_has() -> None:
    found = article("# A `b`, 100 %!\n\n## 표\n\n## 표\n\n## 표-1\n\n### <i>\n", "cells/a-1/report.ko.md")
    ids = [heading.anchor.removeprefix("ko/cells/a-1/") for heading in found.headings]
    assert ids == ["a-b-100-", "표", "표-1", "표-1-1", "i"]
    assert [heading.level for heading in found.headings] == [1, 2, 2, 2, 3]
    assert found.headings[0].text == "A b, 100 %!"
    assert all(f'id="ko/cells/a-1/{anchor}"' in found.html for anchor in ids)


def test_an_image_with_a_figure_becomes_that_figure() -> None:
    found = article('![a <b> "c"](figures/curves.png)\n\nafter', curves=7).html
    assert "<img" not in found
    assert '<figure data-figure="7"><div class="plot"></div><figcaption>a &lt;b&gt; &quot;c&quot;</figcaption>' in found
    assert found.count("<p>") == found.count("</p>") == 1


def test_a_figure_comes_after_the_paragraph_that_it_stands_in() -> None:
    found = article("before ![a](figures/a.png) and\n![b](figures/b.png)\n\n- ![a](figures/a.png)", a=1, b=2).html
    assert re.sub(r"<figcaption>.*?</figcaption>|<div.*?</div>|\s", "", found) == (
        '<p>beforeand</p><figuredata-figure="1"></figure><figuredata-figure="2"></figure>'
        '<ul><li><figuredata-figure="1"></figure></li></ul>'
    )


@pytest.mark.parametrize(
    "text",
    [
        "![a](https://x.example/a.png)",
        "![a](figures/other.png)",
        "# ![a](figures/a.png)",
        "| ![a](figures/a.png) |\n| --- |",
        "![a](data:image/png;base64,AAAA)",
    ],
)
def test_other_images_are_dropped(text: str) -> None:
    found = article(text, a=1).html
    assert "<img" not in found
    assert "<figure" not in found
    assert found.count("<p>") == found.count("</p>")


def test_a_table_is_in_a_box_and_its_cells_have_classes() -> None:
    long = "more than the words that stay on one line"
    found = article(f"| # | cell | mAP50 |\n| ---: | --- | ---: |\n| 1 | {long} | 0.9 |").html
    assert found.startswith('<div class="table"><table>')
    assert '<th class="right short" scope="col">#</th>' in found
    assert '<th class="short name" scope="col">cell</th>' in found
    assert f'<td class="name">{long}</td>' in found
    assert '<td class="right short">0.9</td>' in found
    assert "style=" not in found
