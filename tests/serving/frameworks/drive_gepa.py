"""Runs GEPA; executed by the Python of GEPA's own environment in a folder with evaluator.py and program.py.

k components, one a block; an example of the data is a block. Prints a list: of each run the calls of the reflection
model until all blocks were right, and all its calls.
"""

import json
import sys

import gepa
from evaluator import K, scores, texts_of
from gepa.core.adapter import EvaluationBatch
from gepa.lm import LM


class Adapter:
    """Scores blocks, and remembers at which call all were right."""

    propose_new_texts = None

    def __init__(self):
        self.calls, self.hit = 0, None

    def evaluate(self, batch, candidate, capture_traces=False):
        found = scores("\n".join(candidate.values()))
        if self.hit is None and sum(found) == K:
            self.hit = self.calls
        made = [float(found[i]) for i in batch]
        return EvaluationBatch(outputs=made, scores=made, trajectories=made if capture_traces else None)

    def make_reflective_dataset(self, candidate, eval_batch, components_to_update):
        feedback = [{"Inputs": "blocks", "Generated Outputs": "lines", "Feedback": f"score {sum(eval_batch.scores):g}"}]
        return dict.fromkeys(components_to_update, feedback)


def one_run(port, selector, seed, callbacks=()):
    lm = LM("openai/sim", api_base=f"http://127.0.0.1:{port}/v1", api_key="none", num_retries=0)
    adapter = Adapter()

    def counted(prompt):
        adapter.calls += 1
        return lm(prompt)

    with open("program.py") as file:
        start = {f"block{i}": f'B{i} = "{text}"' for i, text in texts_of(file.read()).items()}
    gepa.optimize(
        seed_candidate=start, trainset=list(range(K)), valset=list(range(K)), adapter=adapter, reflection_lm=counted,
        candidate_selection_strategy="current_best", module_selector=selector, reflection_minibatch_size=K, seed=seed,
        stop_callbacks=[lambda state: adapter.hit is not None], max_metric_calls=10**6,
        callbacks=list(callbacks),
    )  # fmt: skip
    return adapter.hit, adapter.calls


port, selector, runs = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
callbacks = []
if len(sys.argv) > 4:
    from gepa_callback import CallLog

    callbacks.append(CallLog(sys.argv[4]))
found = [one_run(port, selector, seed, callbacks) for seed in range(runs)]
print(json.dumps(found))
