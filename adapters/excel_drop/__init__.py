"""County system that works with spreadsheets: files dropped into a folder, answers as files in another."""

from adapters.excel_drop.settings import ExcelDropSettings
from adapters.excel_drop.transport import ExcelDrop

__all__ = ["ExcelDrop", "ExcelDropSettings"]
