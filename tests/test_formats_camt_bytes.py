"""Looks over the bytes of camt parts, compared with what simple loops say, also where two blocks meet."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from electra_kernel.formats import camt_bytes
from electra_kernel.formats.camt_bytes import BLOCK, letters_of

_TOKENS = st.sampled_from(
    [
        *("<", ">", "/", "=", '"', "&", ";", "&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#65;", "&amp", "]]>", "]"),
        *(
            "<a>",
            "</a>",
            '<b Ccy="EUR">',
            "<a/>",
            " ",
            "\n",
            "\t",
            "\r",
            "\x01",
            "ö",
            "\ufffe",
            "\uffff",
            "abc",
            "<!",
            "<?",
        ),
    ]
)
#: Texts that cross the border between two blocks, and short ones.
_texts = st.builds(
    lambda size, tokens: b"x" * size + "".join(tokens).encode(),
    st.one_of(st.just(0), st.integers(BLOCK - 60, BLOCK)),
    st.lists(_TOKENS, max_size=40),
)


@given(_texts)
def test_marks_are_counted_and_placed_in_every_block(text: bytes):
    letters = letters_of(text)
    places = [mark.start() for mark in re.finditer(b"<", text)]
    assert camt_bytes.places_of(letters, b"<").tolist() == places
    assert camt_bytes.count(letters, b"<") == len(places)
    assert camt_bytes.tags_by_cell(letters).sum() == len(places)


@given(_texts, st.integers(1, 3000))
def test_no_stretch_of_bytes_has_more_tags_than_is_said(text: bytes, length: int):
    places = [mark.start() for mark in re.finditer(b"<", text)]
    most = max((sum(start <= place < start + length for place in places) for start in places), default=0)
    assert camt_bytes.most_tags_within(camt_bytes.tags_by_cell(letters_of(text)), length) >= most


@given(_texts)
def test_characters_are_plain_as_xml_has_them(text: bytes):
    words = text.decode()
    strange = re.search(r"&(?!(?:amp|lt|gt|quot|apos);)|\]\]>|[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", words)
    assert camt_bytes.plain_characters(text) == (strange is None)


def test_bytes_that_are_no_utf8_are_not_plain():
    assert not camt_bytes.plain_characters(b"<Nm>K\xf6ln</Nm>")


@given(_texts)
def test_attributes_are_short_where_three_letters_stand_in_quotes(text: bytes):
    signs = [match.start() for match in re.finditer(b"=", text)]
    assert camt_bytes.short_attributes(letters_of(text)) == all(
        re.match(rb'="[^<]{3}"', text[sign : sign + 6], re.DOTALL) and sign + 6 <= len(text) for sign in signs
    )


@given(_texts, st.sampled_from([b"!", b"?"]))
def test_declarations_are_found(text: bytes, mark: bytes):
    assert camt_bytes.declares(text, mark) == (b"<" + mark in text)


@given(
    st.integers(0, 40).map(lambda early: BLOCK - early),
    st.recursive(
        st.sampled_from(["", " ", "text", "a "]), lambda inner: st.lists(inner.map("<a>{}</a>".format)).map("".join)
    ),
)
def test_texts_end_where_elements_have_no_children_or_text_beside_them(size: int, inside: str):
    text = f"<r>{'x' * size}<s></s>{inside}</r>".encode()
    ends = []
    previous_closing = True
    for mark in re.finditer(rb"<(/?)", text):
        before, closing = text[mark.start() - 1 : mark.start()], bool(mark[1])
        if mark.start() and before != b">" and ((closing and not previous_closing) or not before.isspace()):
            ends.append(mark.start())
        previous_closing = closing
    assert camt_bytes.ends_of_texts(letters_of(text)).tolist() == ends
