"""The settings of the report: read from the config, kept in a tag, wrong ones said in sentences."""

from __future__ import annotations

import pytest

from sweep.errors import SweepError
from sweep.report_settings import ReportSettings, Require, read_report_settings, settings_of


def test_a_tag_gives_the_settings_back() -> None:
    settings = ReportSettings(("en",), "mAP50-95", Require("ethos_u55", 95.0, 10.0, 2.5), "signs")
    assert settings_of(settings.as_text()) == settings


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"lang": ["xx"]}', '{"metric": 3}'])
def test_a_tag_that_says_nothing_gives_the_defaults(text: str | None) -> None:
    assert settings_of(text) == ReportSettings()


def test_one_language_may_stand_without_brackets() -> None:
    assert read_report_settings({"lang": "ko"}).lang == ("ko",)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"lang": ["fr"]}, "report.lang names fr. There are: en, ko"),
        ({"lang": []}, "report.lang names nothing"),
        ({"metric": "f1"}, "report.metric=f1 is unknown. Choices: mAP50, mAP50-95."),
        ({"register": " "}, "report.register must be a name"),
        ({"require": {"npu_pct": 101}}, "report.require.npu_pct=101 must be a number above 0, up to 100, or null."),
        ({"require": {"latency_ms": "fast"}}, "report.require.latency_ms=fast must be a number above 0, or null."),
        ({"require": {"size_mb": True}}, "report.require.size_mb=True must be a number above 0, or null."),
        ({"require": {"size": 3}}, "report.require.size is unknown."),
        ({"require": 3}, "report.require=3 must be a mapping"),
        ({"languages": ["ko"]}, "report.languages is unknown."),
    ],
)
def test_wrong_settings_are_said(content: dict[str, object], said: str) -> None:
    with pytest.raises(SweepError) as error:
        read_report_settings(content)
    assert any(problem.startswith(said) for problem in error.value.problems)
