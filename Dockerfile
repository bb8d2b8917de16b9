# docker build -t biomarker .
# docker run --rm --read-only --network none --user "$(id -u):$(id -g)" \
#     -v /data/trial:/data:ro -v "$PWD/results:/results" -v "$PWD/cache:/cache" \
#     biomarker run /data/study.yaml -o /results
#
# Dask: docker run --entrypoint dask biomarker worker ...

FROM debian:bookworm-slim AS build
# Debian keeps only the newest version of a package of its release: none can be pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv gcc libc6-dev python3-dev \
    && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN sh /src/containers/install.sh /src /opt/biomarker

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /home/biomarker --create-home biomarker \
    && install -d -o biomarker -g biomarker -m 0777 /cache
COPY --from=build /opt/biomarker /opt/biomarker
# /cache keeps the index of files and the key that stands in for persons: mount one folder for
# all runs of a study.
ENV PATH=/opt/biomarker/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    BIOMARKER_CACHE_DIR=/cache \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS=1
USER 10001:10001
WORKDIR /home/biomarker
ENTRYPOINT ["biomarker"]
CMD ["--help"]
