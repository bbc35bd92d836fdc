"""The report as one page that opens from a disk: no network, no library, all figures and tables within it."""
