"""Power quality in one pass: IEC 61000-4-7, 61000-4-15 and 61000-4-30."""
