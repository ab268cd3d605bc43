"""A person enters, corrects, signs and sends an order in JupyterLab; everything is real, from the keys to the bank."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from electra_kernel import Workbench
from electra_kernel.orders.lifecycle import State
from tests.browser.lab import CHROMIUM, FLAGS, lab_server, open_notebook, run_cell, save

playwright = pytest.importorskip("playwright.sync_api", reason="install the extra: pip install -e '.[browser]'")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM} (Debian package chromium)")

PASSWORD = "correct horse battery"
CELLS = (
    "from electra_kernel import Workbench\nfrom electra_widgets import OrderForm, SigningForm\nwb = Workbench.open()",
    "form = OrderForm(wb)\nform",
    "SigningForm(form.order)",
    "form.order",
)


@pytest.fixture(scope="module")
def treasury(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """A workbench with keys and a running bank; the browser's kernel opens the same folder and knows no password."""
    workbench = Workbench.open(tmp_path_factory.mktemp("bank") / "treasury", passwords=lambda _: PASSWORD)
    workbench.connect_sandbox().info()
    yield workbench
    workbench.close()


@pytest.fixture(scope="module")
def page(treasury: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    root = tmp_path_factory.mktemp("lab")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    notebook.metadata.kernelspec = {"name": "electra", "display_name": "Electra", "language": "python"}
    nbformat.write(notebook, root / "forms.ipynb")
    with (
        lab_server(root, {"ELECTRA_WORKBENCH": str(treasury.folder)}) as address,
        playwright.sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page(viewport={"width": 1360, "height": 1000})
        page.notebook_file = root / "forms.ipynb"
        open_notebook(page, address, "forms.ipynb")
        yield page
        browser.close()


def picture(page: Any, name: str) -> None:
    """Keep a picture where the one who runs the tests wants to look at them."""
    if folder := os.environ.get("ELECTRA_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def fill(page: Any, label: str, text: str) -> None:
    field = page.get_by_label(label, exact=True).last
    field.fill(text)
    field.press("Tab")


def test_an_order_is_entered_signed_and_sent_in_the_browser(page: Any, treasury: Workbench) -> None:
    expect = playwright.expect
    run_cell(page, 0)
    run_cell(page, 1)
    expect(page.get_by_label("From account", exact=True)).to_be_visible(timeout=30_000)
    fill(page, "Payee", "Balatoni Bútorgyár Kft.")
    fill(page, "Payee's account", "HU68100320000107686800000000")
    fill(page, "Amount", "1e3")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("'1e3' is not an amount.")).to_be_visible()
    picture(page, "1-wrong-amount")

    fill(page, "Amount", "125000")
    fill(page, "Text to the payee", "Számla 2026/0042")
    page.get_by_role("button", name="Add a payment", exact=True).click()
    expect(page.get_by_label("Payee", exact=True)).to_have_count(2)
    fill(page, "Payee", "Tiszai Öntöde Zrt.")
    fill(page, "Payee's account", "HU68100320000107686800000000")
    fill(page, "Amount", "80 500")
    fill(page, "Reference", "INV-43")
    expect(page.get_by_text("Total: 205 500.00 HUF in 2 payments")).to_be_visible()
    picture(page, "2-filled")
    page.get_by_role("button", name="Make the order", exact=True).click()
    expect(page.get_by_text("is made and may be signed.")).to_be_visible()
    expect(page.get_by_role("button", name="Make the order", exact=True)).to_be_disabled()

    run_cell(page, 2)
    expect(page.get_by_text("Duna Trading Kft.").first).to_be_visible()
    password = page.get_by_label("Password of ANNA at sandbox")
    password.fill("wrong horse battery")
    page.get_by_role("button", name="Sign and send", exact=True).click()
    expect(page.get_by_text("Nothing was signed.")).to_be_visible()
    expect(password).to_have_value("")
    picture(page, "3-wrong-password")
    password.fill(PASSWORD)
    page.get_by_role("button", name="Sign and send", exact=True).click()
    expect(page.get_by_text("Sent. The order is received at the bank.")).to_be_visible(timeout=30_000)
    expect(password).to_have_value("")
    picture(page, "4-sent")

    run_cell(page, 3)
    save(page)
    picture(page, "5-order")
    (order,) = treasury.orders.values()
    assert order.status is State.RECEIVED
    assert [payment.remittance for payment in order.order.transactions] == ["Számla 2026/0042", ""]
    saved = page.notebook_file.read_text("utf-8")
    assert "application/vnd.jupyter.widget-state+json" in saved
    assert PASSWORD not in saved
    assert "wrong horse" not in saved
