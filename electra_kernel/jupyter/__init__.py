"""The IPython extension, displays and the kernel spec. Thin: every button and magic calls a public function."""
