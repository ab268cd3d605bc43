"""Forms that enter, check, sign and send orders: each a thin shell over a function that needs no browser."""

from electra_widgets.order_form import OrderForm
from electra_widgets.signing_form import SigningForm

__all__ = ["OrderForm", "SigningForm"]
