"""A name in the notebook whose value is made when it is first used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Lazy:
    """Stands under ``name`` in a namespace until something is asked of it; then the real value takes its place.

    What making the value raises comes out at that use, and the next use tries again.
    """

    def __init__(self, namespace: dict[str, Any], name: str, make: Callable[[], Any]) -> None:
        self._namespace, self._name, self._make = namespace, name, make
        self._made: list[Any] = []

    def _value(self) -> Any:
        if not self._made:
            self._made.append(self._make())
            if self._namespace.get(self._name) is self:
                self._namespace[self._name] = self._made[0]
        return self._made[0]

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith(("_ipython_", "__")):
            raise AttributeError(attribute)  # a front end that only looks at the name is no use of the value
        return getattr(self._value(), attribute)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the value, as a class or function is called."""
        return self._value()(*args, **kwargs)

    def __dir__(self) -> list[str]:
        return dir(self._value())

    def __repr__(self) -> str:
        return repr(self._value())
