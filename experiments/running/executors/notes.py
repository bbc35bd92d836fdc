"""The temporary folder of a launch, where workers note what they are at; those of killed drivers are removed."""

from __future__ import annotations

import re
import string
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from experiments.store.held import FolderForm, held_folder

FORM = FolderForm("llm-evo-notes-", "", string.ascii_lowercase + string.digits + "_", 8, re.compile(r"\d+-\d+"))


def notes_folder() -> AbstractContextManager[Path]:
    """A temporary folder for the notes of a launch; first those that killed drivers have left are removed."""
    return held_folder(Path(tempfile.gettempdir()), FORM)
