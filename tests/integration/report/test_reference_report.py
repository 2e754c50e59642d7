"""The hand-written report of V3 level 4 ReLU: its figures in a store yield a report with every row of its tables.

Metrics, parameters and tags only, as MLflow holds them. The reference tells the last epoch's figures, and no best
checkpoint's; its losses are taken as the training losses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from sweep.report.cell import cell_report
from sweep.report.data import SweepData
from sweep.report.source import read_sweep
from sweep.report.texts import speaking
from sweep.tracking import names, write
from sweep.tracking.read import sweep_run
from sweep.tracking.store import Store, open_store

SWEEP = "20251001-122011"
EPOCHS = 100
FIRST = {"metrics/mAP50": 0.002, "train/box_loss": 2.56, "train/cls_loss": 6.06, "train/dfl_loss": 4.36}
LAST = {
    "metrics/mAP50": 0.878,
    "metrics/mAP50-95": 0.746,
    "metrics/precision": 0.854,
    "metrics/recall": 0.808,
    "train/box_loss": 0.536,
    "train/cls_loss": 0.521,
    "train/dfl_loss": 0.992,
}
TRAIN_S = 4148.75
RECIPE = {
    "epochs": EPOCHS,
    "batch": 16,
    "imgsz": 640,
    "optimizer": "SGD",
    "lr0": 0.003,
    "lrf": 0.0001 / 0.003,
    "momentum": 0.9,
    "weight_decay": 0.001,
    "warmup_epochs": 5.0,
    "box": 7.5,
    "cls": 0.5,
    "workers": 8,
}
# Level and activation, with mAP50 of the last epoch and the share of operators on the NPU (which the reference does
# not tell of LeakyReLU).
CELLS: Mapping[tuple[int, str], tuple[float, float | None]] = {
    (2, "relu"): (0.807, 99.0),
    (3, "relu"): (0.850, 96.2),
    (4, "relu"): (0.878, 96.2),
    (4, "leakyrelu"): (0.901, None),
}
TITLES = {2: "Basic", 3: "Intermediate", 4: "Full"}
REPORTED = (4, "relu")


def epoch_metrics(epoch: int, last: float) -> dict[str, float]:
    """The first and the last epoch as the reference tells them; between them mAP50 rises until epoch 85 of 100."""
    if epoch in (1, EPOCHS):
        told = FIRST if epoch == 1 else LAST
        return {**told, "metrics/mAP50": FIRST["metrics/mAP50"] if epoch == 1 else last}
    share = min(1.0, (epoch - 1) / 84)
    start, end = FIRST["metrics/mAP50"], last
    return {"metrics/mAP50": start + (end - start) * share}


def store_cell(store: Store, sweep: str, level: int, act: str) -> dict[str, object]:
    value, share = CELLS[level, act]
    name = f"level{level}-{act}_{SWEEP}"
    axes = {"base": "yolo11n", "level": level, "act": act, "seed": 0, "recipe": {**RECIPE}, "data": "traffic-signs"}
    run_id = write.start_cell(
        store,
        parent_run_id=sweep,
        sweep_id=SWEEP,
        cell_name=name,
        cell_key=name,
        params={**axes, names.WEIGHTS: "yolo11n.pt"},
        tags={names.LEVEL_TITLE: TITLES[level], names.DEVICE: "cuda:0", names.HOST: "trainer"},
    )
    for epoch in range(1, EPOCHS + 1):
        write.log_epoch(store, run_id, epoch, epoch_metrics(epoch, value))
    final = {name.replace("metrics/", "final/"): number for name, number in LAST.items() if name.startswith("metrics/")}
    final |= {f"final/{name}": number for name, number in LAST.items() if name.startswith("train/")}
    figures = {**final, "final/mAP50": value, names.TRAIN_TIME: TRAIN_S}
    write.log_summary(store, run_id, figures if share is None else {**figures, "npu/rk3588/op_pct": share})
    write.finish(store, run_id, "FINISHED")
    return {"cell": name, "key": name, "run_id": run_id, "state": "finished", "reused": False, "reason": None}


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> SweepData:
    store = open_store(tmp_path_factory.mktemp("reference"), "v3")
    run_id = write.start_sweep(store, sweep_id=SWEEP, name="v3", command="python -m sweep sweeps=v3", tags={})
    cells = [store_cell(store, run_id, level, act) for level, act in CELLS]
    write.log_cells(store, run_id, sweep_id=SWEEP, cells=cells)
    write.finish(store, run_id, "FINISHED")
    return read_sweep(store, sweep_run(store, SWEEP))


@pytest.fixture(scope="module")
def korean(sweep: SweepData) -> str:
    cell = sweep.cells[list(CELLS).index(REPORTED)]
    with speaking("ko"):
        return cell_report(sweep, cell, {"figures/curves.ko.png": "학습 곡선"})


@pytest.fixture(scope="module")
def rows(korean: str) -> Callable[[str], list[list[str]]]:
    """`rows("### 손실 함수 변화")`: the rows of the first table under a heading, without its head."""

    def under(heading: str) -> list[list[str]]:
        lines = korean[korean.index(f"\n{heading}") :].split("\n")
        start = next(number for number, line in enumerate(lines) if line.startswith("|"))
        table = []
        for line in lines[start:]:
            if not line.startswith("|"):
                break
            table.append([value.strip() for value in line.strip("|").split("|")])
        return table[2:]

    return under


Rows = Callable[[str], list[list[str]]]


def test_head(korean: str, sweep: SweepData) -> None:
    assert korean.startswith("# Level 4 ReLU 훈련 보고서\n")
    assert "- **훈련 시간**: 4148.75초 (약 69분)" in korean
    assert "- **모델 아키텍처**: yolo11n, Level 4 (완전 최적화), ReLU 활성화" in korean
    assert "- **에포크 수**: 100" in korean
    assert "- **배치 크기**: 16" in korean
    ended = sweep.cells[2].ended
    assert ended is not None and ended.tzinfo is UTC
    assert f"- **완료 시각**: {datetime.strftime(ended, '%Y-%m-%d %H:%M')} UTC" in korean


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("mAP50", "**0.878**", "87.8% AP (IoU=0.5)"),
        ("mAP50-95", "**0.746**", "74.6% AP (IoU=0.5:0.95)"),
        ("Precision", "**0.854**", "85.4% 정밀도"),
        ("Recall", "**0.808**", "80.8% 재현율"),
        ("Box Loss", "0.536", "바운딩박스 손실"),
        ("Class Loss", "0.521", "분류 손실"),
        ("DFL Loss", "0.992", "Distribution Focal Loss"),
    ],
)
def test_final_metrics(rows: Rows, name: str, value: str, words: str) -> None:
    (row,) = [row for row in rows("## 최종 성능 지표") if row[0] == f"**{name}**"]
    assert row[1] == value
    assert row[2].startswith(words)


def test_final_metrics_are_seven_and_of_the_last_epoch(rows: Rows, korean: str) -> None:
    assert len(rows("## 최종 성능 지표")) == 7
    assert "| 지표 | 마지막 에포크 (100) | 설명 |" in korean
    assert "- 최고 체크포인트: 측정 안 됨. 이 보고서는 마지막 에포크의 수치를 따릅니다." in korean


@pytest.mark.parametrize(
    "line",
    [
        "**베이스 모델**: yolo11n",
        "**최적화 레벨**: Level 4 (완전 최적화)",
        "**활성화 함수**: ReLU",
        "**입력 크기**: 640×640",
        "**클래스 수**: 이 실행에 기록되어 있지 않음",
        "**초기 가중치**: yolo11n.pt",
    ],
)
def test_model(korean: str, line: str) -> None:
    assert f"\n- {line}\n" in korean


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("학습률 (초기)", "0.003", "초기 학습률"),
        ("학습률 (최종)", "0.0001", "최종 학습률: lr0 × lrf = 0.003 × 0.03333 (초기값의 3.3%)"),
        ("모멘텀", "0.9", "SGD 모멘텀"),
        ("가중치 감쇠", "0.001", "정규화"),
        ("Warmup 에포크", "5", "학습률과 모멘텀 워밍업"),
        ("Box Loss 가중치", "7.5", "바운딩박스 손실 가중치"),
        ("Class Loss 가중치", "0.5", "분류 손실 가중치"),
        ("DFL Loss 가중치", "Ultralytics 기본값", "Distribution Focal Loss 가중치"),
        ("옵티마이저", "SGD", "가중치를 갱신하는 방법"),
        ("시드", "0", "난수의 시작값"),
    ],
)
def test_hyperparameters(rows: Rows, name: str, value: str, words: str) -> None:
    assert [f"**{name}**", value, words] in rows("### 하이퍼파라미터")


def test_progress(korean: str) -> None:
    assert "- **초기 성능** (1 에포크): mAP50 0.002 → **최종** (100 에포크): 0.878 (**439배 향상**)" in korean
    assert "- **중간 시점** (50 에포크): mAP50 0.513" in korean
    assert "- **수렴 시점**: 전체 100 에포크 중 85 에포크부터" in korean
    assert "![학습 곡선](figures/curves.ko.png)" in korean


@pytest.mark.parametrize(
    "row",
    [
        ["**Box Loss**", "2.560 → 0.536", "79% 감소"],
        ["**Class Loss**", "6.060 → 0.521", "91% 감소"],
        ["**DFL Loss**", "4.360 → 0.992", "77% 감소"],
    ],
)
def test_losses(rows: Rows, row: list[str]) -> None:
    assert row in rows("### 손실 함수 변화")


def test_npu(rows: Rows) -> None:
    assert rows("### NPU 호환성") == [["RK3588", "96.20", "–"]]


def test_series(rows: Rows, korean: str) -> None:
    assert "| 모델 | mAP50 (마지막 에포크) | 차이 | RK3588 연산자 (%) | 특징 |" in korean
    assert rows("### 시리즈 내 비교") == [
        ["Level 2 ReLU", "0.807", "−0.071", "99.00", "기본 최적화"],
        ["Level 3 ReLU", "0.850", "−0.028", "96.20", "중급 최적화"],
        ["**Level 4 ReLU**", "**0.878**", "**현재 모델**", "**96.20**", "**완전 최적화**"],
    ]
    assert "최고 체크포인트의 수치가 없는 셀이 있어 mAP50은 모두 마지막 에포크의 값으로 비교합니다." in korean


def test_activations(rows: Rows) -> None:
    assert rows("### 활성화 함수 비교") == [
        ["**Level 4 ReLU**", "**0.878**", "**현재 모델**", "**96.20**", "**완전 최적화**"],
        ["Level 4 LeakyReLU", "0.901", "+0.023", "측정 안 됨", "완전 최적화"],
    ]


def test_strengths_follow_from_the_figures(korean: str) -> None:
    strengths = korean[korean.index("### 강점") : korean.index("### 약점")]
    assert "**훈련 완주**: 계획한 100 에포크를 모두 마쳤습니다." in strengths
    assert "**안정적 수렴**" in strengths
    assert "**균형잡힌 성능**: Precision 0.854, Recall 0.808 (차이 0.046)." in strengths
    assert "**시리즈에서 가장 높은 mAP50**: 0.878, 그다음은 Level 3 ReLU 모델의 0.850." in strengths


def test_metadata(korean: str) -> None:
    import yaml

    block = korean[korean.index("```yaml") :].split("```")[1].removeprefix("yaml\n")
    told = yaml.safe_load(block)
    assert told["모델명"] == "level4-relu_20251001-122011"
    assert told["데이터셋"] == "traffic-signs"
    assert told["프리트레인"] == "yolo11n.pt"
    assert (told["옵티마이저"], told["시드"], told["장치"], told["워커"]) == ("SGD", 0, "cuda:0", 8)


def test_what_was_not_measured_says_so_and_nothing_is_expected(korean: str) -> None:
    assert "예상" not in korean
    assert "NaN" not in korean  # its losses are known of two epochs only: gaps are no numbers that went wrong
    deployment = korean[korean.index("## 배포") : korean.index("## 훈련 메타데이터")]
    assert "측정" in deployment
    assert "ms" not in deployment.split("### NPU 지연 시간과 메모리")[1]
    assert "- 기록 없음: 이 보고서에는 이 셀의 이미지별 통계가 없습니다." in korean


def test_conclusion(korean: str) -> None:
    conclusion = korean[korean.index("## 결론") :]
    assert "Level 4 ReLU: mAP50 **0.878** (마지막 에포크)." in conclusion
    assert "RK3588: 연산자의 96.2%가 NPU에서 실행됩니다." in conclusion
    assert "MLflow 실행: [" in conclusion


def test_english_has_the_same_figures(sweep: SweepData) -> None:
    text = cell_report(sweep, sweep.cells[2], {})
    for part in ("439 times", "79% less", "91% less", "77% less", "87.8% AP (IoU=0.5)", "0.901", "about 69 min"):
        assert part in text
