"""Launches into a results folder: who holds it, what they were made with, and how far they are."""
