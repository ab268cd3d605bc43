"""What a bank lets a user do, readable: accounts, rights with limits and signature classes (HTD).

What may live here: tables and displays over what the bank tells. The values themselves are ``ebics.info``'s.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import pandas as pd

from electra_kernel.ebics.info import Permission, SubscriberInfo
from electra_kernel.vocabulary.accounts import format_account
from electra_kernel.vocabulary.text import html_table

#: Signature classes in words (EBICS 3.0.2, 3.5).
CLASSES = {
    "E": "E: signs alone",
    "A": "A: signs with another (A or B)",
    "B": "B: signs with another (A)",
    "T": "T: only sends",
    "": "",
}
#: Administrative order types that users see among their rights, in words.
_WORDS = {
    "HAA": "list of what can be fetched",
    "HAC": "protocol of events",
    "HCA": "change of the transport keys",
    "HCS": "change of all keys",
    "HKD": "data of the customer and its users",
    "HPB": "keys of the bank",
    "HPD": "parameters of the bank",
    "HTD": "data of the user",
    "HVD": "state of a waiting order",
    "HVE": "signing a waiting order",
    "HVS": "cancelling a waiting order",
    "HVT": "payments of a waiting order",
    "HVU": "list of waiting orders",
    "HVZ": "list of waiting orders with details",
    "PTK": "protocol as text",
    "PUB": "change of the signature key",
    "SPR": "giving up the access",
}
_STATES = {1: "ready"}


@dataclass(frozen=True, kw_only=True, repr=False)
class Access(SubscriberInfo):
    """What the bank has on file for a user; shown as tables in a notebook and as text elsewhere."""

    @classmethod
    def of(cls, info: SubscriberInfo) -> Access:
        """The same, with displays."""
        return cls(**{each.name: getattr(info, each.name) for each in fields(SubscriberInfo)})

    def accounts_table(self) -> pd.DataFrame:
        """One row an account: account, currency, holder, bank, description, services ("all" where not restricted)."""
        rows = [
            (
                format_account(each.iban or each.national),
                each.currency,
                each.holder,
                each.bic,
                each.description,
                "all" if each.services is None else "; ".join(map(str, each.services)) or "none",
            )
            for each in self.accounts
        ]
        return pd.DataFrame(rows, columns=["account", "currency", "holder", "bank", "description", "services"])

    def rights_table(self) -> pd.DataFrame:
        """One row a right: what, service, signature class, account, limit, currency, signatures the bank wants."""
        rows = [self._right(each) for each in self.user.permissions]
        columns = ["right", "service", "class", "account", "limit", "currency", "signatures"]
        return pd.DataFrame(rows, columns=columns, dtype=object)  # whole numbers and amounts stay what they are

    def _right(self, right: Permission) -> tuple[object, ...]:
        offered = next((each for each in self.orders if _same(each, right)), None)
        account = next((each.iban or each.national for each in self.accounts if each.id == right.account_id), "")
        words = offered.description if offered else _WORDS.get(right.admin_type, right.admin_type)
        return (
            words,
            str(right.service or right.code or right.admin_type),
            CLASSES.get(right.level, right.level),
            format_account(account) if account else "all" if right.level else "",
            right.limit,
            "" if right.limit is None else right.currency,
            (offered.signatures or None) if offered else None,
        )

    def about(self) -> list[tuple[str, str]]:
        """Who it is about: names and values."""
        place = " ".join(part for part in (self.post_code, self.city, self.country) if part)
        facts = [
            ("Customer", self.name),
            ("Address", ", ".join(part for part in (self.street, place) if part)),
            ("User", f"{self.user.user_id} {self.user.name}".strip()),
            ("State at the bank", _STATES.get(self.user.status, f"number {self.user.status}, see the bank's contract")),
            ("Bank", self.host_id),
        ]
        return [row for row in facts if row[1]]

    def __repr__(self) -> str:
        lines = [f"{name}: {value}" for name, value in self.about()]
        for title, frame in (("Accounts", self.accounts_table()), ("Rights", self.rights_table())):
            lines += ["", f"{title}:", *(f"  {_line(row)}" for row in frame.itertuples(index=False))]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        shown = [html_table(("", ""), self.about(), caption="What the bank has on file")]
        for title, frame in (("Accounts", self.accounts_table()), ("Rights", self.rights_table())):
            rows = [tuple(row) for row in frame.itertuples(index=False)]
            shown.append(html_table([name.capitalize() for name in frame.columns], rows, caption=title))
        return "".join(shown)


def _same(offered: object, right: Permission) -> bool:
    return (getattr(offered, "admin_type", None), getattr(offered, "service", None)) == (
        right.admin_type,
        right.service,
    )


def _line(row: object) -> str:
    assert isinstance(row, tuple)
    return " | ".join(str(part) for part in row if part is not None and str(part))
