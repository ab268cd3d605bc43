"""Field 86 as banks of several countries write it: each text is made up, and every column it fills is checked."""

from __future__ import annotations

import pyarrow as pa
import pytest

from electra_kernel.formats.mt_details import columns_of


def said(*texts: str) -> list[dict[str, str]]:
    columns = columns_of(pa.array(texts))
    return [
        {name: column[row].as_py() for name, column in columns.items() if column[row].as_py() is not None}
        for row in range(len(texts))
    ]


# ----------------------------------------------------------------------------------------------- German, Austrian
def test_a_reference_after_another_goes_on_where_the_subfield_is_full() -> None:
    text = "109?20EREF+A1.2345678.9 KREF+CD-E?21F2026-0001-7 MREF+M1 CRED+D?22E98ZZZ09999999999?23SVWZ+Rückgabe"
    assert said(text) == [
        {
            "business_code": "109",
            "end_to_end_id": "A1.2345678.9",
            "customer_reference": "CD-EF2026-0001-7",
            "mandate_id": "M1",
            "creditor_id": "DE98ZZZ09999999999",
            "remittance": "Rückgabe",
        }
    ]


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_word_that_the_end_of_a_subfield_cuts_in_two_is_one_word(cut: int) -> None:
    word = "SVWZ"
    text = f"105?20CRED+DE98ZZZ09999999999 {word[:cut]}?21{word[cut:]}+Abo im März?32Verlag"
    whole = f"105?20CRED+DE98ZZZ09999999999?21{word}+Abo im März?32Verlag"
    assert said(text) == said(whole)
    assert said(text)[0]["remittance"] == "Abo im März"


def test_letters_before_a_subfield_that_make_no_word_stay_where_they_are() -> None:
    assert said("105?20Sonder?21WEG+Extra")[0]["remittance"] == "Sonder WEG+Extra"


def test_a_line_that_ends_before_a_word_that_did_not_fit_ends_with_a_blank() -> None:
    text = "020?00UEBERWEISUNG?100001?20LV 754 und 52\nMAXIMILIANE?21BRANDSTETTER?32Reise,\nVERSICHERUNGSVERBANDES"
    (found,) = said(text)
    assert found["remittance"] == "LV 754 und 52 MAXIMILIANE BRANDSTETTER"
    assert found["counterparty_name"] == "Reise,VERSICHERUNGSVERBANDES"  # the word would have fitted


def test_lines_that_are_all_as_short_are_lines_and_not_words() -> None:
    texts = ["166?20" + "A" * 44 + "\n" + "B" * 30 + "?32Muster"] * 5
    assert {found["remittance"] for found in said(*texts)} == {"A" * 44 + "B" * 30}


def test_four_digits_may_stand_before_the_first_subfield() -> None:
    assert said("8300<00Opłata<20za luty<3813102055610000380209739045") == [
        {
            "business_code": "8300",
            "booking_text": "Opłata",
            "remittance": "za luty",
            "counterparty_account": "13102055610000380209739045",
        }
    ]


# --------------------------------------------------------------------------------------------------------- Polish
@pytest.mark.parametrize("mark", "~<^")
def test_polish_lines_27_to_29_are_name_and_address(mark: str) -> None:
    text = (
        "020~00PRZELEW~1012~20FAKTURA 12/2026~2661109010140000071219812874"
        "~27HURTOWNIA STALI I METALI KOLOROWYCH~28SP. Z O.O., UL. DLUGA 7~2900-950 WARSZAWA"
        "~3010901014~31000071219812874~32HURTOWNIA STALI I METALI KO~33LOROWYCH SP. Z O.O.~3861109010140000071219812874"
    ).replace("~", mark)
    assert said(text) == [
        {
            "business_code": "020",
            "booking_text": "PRZELEW",
            "prima_nota": "12",
            "remittance": "FAKTURA 12/2026",
            "counterparty_name": "HURTOWNIA STALI I METALI KOLOROWYCH SP. Z O.O.",
            "counterparty_account": "61109010140000071219812874",
            "counterparty_address": "HURTOWNIA STALI I METALI KOLOROWYCHSP. Z O.O., UL. DLUGA 7 00-950 WARSZAWA",
        }
    ]


def test_polish_line_27_is_the_name_where_there_is_no_other() -> None:
    (found,) = said("020~20FV 1~27JAN KOWALSKI~28UL. KRÓTKA 1~2930-001 KRAKÓW~38PL61109010140000071219812874")
    assert found["counterparty_name"] == "JAN KOWALSKI"
    assert found["counterparty_address"] == "UL. KRÓTKA 1 30-001 KRAKÓW"
    assert found["iban"] == "PL61109010140000071219812874"


def test_line_26_that_is_no_account_is_text_and_german_lines_27_to_29_are_too() -> None:
    assert said("020~20tytułem~26zaliczki")[0]["remittance"] == "tytułem zaliczki"
    assert said("166?20Teil eins?27Teil zwei?28Teil drei")[0]["remittance"] == "Teil eins Teil zwei Teil drei"


def test_lines_of_35_go_on_where_they_are_full() -> None:
    (found,) = said("020~20Zaplata za fakture numer 2026/02/ABCD~21EF oraz korekta~22z lutego")
    assert found["remittance"] == "Zaplata za fakture numer 2026/02/ABCDEF oraz korekta z lutego"


def test_labels_of_polish_banks_are_understood() -> None:
    text = (
        "770 PRZELEW KRAJOWY; Z RACH.: 61109010140000071219812874; OD:\n"
        "JAN NOWAK UL. LIPOWA 3 00-950 WARSZAWA; TYT.: ZA OBIADY; DATA\nSTEMPLA: 02.06.2026; TNR: 1549.01"
    )
    assert said(text) == [
        {
            "business_code": "770",
            "booking_text": "PRZELEW KRAJOWY",
            "counterparty_account": "61109010140000071219812874",
            "counterparty_name": "JAN NOWAK UL. LIPOWA 3 00-950 WARSZAWA",
            "remittance": "ZA OBIADY",
            "remains": "DATA STEMPLA: 02.06.2026 TNR: 1549.01",
        }
    ]


# ------------------------------------------------------------------------------------------------ Czech and Slovak
@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("111?00PLATBA?20VS:0000123456?21SS:77?22KS:0308?23za unor", "/VS123456/SS77/KS308"),
        ("/VS/20260001/KS/0558 za sluzby", "/VS20260001/KS558"),
        ("/EREF//VS123/SS0/KS0308/REMI/faktura", "/VS123/KS308"),
        ("177?20EREF+/VS98/SS/KS?21SVWZ+nájem", "/VS98"),
        ("platba VS: 5 prosinec", "/VS5"),
        ("platba SS:5 bez variabilniho", ""),
        ("FC VS Brno 2026, VS2026x", ""),
    ],
)
def test_symbols_are_a_structured_reference_and_stay_in_the_text(text: str, reference: str) -> None:
    (found,) = said(text)
    assert found.get("structured_reference", "") == reference
    for word in ("VS", "SS", "KS"):
        assert (word in text) == any(word in value for value in found.values())


# ------------------------------------------------------------------------------------------ Dutch, Hungarian, plus
def test_the_first_line_of_61_characters_goes_on_where_words_stand_between_slashes() -> None:
    first = "/EREF/4406948-22//MARF/4406948//CSID/NL75ZZZ341309931234//CNT"
    assert len(first) == 61
    (found,) = said(first + "\nP/NL91ABNA0417164300/ABNANL2A/Fietsen BV///REMI/USTD//Factuur 1/")
    assert found == {
        "end_to_end_id": "4406948-22",
        "mandate_id": "4406948",
        "creditor_id": "NL75ZZZ341309931234",
        "counterparty_account": "NL91ABNA0417164300",
        "counterparty_bic": "ABNANL2A",
        "counterparty_name": "Fietsen BV",
        "remittance": "Factuur 1",
    }


def test_account_and_name_may_stand_alone_on_the_first_line() -> None:
    assert said("NL91ABNA0417164300 bakker van dijk\n\nbrood en\ngebak\n\n", "0417164300 van dijk\n\nhuur") == [
        {
            "counterparty_account": "NL91ABNA0417164300",
            "counterparty_name": "bakker van dijk",
            "remittance": "brood en gebak",
        },
        {"counterparty_account": "0417164300", "counterparty_name": "van dijk", "remittance": "huur"},
    ]


def test_reference_account_and_name_on_three_lines_are_hungarian() -> None:
    text = "BBK26D0000188142\n117730161111101800000000\nMINTA KFT.\nszámla 18175\nmárcius"
    assert said(text) == [
        {
            "bank_reference": "BBK26D0000188142",
            "counterparty_account": "117730161111101800000000",
            "counterparty_name": "MINTA KFT.",
            "remittance": "számla 18175 március",
        }
    ]
    assert said("egy\nkettő\nhárom") == [{"remittance": "egy kettő három"}]


def test_subfields_may_be_set_apart_by_a_plus() -> None:
    (found,) = said("051+00PREVOD+20EREF+2026-1+21SVWZ+Faktura 10+30UNCRBGSF+31BG80BNBG96611020345678+32FIRMA OOD")
    assert found == {
        "business_code": "051",
        "booking_text": "PREVOD",
        "end_to_end_id": "2026-1",
        "remittance": "Faktura 10",
        "bank_code": "UNCRBGSF",
        "counterparty_account": "BG80BNBG96611020345678",
        "counterparty_name": "FIRMA OOD",
    }
    assert said("+36201234567 hívja fel", "Tel +30 210 00") == [
        {"remittance": "+36201234567 hívja fel"},
        {"remittance": "Tel +30 210 00"},
    ]
