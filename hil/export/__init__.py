"""Records in the formats that others read: COMTRADE, CSV, JUnit XML, one JSON file."""

from hil.export.export import Exported, export

__all__ = ["Exported", "export"]
