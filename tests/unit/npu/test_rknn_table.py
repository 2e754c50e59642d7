"""The RKNN toolkit's table and memory plan, as it printed them (2.3.2), lines left out in between."""

from __future__ import annotations

import pytest

from sweep.npu.targets.base import CompilerFailed
from sweep.npu.targets.rknn import Row, plain_lines, read_memory_kb, read_table

RULE = "D RKNN: [07:25:26.479] " + "-" * 170
TABLE = f"""\
D RKNN: [07:25:26.452] >>>>>> start: rknn::RKNNModelRegCmdbuildPass
{RULE}
D RKNN: [07:25:26.479]                                                         Network Layer Information Table                                                      
{RULE}
D RKNN: [07:25:26.479] ID   OpType             DataType Target InputShape                               OutputShape            Cycles(DDR/NPU/Total)    RW(KB)       FullName        
{RULE}
D RKNN: [07:25:26.479] 0    InputOperator      INT8     CPU    \\                                        (1,3,96,96)            0/0/0                    0            InputOperator:images
D RKNN: [07:25:26.479] 1    ConvRelu           INT8     NPU    (1,3,96,96),(16,3,3,3),(16)              (1,16,48,48)           2836/20736/20736         29           Conv:/model.0/conv/Conv
D RKNN: [07:25:26.479] 2    Split              INT8     NPU    (1,32,24,24),(2)                         (1,16,24,24),...       0/0/0                    18           Split:/model.2/Split
D RKNN: [07:25:26.479] 3    ConvReluAdd        INT8     NPU    (1,16,24,24),(16,16,3,3),(16),...        (1,16,24,24)           1278/5184/5184           20           Conv:/model.2/m.0/cv2/conv/Conv
D RKNN: [07:25:26.479] 4    Reshape            INT8     CPU    (1,32,63,3),(4)                          (1,4,8,189)            0/0/0                    5            Reshape:/model.20/dfl/Reshape
D RKNN: [07:25:26.479] 5    OutputOperator     INT8     CPU    (1,10,189)                               \\                      0/0/0                    1            OutputOperator:output0
{RULE}
D RKNN: [07:25:26.479] <<<<<<<< end: rknn::RKNNModelRegCmdbuildPass
D RKNN: [07:25:26.489] 1   ConvRelu       images                                            INT8      NC1HWC2      (1,3,96,96)   (1,1,96,96,3)   | 0x00000000 0x00006c00 0x00006c00
D RKNN: [07:25:26.490] Total Internal Memory Size: 191.25KB
D RKNN: [07:25:26.490] Total Weight Memory Size: 1719.38KB
"""  # noqa: E501, W291 as printed


def test_every_operator_has_its_place_its_cycles_and_its_name() -> None:
    assert read_table(plain_lines(TABLE)) == [
        Row("InputOperator", "CPU", 0, "InputOperator:images"),
        Row("ConvRelu", "NPU", 20736, "Conv:/model.0/conv/Conv"),
        Row("Split", "NPU", 0, "Split:/model.2/Split"),
        Row("ConvReluAdd", "NPU", 5184, "Conv:/model.2/m.0/cv2/conv/Conv"),
        Row("Reshape", "CPU", 0, "Reshape:/model.20/dfl/Reshape"),
        Row("OutputOperator", "CPU", 0, "OutputOperator:output0"),
    ]


def test_memory_is_weights_and_internal_tensors() -> None:
    assert read_memory_kb(plain_lines(TABLE)) == pytest.approx(191.25 + 1719.38)
    assert read_memory_kb(["Total Internal Memory Size: 1.5MB", "Total Weight Memory Size: 512B"]) == 1536.5


def test_colours_do_not_matter() -> None:
    coloured = "\n".join(f"\x1b[0;93m{line}\x1b[0m" for line in TABLE.splitlines())

    assert read_table(plain_lines(coloured)) == read_table(plain_lines(TABLE))


@pytest.mark.parametrize("damaged", [" 3    ConvReluAdd ", "1278/5184/5184", " 1    ConvRelu  "])
def test_a_row_that_cannot_be_read_is_no_figure(damaged: str) -> None:
    with pytest.raises(CompilerFailed, match="cannot be read"):
        read_table(plain_lines(TABLE.replace(damaged, " ?", 1)))


def test_no_table_and_no_memory_plan_are_no_figures() -> None:
    with pytest.raises(CompilerFailed, match="no table"):
        read_table(plain_lines("I rknn building done.\n"))
    with pytest.raises(CompilerFailed, match="no memory plan"):
        read_memory_kb(["Total Weight Memory Size: 1719.38KB"])
