"""How a business transaction is named: by BTF in EBICS 3.0 (spec 3.0.2, Annex BTF; schema type ServiceType), by file format
beside FUL and FDL in EBICS 2.5 (schema type FileFormatType)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Service:
    """One BTF.

    Attributes:
        name: service name, 3 characters such as ``SCT`` or ``EOP``.
        message: message name such as ``pain.001``.
        scope: country or community such as ``HU``, ``DE``, ``GLB``; empty where none.
        option: service option such as ``COR``; empty where none.
        container: ``ZIP``, ``XML``, ``SVC`` or empty.
        variant, version, format: of the message; empty where none.
    """

    name: str
    message: str
    scope: str = ""
    option: str = ""
    container: str = ""
    variant: str = ""
    version: str = ""
    format: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.name, self.scope, self.option, self.container, self.message) if part)


@dataclass(frozen=True, slots=True)
class FileFormat:
    """What a file sent by FUL or fetched by FDL is (EBICS 2.5).

    Attributes:
        name: such as ``pain.001.001.03.sct``.
        country: ISO 3166 code such as ``FR``; empty where none is given.
    """

    name: str
    country: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.country}".strip()
