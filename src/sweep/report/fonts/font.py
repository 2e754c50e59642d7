"""The font that the report brings along, so that Korean shows on machines that have none."""

from __future__ import annotations

from pathlib import Path
from typing import Final

FONT_FAMILY: Final = "npu-sweep Sans KR"
POSTSCRIPT_NAME: Final = "npu-sweepSansKR-Regular"
FONT_FILE: Final = Path(__file__).with_name("npu-sweep-sans-kr.otf")
COPYRIGHT: Final = "© 2014-2021 Adobe (http://www.adobe.com/). Reduced, and renamed, for npu-sweep."
LICENCE: Final = (
    "This Font Software is licensed under the SIL Open Font License, Version 1.1. This Font Software is distributed on "
    'an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the SIL Open Font '
    "License for the specific language, permissions and limitations governing your use of this Font Software."
)
