"""Runs ShinkaEvolve; executed by the Python of its own environment in a folder with evaluator.py and program.py."""

import os
import sys

os.environ.setdefault("LOCAL_OPENAI_API_KEY", "none")

from shinka.core import EvolutionConfig, ShinkaEvolveRunner
from shinka.database import DatabaseConfig
from shinka.launch import LocalJobConfig

port, form, out, elitist = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4] == "elitist"
most = int(sys.argv[5]) if len(sys.argv) > 5 else 1000
evolution = EvolutionConfig(
    patch_types=[form], patch_type_probs=[1.0], num_generations=most, llm_models=[f"local/sim@http://127.0.0.1:{port}/v1"],
    llm_dynamic_selection=None, embedding_model=None, meta_rec_interval=None, init_program_path="program.py",
    results_dir=out,
)  # fmt: skip
best = {"num_islands": 1, "archive_size": 1, "parent_selection_strategy": "power_law", "exploitation_alpha": 100.0}
database = DatabaseConfig(db_path="programs.sqlite", **(best if elitist else {}))
ShinkaEvolveRunner(
    evolution, LocalJobConfig(eval_program_path="evaluator.py"), database, max_evaluation_jobs=1, max_proposal_jobs=1,
    max_db_workers=1, verbose=False,
).run()  # fmt: skip
