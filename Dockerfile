# The bot in a container that needs no root: without words a run, then cron, which starts one four times an hour; with
# words one command. docs/container.md says how it is built and run. BASE is Miniconda, or Debian with a `conda` in it.
ARG BASE=docker.io/continuumio/miniconda3:25.3.1-1@sha256:4a2425c3ca891633e5a27280120f3fb6d5960a0f509b7594632cdd5bb8cbaea8

# What changes seldom, so that new code neither installs nor ships it again: Python by conda, the rest by pip.
FROM ${BASE} AS environment
COPY docker/environment.yml /tmp/
RUN /opt/conda/bin/conda env create --quiet --yes --prefix /opt/trader --file /tmp/environment.yml

# pip compiles to bytecode what it installs; nobody could later, and starting without it takes several times as long.
# An index that needs a password comes as the secret `pip` (a pip.conf), which no layer keeps.
# What is installed is copied, never bind-mounted: buildah's cache does not look into mounts and would ship old code.
COPY requirements.txt /tmp/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/trader/bin/pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.txt

# Any of `api` and `dist`, with a space between them.
ARG EXTRAS=""
COPY requirements-api.txt requirements-dist.txt /tmp/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    for extra in ${EXTRAS}; do \
      /opt/trader/bin/pip install --no-cache-dir --require-hashes --requirement "/tmp/requirements-${extra}.txt" \
        || exit 1; \
    done

# A tenth of the size, and nothing imports them.
RUN site=$(/opt/trader/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
    && for library in matplotlib numpy pandas pyarrow scipy; do \
      find "$site/$library" -type d -name tests -prune -exec rm -r {} + || exit 1; \
    done

FROM environment AS wheel
WORKDIR /source
COPY pyproject.toml setup.py README.md LICENSE ./
COPY trader trader
ARG VERSION=""
ARG REVISION=""
RUN TRADER_BUILD_VERSION="${VERSION}" TRADER_BUILD_COMMIT="${REVISION}" \
    /opt/trader/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel .

FROM ${BASE}
# Debian drops old versions, so a pin would soon not install. `snooze` waits for cron.sh, `tini` is process 1.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends snooze tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /srv/trader --shell /usr/sbin/nologin trader \
    && install --directory --owner=trader --group=trader /srv/trader

COPY --from=environment /opt/trader /opt/trader
COPY --chmod=0755 docker/*.sh /opt/trader/libexec/
COPY --chmod=0644 cron-job /opt/trader/cron-job
COPY --from=wheel /wheel /opt/trader/wheel
RUN /opt/trader/bin/pip install --no-cache-dir --no-index --no-deps /opt/trader/wheel/*.whl

# Nothing but /tmp and the local store is ever written to: what libraries keep in a home goes to /tmp.
ENV PATH=/opt/trader/bin:$PATH \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp/matplotlib \
    PYTHONNOUSERSITE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /srv/trader
# Declared so that volumes that a scheduler makes for these places (ECS on Fargate) take over whose they are.
VOLUME ["/tmp", "/srv/trader"]
USER 10001:10001

ENTRYPOINT ["tini", "--", "/opt/trader/libexec/entrypoint.sh"]

# The first run may have years of klines to bring; then cron tries several times an hour, and two hours are silence.
HEALTHCHECK --start-period=2h --interval=5m --timeout=10s CMD ["/opt/trader/libexec/health.sh"]

ARG VERSION=""
ARG REVISION=""
ARG CREATED=""
ARG SOURCE=""
LABEL org.opencontainers.image.title="hourly-trader" \
      org.opencontainers.image.description="A machine-learning paper trader whose live runs equal its backtest." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
