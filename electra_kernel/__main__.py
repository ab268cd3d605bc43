"""``python -m electra_kernel`` is the command ``electra``."""

from electra_kernel.cli import main

main()
