"""Real-time notifications as JSON: what is written is read back, and nothing from outside does harm."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.notifications import (
    MESSAGE_LIMIT,
    BankWords,
    NewData,
    NotificationAccess,
    NotificationUnreadable,
    OtherMessage,
    read_access,
    read_message,
    write_access,
    write_message,
)

AT = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
IDS = st.text("ABCXYZabc019,=", min_size=1, max_size=35)
NAMES = st.text("ABCDEFGHIJ0123456789", min_size=3, max_size=3)
SERVICES = st.builds(
    Service,
    name=NAMES,
    message=st.text("abc.019", min_size=1, max_size=10),
    scope=st.sampled_from(["", "DE", "GLB"]),
    option=st.sampled_from(["", "COR"]),
    container=st.sampled_from(["", "ZIP"]),
)
GOOD = {
    "URL": "wss://bank.example/n",
    "TOKEN": "s3cret",
    "OTT": "Y",
    "VALIDITY": "2026-11-23T08:30:00Z",
    "PARTNERID": "P1",
}


@given(
    token=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80),
    one_time=st.booleans(),
    until=st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    partner=IDS,
    user=st.just("") | IDS,
)
def test_where_to_listen_is_read_as_it_was_written(
    token: str, one_time: bool, until: datetime | None, partner: str, user: str
) -> None:
    access = NotificationAccess(
        url="wss://127.0.0.1:4430/notifications",
        token=token,
        one_time=one_time,
        valid_until=until and until.replace(microsecond=0, tzinfo=UTC),
        partner_id=partner,
        user_id=user,
    )
    assert read_access(write_access(access)) == access
    assert all(isinstance(value, str) for value in json.loads(write_access(access)).values())
    assert access.name == (f"{partner}_{user}" if user else partner)


@given(partner=IDS, user=st.just("") | IDS, services=st.lists(SERVICES, max_size=5), types=st.lists(NAMES, max_size=3))
def test_news_is_read_as_it_was_written(partner: str, user: str, services: list[Service], types: list[str]) -> None:
    news = NewData(partner_id=partner, user_id=user, services=tuple(services), admin_types=tuple(types), at=AT)
    assert read_message(write_message(news, at=AT)) == news


@given(st.lists(st.tuples(st.sampled_from(["EN", "HU"]), st.text(min_size=1, max_size=80)), max_size=4))
def test_words_of_the_bank_are_read_as_they_were_written(texts: list[tuple[str, str]]) -> None:
    words = BankWords(texts=tuple(texts), at=AT)
    assert read_message(write_message(BankWords(texts=tuple(texts)), at=AT)) == words


def test_a_message_of_the_standard_is_read_and_one_of_another_class_is_no_error() -> None:
    message = (
        '{"MCLASS":[{"NAME":"EBICS-HAA","VERS":"1.0","TIMESTAMP":"2026-11-23T09:30:00+01:00"}],"PARTNERID":"P1",'
        '"USERID":"U1","BTF":[{"SERVICE":"EOP","SCOPE":"DE","CONTTYPE":"ZIP","MSGNAME":"camt.053"}],"ORDERTYPE":["HAC"]}'
    )
    assert read_message(message) == NewData(
        partner_id="P1",
        user_id="U1",
        services=(Service("EOP", "camt.053", "DE", container="ZIP"),),
        admin_types=("HAC",),
        at=AT,
    )
    assert read_message('{"MCLASS":[{"NAME":"NEW-CLASS"}]}') == OtherMessage(names=("NEW-CLASS",))


def test_a_validity_in_another_zone_and_without_one_is_utc() -> None:
    there = AT.astimezone(timezone(timedelta(hours=1))).isoformat()
    for text in (there, "2026-11-23T08:30:00", "2026-11-23T08:30:00.000Z"):
        assert read_access(json.dumps({**GOOD, "VALIDITY": text}).encode()).valid_until == AT


def test_a_token_is_not_shown() -> None:
    assert "s3cret" not in repr(read_access(json.dumps(GOOD).encode()))


@pytest.mark.parametrize(
    "change",
    [
        {"URL": ""},
        {"URL": "https://bank.example"},
        {"URL": "wss://"},
        {"URL": "wss://user@bank.example"},
        {"URL": "wss://bank.example:99999999"},
        {"URL": 7},
        {"TOKEN": ""},
        {"TOKEN": "a\r\nX-Injected: 1"},
        {"TOKEN": "x" * 5000},
        {"OTT": "perhaps"},
        {"VALIDITY": "tomorrow"},
        {"PARTNERID": "P 1"},
        {"PARTNERID": ["P1"]},
        {"USERID": "a_b"},
    ],
)
def test_each_wrong_field_is_one_clear_error(change: dict[str, Any]) -> None:
    with pytest.raises(NotificationUnreadable) as error:
        read_access(json.dumps({**GOOD, **change}).encode())
    assert error.value.where == next(iter(change))
    assert error.value.cause
    assert error.value.repair


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "NaN",
        "{",
        '{"MCLASS":7}',
        '{"MCLASS":[7]}',
        '{"MCLASS":[{"NAME":7}]}',
        '{"MCLASS":[{"NAME":"EBICS-HAA"}]}',
        '{"MCLASS":[{"NAME":"EBICS-HAA"}],"PARTNERID":"P1","BTF":[{}]}',
        '{"MCLASS":[{"NAME":"EBICS-HAA"}],"PARTNERID":"P1","ORDERTYPE":[{}]}',
        '{"MCLASS":[{"NAME":"INFO"}],"INFO":[{"LANG":"EN"}]}',
        "[" * 50_000,
        '{"a":' * 10_000,
        '{"MCLASS":[' + ",".join(['{"NAME":"X"}'] * 1000) + "]}",
        "x" * (MESSAGE_LIMIT + 1),
        '{"PARTNERID":' + "9" * 10_000 + "}",
    ],
)
def test_a_hostile_message_is_one_clear_error(text: str) -> None:
    for data in (text, text.encode()):
        with pytest.raises(NotificationUnreadable):
            read_message(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200)
    | JSON.map(json.dumps)
    | st.dictionaries(
        st.sampled_from(["MCLASS", "PARTNERID", "USERID", "BTF", "ORDERTYPE", "INFO", "URL", "TOKEN"]), JSON
    ).map(json.dumps)
)
def test_whatever_comes_is_read_or_refused_and_nothing_else_happens(data: bytes | str) -> None:
    for read in (read_message, read_access):
        with suppress(NotificationUnreadable):
            assert read(data) is not None  # type: ignore[operator]
