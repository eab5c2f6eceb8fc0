# What trains in a TrainingRun's pods, one target each: trainer (CPU) and trainer-cuda.
#
#   docker build -f deploy/images/trainer.Dockerfile --target trainer -t REGISTRY/clawgym-trainer-cpu:TAG .
#
# A TrainingRuntime names the image by digest. It holds no program of the pods' own: those come from
# clawgym-runner, beside it (docs/reference/training-pods.md).
#
# Every package is pinned and nothing is resolved. Pods have a read-only root, so code is compiled now,
# in a form that stays valid whatever happens to modification times: for pip, SOURCE_DATE_EPOCH asks for
# it. One stage for each image: nothing is there only to build, and a copy of gigabytes would be waste.

ARG PYTHON=docker.io/library/python:3.11-slim-bookworm
ARG PYTHON_CUDA=docker.io/library/python:3.12-slim-bookworm

FROM ${PYTHON} AS trainer
# Certificates of a proxy between the build and the package registry, if there is one.
ARG PIP_CERT=
COPY trainer/requirements-cpu.txt /opt/trainer/
RUN set -eu; \
    python -m venv /opt/trainer; \
    SOURCE_DATE_EPOCH=0 /opt/trainer/bin/pip install --no-cache-dir --no-deps --only-binary :all: \
      --requirement /opt/trainer/requirements-cpu.txt
COPY trainer/clawgym_trainer /opt/clawgym/trainer/clawgym_trainer
RUN /opt/trainer/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/clawgym/trainer
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="clawgym-trainer-cpu" \
      org.opencontainers.image.description="Trainers and policy server of ClawGym, for CPUs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
ENV PATH=/opt/trainer/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME=/tmp \
    PYTHONPATH=/opt/clawgym/trainer PYTHONDONTWRITEBYTECODE=1
USER 65534:65534
WORKDIR /
ENTRYPOINT ["python", "-m", "clawgym_trainer.sft"]

FROM ${PYTHON_CUDA} AS trainer-cuda
ARG PIP_CERT=
COPY trainer/requirements-cpu.txt trainer/requirements-cuda.txt /opt/trainer/
RUN set -eu; \
    python -m venv /opt/trainer; \
    SOURCE_DATE_EPOCH=0 /opt/trainer/bin/pip install --no-cache-dir --no-deps --only-binary :all: \
      --requirement /opt/trainer/requirements-cuda.txt; \
    /opt/trainer/bin/pip check
COPY trainer/clawgym_trainer /opt/clawgym/trainer/clawgym_trainer
RUN /opt/trainer/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/clawgym/trainer
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="clawgym-trainer" \
      org.opencontainers.image.description="Trainers of ClawGym, for GPUs with CUDA" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
ENV PATH=/opt/trainer/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME=/tmp \
    PYTHONPATH=/opt/clawgym/trainer PYTHONDONTWRITEBYTECODE=1 NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 65534:65534
WORKDIR /
ENTRYPOINT ["python", "-m", "clawgym_trainer.sft"]
