"""Forms that enter, check, sign and send orders: each a thin shell over a function that needs no browser."""
