"""Reports as the page gets them: two languages, tables, figures, and names that try to break out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sweep.report.page import CellDocument, Document

LANGUAGES = ("ko", "en")
TEXTS = {
    "ko": {
        "title": "스윕 보고서", "tables": "비교 표", "figures": "그림", "missing": "측정 안 됨",
        "curve": "에포크별 mAP50",
        "confusion": "혼동 행렬", "back": "스윕 보고서로", "cell": "셀", "size": "크기(MB)", "latency": "지연 시간(ms)",
        "drop": "INT8 하락폭", "interval": "95 % 구간", "date": "완료일",
        "intro": "추천 셀은 아래 표의 첫 번째 행입니다.",
    },
    "en": {
        "title": "Sweep report", "tables": "Comparison", "figures": "Figures", "missing": "not measured",
        "curve": "mAP50 by epoch", "confusion": "Confusion matrix", "back": "Back to the sweep", "cell": "Cell",
        "size": "Size (MB)", "latency": "Latency (ms)", "drop": "INT8 drop", "interval": "95 % interval",
        "date": "Finished", "intro": "The recommended cell is the first row of the table.",
    },
}  # fmt: skip
HOSTILE = (
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=2</script>",
    '"><img src=x onerror="window.pwned=3">',
    "[a](javascript:window.pwned=4)",
    "![a](https://example.com/pwned.png)",
    "<a href='javascript:window.pwned=5'>x</a>",
    "<!-- <script>",
    "🚦 셀 " + "가" * 195,
)


def curve(title: str, shift: float = 0.0, name: str = "yolo11n-l4-relu-s0") -> dict[str, Any]:
    """A figure of two panels beside each other, each with a line over 100 epochs."""
    epochs = list(range(1, 101))
    lines = [[(0.88 - shift) * (1 - math.exp(-epoch / slow)) for epoch in epochs] for slow in (20.0, 35.0)]
    return {
        "data": [
            {"type": "scatter", "name": name, "x": epochs, "y": lines[0], "line": {"color": "#1f77b4"}},
            {"type": "scatter", "name": "최종", "x": epochs, "y": lines[1], "line": {"color": "#d62728"},
             "xaxis": "x2", "yaxis": "y2"},
        ],
        "layout": {
            "xaxis": {"title": {"text": title}, "gridcolor": "#e5e7eb", "domain": [0, 0.45], "anchor": "y"},
            "yaxis": {"title": {"text": "mAP50"}, "gridcolor": "#e5e7eb", "range": [0, 1], "anchor": "x"},
            "xaxis2": {"gridcolor": "#e5e7eb", "domain": [0.55, 1], "anchor": "y2"},
            "yaxis2": {"gridcolor": "#e5e7eb", "range": [0, 1], "anchor": "x2", "showticklabels": False},
            "height": 380,
        },
    }  # fmt: skip


def confusion(title: str) -> dict[str, Any]:
    """A heat map with a colour scale that starts at white, and a class that is called `white`."""
    names = ["stop", "white", "속도 제한"]
    return {
        "data": [
            {
                "type": "heatmap", "x": names, "y": names, "z": [[30, 2, 0], [1, 25, 3], [0, 4, 28]],
                "colorscale": [[0, "#ffffff"], [1, "#1f4e9c"]], "texttemplate": "%{z}",
            }
        ],
        "layout": {"xaxis": {"title": {"text": title}}, "height": 380},
    }  # fmt: skip


def document(language: str, cells: Sequence[str] = ("yolo11n-l4-relu-s0", "yolo11n-l2-relu-s0")) -> Document:
    """A sweep's report: a table of numbers of every kind, a long one, a figure, links to the reports of its cells."""
    t = TEXTS[language]
    links = "\n".join(f"- [{escaped(name)}](cells/cell-{n}/report.{language}.md)" for n, name in enumerate(cells))
    kinds = [
        ("a", "9.50", "−0.001", "0.912–0.951", "2026-01-10", "21.4"),
        ("b", "10.25", "+0.020", "0.899–0.940", "2025-12-31", t["missing"]),
        ("c", t["missing"], "−0.030", t["missing"], "2026-01-09", "4,148.75"),
        ("d", "1.5e+03", "0.000", "0.930–0.960", "2025-11-02", "~7 ms"),
    ]
    rows = "\n".join(f"| {' | '.join(row)} |" for row in kinds)
    many = "\n".join(f"| yolo11n-l{n % 5}-s{n} | {(n * 37) % 100 / 100:.2f} |" for n in range(40))
    markdown = f"""# {t["title"]}

{t["intro"]} [MLflow](https://mlflow.example/#/runs/1) [CSV](tables/cells.csv)

## {t["tables"]}

| {t["cell"]} | {t["size"]} | {t["drop"]} | {t["interval"]} | {t["date"]} | {t["latency"]} |
| --- | ---: | ---: | ---: | --- | ---: |
{rows}

| {t["cell"]} | mAP50 |
| --- | ---: |
{many}

## {t["figures"]}

![{t["curve"]}](figures/curves.{language}.png)

{links}
"""
    return Document(
        language,
        f"{t['title']} 20260101-120000",
        markdown,
        {f"figures/curves.{language}.png": curve(t["curve"])},
        [cell_document(language, n, name) for n, name in enumerate(cells)],
    )


def cell_document(language: str, number: int, name: str) -> CellDocument:
    """A cell's report: a heading with its name, two figures, a wide table, YAML."""
    t = TEXTS[language]
    heads = " | ".join(f"{t['latency']} {n}" for n in range(14))
    values = " | ".join(f"{n * 1.37:.2f}" for n in range(14))
    markdown = f"""# {escaped(name)}

[{t["back"]}](../../report.{language}.md)

## {t["tables"]}

| {t["cell"]} | {heads} |
| --- |{" ---: |" * 14}
| {escaped(name)} | {values} |
| b | {values} |

```yaml
name: {" ".join(name.split())}
```

## {t["figures"]}

![{t["curve"]}](figures/curves.{language}.png)

![{t["confusion"]}](figures/confusion.{language}.png)
"""
    figures = {
        f"figures/curves.{language}.png": curve(t["curve"], number / 20, name),
        f"figures/confusion.{language}.png": confusion(t["confusion"]),
    }
    return CellDocument(f"cell-{number}", name, markdown, figures)


def escaped(text: str) -> str:
    """A name as the reports write it."""
    from sweep.report.formats import markdown_text

    return markdown_text(text)
