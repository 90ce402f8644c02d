"""Plain numbers out of text, compiled where numba is installed; the only gain is time.

Only what is exact is done here: up to 15 digits, with a decimal mark, are a whole number that a
double holds, over a power of ten that it holds as well, so that one division rounds once, rightly
(Clinger, PLDI 1990). Anything else, an exponent to begin with, is left to others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hil.jit import compiled

_TENS = 10.0 ** np.arange(16)


@compiled
def fill(text: Any, delimiter: int, decimal: int, table: Any) -> int:
    """Fill a table, shape (rows, columns), from text as bytes; return the number of rows.

    An empty cell is NaN, an empty line nothing. -1: the text is not plain numbers in equal rows.
    """
    at, size, row = 0, text.size, 0
    while at < size:
        if text[at] == 10 or text[at] == 13:
            at += 1
            continue
        if row == table.shape[0]:
            return -1
        for column in range(table.shape[1]):
            while at < size and text[at] == 32:
                at += 1
            signed = at < size and (text[at] == 45 or text[at] == 43)
            negative = signed and text[at] == 45
            if signed:
                at += 1
            value, digits, after, point = 0, 0, 0, False
            while at < size:
                byte = text[at]
                if 48 <= byte <= 57:
                    value = value * 10 + (byte - 48)
                    digits += 1
                    if point:
                        after += 1
                elif byte == decimal and not point:
                    point = True
                else:
                    break
                at += 1
            if digits > 15 or (not digits and (signed or point)):
                return -1
            number = value / _TENS[after] if digits else np.nan
            table[row, column] = -number if negative else number
            while at < size and text[at] == 32:
                at += 1
            if column + 1 < table.shape[1]:
                if at == size or text[at] != delimiter:
                    return -1
                at += 1
        if at < size and text[at] != 10 and text[at] != 13:
            return -1
        row += 1
    return row
