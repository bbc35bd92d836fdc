"""The sections of the page, a file each: what a report says, as tables and figures."""
