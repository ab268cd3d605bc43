"""Formats without a public layout: recognised and refused by name, and never taken for another format."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import formats
from electra_kernel.formats import norma43, profiles, unpublished
from electra_kernel.formats.profiles.propose import propose
from electra_kernel.vocabulary.errors import UnreadableFile

ACCOUNT = "117730161111101800000000"
FILES = {
    "STATUS": f"01STATUS0A12345678    202603010001{'':20}\r\n02{'0' * 61}\r\n03{'0' * 44}\r\n",
    "FEDSTA": f"01FEDSTA0A12345678    202603010001{'':20}\r\n03{'0' * 44}\r\n",
    "DETSTA": "01DETSTA0A12345678    202603010001\r\n",
    "FELHAT": "01FELHAT0A12345678    202603010001\r\n",
    "PKUTAL": f"01PKUTAL0A12345678    202603010001{ACCOUNT}20260302{'':108}\r\n02{'0' * 177}\r\n03{'0' * 22}\r\n",
    "STMNTEI": f"86{'0001'}{ACCOUNT}20260301{'X':315}\r\n{'0':128}\r\n",
    "STM": f"11{'00000001'}{ACCOUNT}HUF{'0' * 896}\r\n{'22':933}\r\n",
    "ERA": f"012026030120260301120000{'MINTA ISKOLA':32}A00001N{'':35}.\r\n02{'':60}.\r\n",
    "HUF": f"{ACCOUNT}  {'MINTA KFT':914}\r\n{ACCOUNT}  {'MINTA BT':914}\r\n",
}
NAMES = {"STM": r"\.STM", "HUF": r"\.HUF", "ERA": "Treasury"}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("start", ["", "\r\n"])
def test_each_is_refused_by_its_name_and_the_repair_is_a_profile(kind: str, start: str) -> None:
    data = (start + FILES[kind]).encode("cp852")
    with pytest.raises(UnreadableFile, match=NAMES.get(kind, kind)) as caught:
        formats.read(data, "x")
    assert caught.value.problem.rule == "unpublished"
    assert "electra formats new --from" in caught.value.problem.repair
    assert not [known.name for known in formats.FORMATS if known.detect(data)]


@pytest.mark.parametrize("kind", FILES)
def test_the_repair_works(kind: str) -> None:
    data = FILES[kind].encode("cp852")
    profile = profiles.parse(propose(data, f"{kind}.txt").text, "own.toml")
    own = [profiles.as_format(profile)]
    assert formats.detect(data, "x", own).name == profile.name


@given(st.binary(max_size=1_000) | st.text("0189.STAUS \r\n", max_size=400).map(str.encode))
def test_whatever_the_bytes_nothing_is_raised(data: bytes) -> None:
    refusal = unpublished.recognised(data, "x")
    assert refusal is None or refusal.problem.rule == "unpublished"


@pytest.mark.parametrize("digit", "0123456789")
def test_digits_alone_are_no_statement(digit: str) -> None:
    for width in (80, 120, 128, 500):
        data = "".join(f"{digit * width}\r\n" for _ in range(4)).encode()
        with pytest.raises(UnreadableFile, match="no known format"):
            formats.read(data, "x")
    assert not norma43.detect(digit.encode() * 80)
