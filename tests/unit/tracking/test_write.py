"""The pure parts of writing: flattening, cutting, limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sweep.tracking import names
from sweep.tracking.write import MAX_TAG, cut_tag, flatten


def test_nested_params_become_dotted_names() -> None:
    nested = {"level": 4, "recipe": {"lr0": 0.01, "a": {"b": None}}}
    assert flatten(nested) == {"level": "4", "recipe.lr0": "0.01", "recipe.a.b": "None"}


@given(st.text(max_size=20_000))
def test_tag_fits_and_keeps_head_and_end(text: str) -> None:
    cut = cut_tag(text)
    assert len(cut) <= MAX_TAG
    assert cut[:800] == text[:800]
    assert cut[-3000:] == text[-3000:]


def test_summary_and_epoch_metrics_are_told_apart() -> None:
    assert all(names.is_summary(name) for name in names.SUMMARY_METRICS)
    assert not any(names.is_summary(name) for name in names.EPOCH_METRICS)
    assert len({*names.SUMMARY_METRICS, *names.EPOCH_METRICS}) == 19 + 12
