# What trains in a TrainingRun's pods, one target each: trainer (CPU) and trainer-cuda.
#
#   docker build -f deploy/images/trainer.Dockerfile --target trainer -t REGISTRY/clawgym-trainer-cpu:TAG .
#
# A TrainingRuntime names the image by digest. It holds no program of the pods' own: those come from
# clawgym-runner, beside it (docs/reference/training-pods.md).

ARG PYTHON=docker.io/library/python:3.11-slim-bookworm
ARG PYTHON_CUDA=docker.io/library/python:3.12-slim-bookworm

FROM ${PYTHON} AS cpu-packages
COPY trainer/requirements-cpu.txt /tmp/requirements.txt
# Every package is pinned and nothing is resolved. Code is compiled now: pods have a read-only root.
RUN python -m venv /opt/trainer \
    && /opt/trainer/bin/pip install --no-cache-dir --no-deps --requirement /tmp/requirements.txt \
    && rm /tmp/requirements.txt

FROM ${PYTHON} AS trainer
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="clawgym-trainer-cpu" \
      org.opencontainers.image.description="Trainers and policy server of ClawGym, for CPUs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=cpu-packages /opt/trainer /opt/trainer
COPY trainer/clawgym_trainer /opt/clawgym/trainer/clawgym_trainer
RUN /opt/trainer/bin/python -m compileall -q /opt/clawgym/trainer
ENV PATH=/opt/trainer/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME=/tmp \
    PYTHONPATH=/opt/clawgym/trainer PYTHONDONTWRITEBYTECODE=1
USER 65534:65534
WORKDIR /
ENTRYPOINT ["python", "-m", "clawgym_trainer.sft"]

FROM ${PYTHON_CUDA} AS cuda-packages
# Those that are known to work together; torch brings the libraries of CUDA as packages.
ARG PACKAGES="torch==2.13.0 transformers==5.18.0 trl==1.13.0 peft==0.21.0 accelerate==1.15.0 datasets==5.0.1 tokenizers==0.23.2 safetensors aiohttp"
RUN python -m venv /opt/trainer && /opt/trainer/bin/pip install --no-cache-dir ${PACKAGES}

FROM ${PYTHON_CUDA} AS trainer-cuda
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="clawgym-trainer" \
      org.opencontainers.image.description="Trainers of ClawGym, for GPUs with CUDA" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=cuda-packages /opt/trainer /opt/trainer
COPY trainer/clawgym_trainer /opt/clawgym/trainer/clawgym_trainer
RUN /opt/trainer/bin/python -m compileall -q /opt/clawgym/trainer
ENV PATH=/opt/trainer/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME=/tmp \
    PYTHONPATH=/opt/clawgym/trainer PYTHONDONTWRITEBYTECODE=1 NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 65534:65534
WORKDIR /
ENTRYPOINT ["python", "-m", "clawgym_trainer.sft"]
