"""Rows of the first sheet of an Excel workbook.

Only this module imports python-calamine, which the extra ``excel`` installs.
"""

from collections.abc import Iterable, Sequence
from io import BytesIO

from artistjobs.errors import InputError
from artistjobs.ingest.extras import ensure_package


def workbook_rows(content: bytes, name: str) -> Iterable[tuple[int, Sequence[object]]]:
    """Return the rows of the first sheet of a workbook, numbered as in Excel.

    Args:
        content: The whole file. The sheet is held in memory, about 450 bytes for a row of five cells.
        name: The name of the file for messages.

    Raises:
        WrongUseError: if python-calamine is not installed.
        InputError: if it is no workbook, or has a password.

    """
    ensure_package("Excel workbooks", "python-calamine")
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        sheet = CalamineWorkbook.from_filelike(BytesIO(content)).get_sheet_by_index(0)
    except PasswordError as error:
        raise InputError(f"{name} has a password; save it without one and name that file.") from error
    except CalamineError as error:
        raise InputError(f"{name} cannot be read as an Excel workbook ({error}); save it again as .xlsx.") from error
    # The rows above the first cell are among them, the columns before it are not.
    return enumerate(sheet.iter_rows(), 1)
