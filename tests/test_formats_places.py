"""Where problems stand, in words: lines and columns of XML, lines of text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from electra_kernel.formats.places import place_in, places


def test_an_element_that_begins_its_line_has_a_line_and_another_its_column_too() -> None:
    data = "<A>\n  <B/>é<C/>\n\n<D/></A>".encode()
    said = {tag: place_in(data, data.index(tag)) for tag in (b"<A>", b"<B", b"<C", b"<D", b"</A")}
    assert said == {
        b"<A>": "line 1",
        b"<B": "line 2",
        b"<C": "line 2, column 8",
        b"<D": "line 4",
        b"</A": "line 4, column 5",
    }
    assert place_in(b"\xef\xbb\xbf" + data.replace(b"\n", b""), 3) == "line 1"
    assert place_in(data, 10_000) == "line 4, column 9"


def test_positions_of_text_and_of_ofx_are_lines_as_they_stand() -> None:
    assert place_in(b"a;b\n1;2\n", 2) == "line 2"
    assert place_in(b"<?xml version='1.0'?><?OFX OFXHEADER='200'?>\n<OFX>\n</OFX>", 3) == "line 3"


def test_utf_16_and_old_line_ends_are_counted_in_characters() -> None:
    text = "<A>\n <B>ő</B><C/></A>"
    for encoding in ("utf-16-le", "utf-16-be"):
        data = "\ufeff".encode(encoding) + text.encode(encoding)
        assert place_in(data, data.index("<C".encode(encoding))) == "line 2, column 10"
    data = text.replace("\n", "\r").encode()
    assert place_in(data, data.index(b"<C")) == "line 2, column 10"


@given(
    st.text("<ab \nő", max_size=60).map(lambda text: ("<a>" + text).encode()),
    st.lists(st.integers(0, 80), min_size=1, max_size=6),
    st.integers(1, 9),
)
def test_pieces_of_any_size_give_the_same_places(data: bytes, positions: list[int], size: int) -> None:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert places(positions, [pieces[0] + b"".join(pieces[1:])]) == {
        position: place_in(data, position) for position in positions
    }
    whole = places(positions, [data])
    assert (
        places(positions, [data[: size + 3], *[data[at : at + size] for at in range(size + 3, len(data), size)]])
        == whole
    )
