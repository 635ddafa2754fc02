"""The child process that holds the embedded LLM: an OpenAI-compatible server on loopback.

Started by ``local_llm`` as ``python -m qa.generation.llm_process``, never by hand. It takes its
parameters as one JSON line on standard input, answers with one JSON line when it listens, and ends
when standard input closes, so that it cannot outlive the process that started it.
"""

import json
import os
import sys
from typing import Any


def main() -> None:
    """Load the weights, report the address, serve until the parent is gone."""
    parameters = json.loads(sys.stdin.readline())
    # Native code logs to both standard streams; only our own line may reach the parent's pipe.
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    server = _serve(parameters)
    print(json.dumps({"url": server.listening_address}), file=report, flush=True)
    sys.stdin.read()
    os._exit(0)  # the native server's destructor joins threads that may be decoding


def _serve(parameters: dict[str, Any]) -> Any:
    import xllamacpp

    settings = xllamacpp.CommonParams()
    settings.model.path = parameters["weights"]
    settings.model_alias = {parameters["name"]}
    settings.n_ctx = parameters["context_tokens"]
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = parameters["threads"]
    settings.api_keys = [parameters["api_key"]]
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.n_parallel = 1
    settings.n_threads_http = 4
    settings.cache_ram_mib = 64  # its default keeps up to 8 GB of old prompts, which share little
    settings.warmup = False  # the first real prompt warms it; a warm-up only delays it
    # Without its second copy of the weights, in another order: 0.6 GB less, and prompts, of which
    # an answer mostly consists, are read faster (docs/decisions/0011-speed.md).
    settings.no_extra_bufts = True
    settings.ui = False
    settings.offline = True
    settings.verbosity = 1
    return xllamacpp.Server(settings)


if __name__ == "__main__":
    main()
