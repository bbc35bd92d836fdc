"""What a file that somebody else may have made may ask for: bytes, rows and values, all in one place."""

GRID_FILE_BYTES = 2**21
"""Of a grid in TOML."""
LOCK_BYTES = 2**12
GRID_BYTES = 2**24
"""Of grid.json."""
PROVENANCE_BYTES = 2**26
FAILURE_BYTES, FAILURE_CHARACTERS = 10**7, 100_000
"""Of a failure as a file, and of each text in it that is kept: a character may need six bytes."""
CELLS_BYTES, CELLS_VALUES = 2**30, 2**26
"""Of cells.parquet, and of the table in it."""
PART_ROWS, PART_BYTES = 2**20, 2**28
"""Of a part of the table of runs; bytes of the file, and of the tables in it as its footer declares them: 256 a row."""
REPORT_BYTES = 2**30
"""Of a file of a report, which is read to be compared."""
LOG_BYTES, LOG_ROWS, LOG_COLUMNS, LOG_VALUES, LOG_LINE, LOG_WORD = 2**28, 500_000, 200, 2**26, 2**20, 1000
"""Of a log of calls: bytes, unpacked ones too; rows, columns, values; characters of a line of JSON, bytes of a word in
Parquet."""
