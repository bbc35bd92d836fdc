"""Logs of real calls: tables that somebody else made, read within bounds, each fault named by file, line and column."""
