"""Initialisation letters in every language, as PDF and as HTML: exactly the hash the bank compares, and nothing cut off."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import string
import subprocess
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicNumbers

import electra_kernel.printing.letters
from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.keys import bare, certificate_der, certificate_for, fingerprint, generate_key, key_value
from electra_kernel.printing import Letter, LetterKey, languages, letter_html, letter_pdf
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.xml import parse_xml
from tests.shared import SHARED, needs_shared
from tests.test_printing import pages_of, text_of

SENT = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
NAME = "Őrségi Tűz Ágnes"
needs_pdftotext = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler) is not installed")

#: What each language writes on every page.
EXPECTED = {
    "en": (
        "EBICS initialisation letter",
        "Initialisation letter (INI)",
        "23 November 2026",
        "Place, date",
        "Page 1 of 3",
    ),
    "de": (
        "EBICS-Initialisierungsbrief",
        "Öffentlicher Schlüssel",
        "23. November 2026",
        "Unterschrift",
        "Seite 1 von 3",
    ),
    "fr": ("Lettre d’initialisation EBICS", "Clé publique", "23 novembre 2026", "Lieu, date", "Page 1 sur 3"),
    "hu": ("EBICS inicializáló levél", "nyilvános kulcsa", "2026. november 23.", "Aláírás", "1. oldal, összesen 3"),
}


@pytest.fixture(scope="session")
def key() -> RSAPrivateKey:
    return generate_key(2048)


@pytest.fixture(scope="session")
def letter(key: RSAPrivateKey) -> Letter:
    uses = {"A006": KeyUse.SIGNATURE, "X002": KeyUse.AUTHENTICATION, "E002": KeyUse.ENCRYPTION}
    return Letter(
        bank="Őrség Bank",
        host_id="HOST",
        partner_id="PARTNER",
        user_id="USER",
        user_name=NAME,
        ebics_version="H005",
        sent=SENT,
        keys=tuple(
            LetterKey(
                version=version,
                certificate=certificate_der(certificate_for(key, use, common_name=NAME, not_before=SENT)),
            )
            for version, use in uses.items()
        ),
    )


def squeezed(text: str) -> str:
    return "".join(text.split())


def html_text(page: str) -> str:
    body = page[page.index("<body>") :]
    return html.unescape(re.sub("<[^>]+>", "\n", body))


def test_every_language_has_every_word_with_the_same_places_to_fill() -> None:
    file = Path(electra_kernel.printing.letters.__file__).with_name("letter_words.toml")
    words = tomllib.loads(file.read_text("utf-8"))
    assert set(words) == set(languages()) == set(EXPECTED)

    def places(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text)} - {None}

    for language, said in words.items():
        assert set(said) == set(words["en"]), language
        for name, text in said.items():
            assert text.strip(), (language, name)
            assert places(text) == places(words["en"][name]), (language, name)


@needs_pdftotext
@pytest.mark.parametrize("language", EXPECTED)
def test_a_letter_reads_in_its_language_with_accents(letter: Letter, language: str) -> None:
    made = replace(letter, language=language)
    pdf = letter_pdf(made)
    assert pages_of(pdf) == 3
    text, page = text_of(pdf), html_text(letter_html(made))
    properties = subprocess.run(["pdfinfo", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    for shown in EXPECTED[language][1:]:
        assert squeezed(shown) in squeezed(text), shown
    assert EXPECTED[language][0] in properties
    for shown in EXPECTED[language][:-1]:
        assert shown in page or shown in letter_html(made)
    for shown in ("Őrség Bank", "HOST", "PARTNER", "USER", NAME, "H005", "07:30:00 UTC"):
        assert squeezed(shown) in squeezed(text)
        assert shown in page
    assert f"lang='{language}'" in letter_html(made)
    assert "{" not in text
    assert "{" not in page


@needs_shared
@needs_pdftotext
@pytest.mark.parametrize("language", EXPECTED)
def test_the_letters_of_the_specification_carry_their_hashes_in_every_language(letter: Letter, language: str) -> None:
    vectors = json.loads((SHARED / "vectors/ebics30_spec_letter_certificates.json").read_text())["vectors"]
    keys = tuple(
        LetterKey(version=v["version"], certificate=base64.b64decode(v["certificate_der_base64"])) for v in vectors
    )
    made = replace(letter, keys=keys, language=language)
    pages = text_of(letter_pdf(made), "-layout").split("\f")
    sections = letter_html(made).split("<section>")[1:]
    for vector, page, section in zip(vectors, pages, sections, strict=False):
        for text in (page, html_text("<body>" + section)):
            assert squeezed(vector["expected_sha256"]) in squeezed(text)
            assert vector["certificate_der_base64"] in squeezed(text)
            assert vector["version"] in text
            assert f"({vector['letter']})" in text


@needs_pdftotext
@pytest.mark.parametrize("language", EXPECTED)
@pytest.mark.parametrize("bits", [2048, 4096])
def test_a_key_without_certificate_is_printed_as_numbers_with_their_hash(
    letter: Letter, key: RSAPrivateKey, language: str, bits: int
) -> None:
    n = key.public_key().public_numbers().n if bits == 2048 else (1 << 4095) + 12345
    numbers = RSAPublicNumbers(65537, n)
    keys = tuple(
        LetterKey(version=version, certificate=key_value(numbers.public_key())) for version in ("A005", "X002")
    )
    made = replace(letter, keys=keys, language=language, ebics_version="H004")
    # Spec 2.5, 4.4.1.2.3, computed here from the numbers alone.
    expected = sha256(f"10001 {n:x}".encode()).hexdigest().upper()
    pdf = letter_pdf(made)
    assert pages_of(pdf) == 2
    for text in (
        *text_of(pdf, "-layout").split("\f")[:2],
        *(html_text("<body>" + s) for s in letter_html(made).split("<section>")[1:]),
    ):
        flat = squeezed(text)
        assert expected in flat
        assert f"{n:X}" in flat
        assert "010001" in flat
        assert f"{bits}" in text
        assert "CERTIFICATE" not in text


def test_a_letter_shows_the_hash_the_protocol_names_the_key_by(letter: Letter, key: RSAPrivateKey) -> None:
    der = letter.keys[0].certificate
    for sent in (der, bare(der)):
        page = letter_html(replace(letter, keys=(LetterKey(version="A006", certificate=sent),)))
        assert squeezed(fingerprint(sent)) in squeezed(html_text(page))


@needs_pdftotext
@pytest.mark.parametrize("language", EXPECTED)
def test_nothing_of_a_letter_leaves_the_paper(letter: Letter, key: RSAPrivateKey, language: str) -> None:
    long = "W" * 35
    numbers = LetterKey(version="X002", certificate=key_value(RSAPublicNumbers(65537, (1 << 4095) + 7).public_key()))
    made = replace(
        letter, host_id=long, partner_id=long, user_id=long, language=language, keys=(*letter.keys[:1], numbers)
    )
    boxes = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=letter_pdf(made), capture_output=True, check=True)
    words = re.findall(r'<word xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)"', boxes.stdout.decode())
    assert len(words) > 500
    margin, width, height = 21 * 72 / 25.4 - 1, 210 * 72 / 25.4, 297 * 72 / 25.4
    for left, top, right, bottom in ([float(side) for side in word] for word in words):
        assert margin <= left <= right <= width - margin
        assert 0 < top < bottom < height


def test_the_page_is_well_formed_loads_nothing_and_runs_nothing(letter: Letter) -> None:
    hostile = "<script>alert(1)</script>'\"&"
    page = letter_html(replace(letter, bank=hostile, user_name=hostile, host_id=hostile))
    assert "<script" not in page
    assert html.escape(hostile, quote=True) in page
    tags = " ".join(re.findall(r"<[^>]*>", page))
    assert not re.search(r"\s(?!lang|charset|class)[a-z]+=", tags)
    assert "url(" not in page
    assert "@import" not in page
    body = page[page.index("<body>") : page.index("</html>")]
    assert len(parse_xml(body.encode()).findall("section")) == 3


def test_a_language_that_is_not_there_is_said_with_those_that_are(letter: Letter) -> None:
    for make in (letter_pdf, letter_html):
        with pytest.raises(ElectraError) as error:
            make(replace(letter, language="xx"))  # type: ignore[operator]
        assert "en, de, fr, hu" in error.value.repair
