"""A step that llama.cpp cannot compute ends the answers that are written, and those that wait come next."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from backend_embedded.llm.files.library import find_starter

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, sys
from dataclasses import replace
from backend_embedded.llm.runner.bindings import load_bindings
from backend_embedded.llm.runner.engine import Engine
from backend_embedded.llm.runner.model import LoadedModel
from backend_embedded.llm.runner.protocol import Generate, RunnerConfig, Sampling

class Failing:
    # llama.cpp, whose next step fails when that is wanted.
    def __init__(self, llama):
        self.llama, self.fails = llama, False
    def __getattr__(self, name):
        return getattr(self.llama, name)
    def llama_decode(self, context, batch):
        if self.fails:
            self.fails = False
            return 2
        return self.llama.llama_decode(context, batch)

real = load_bindings()
llama = Failing(real.llama)
llama.llama_backend_init()
config = RunnerConfig(model_path=sys.argv[1], name="starter", context_size=256, threads=1, sequences=1)
model = LoadedModel(llama, config, [])
events = []
engine = Engine(replace(real, llama=llama), model, 1, events.append)
for number in (1, 2):
    request = Generate(id=number, raw="The sea", options=Sampling(max_tokens=4))
    engine.add(request, model.tokenize("The sea is"), 0.0)
llama.fails = True
for _ in range(50):
    if engine.busy:
        engine.step()
print(json.dumps([[event.id, type(event).__name__] for event in events]))
"""


def test_who_waits_is_answered_after_a_step_that_failed() -> None:
    starter = find_starter()
    assert starter is not None
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(starter)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=True,
    )
    told = [tuple(event) for event in json.loads(done.stdout.splitlines()[-1])]
    assert (1, "Failed") in told
    assert (2, "Done") in told
    assert (2, "Failed") not in told
