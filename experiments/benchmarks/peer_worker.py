"""The peer's side of the benchmarks: answers JSON lines, never imports jaxamp.

Runs in the peer's environment (`pip install neural-amp-modeler onnx onnxruntime`).
The cores it may use are inherited; torch is told to use as many threads.

    {"do": "versions"}                                  -> {package: version}
    {"do": "prepare", "kind": "training", "task": {…}}  -> facts
    {"do": "run", "units": 3}                           -> {"seconds": …}
    {"do": "peak"}                                      -> {"mib": …}
"""

import importlib
import json
import os
import resource
import sys
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("neural-amp-modeler", "torch", "onnxruntime", "onnx")
KINDS = {
    "training": "peer_training",
    "offline": "peer_offline",
    "blocks": "peer_blocks",
}
"""kind -> the module whose `prepare(**task)` gives facts and a function of units"""


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    run = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "versions":
            answer = versions()
        elif request["do"] == "prepare":
            module = importlib.import_module(KINDS[request["kind"]])
            answer, run = module.prepare(**request["task"])
        elif request["do"] == "peak":
            answer = {"mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        else:
            answer = {"seconds": run(request["units"])}
        print(json.dumps(answer), file=answers, flush=True)


def versions():
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main()
