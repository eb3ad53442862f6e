# The bot in a container: without words cron starts a run four times an hour, with words it does that one command.
# How it is built and run is in docs/container.md. BASE is any Debian or Ubuntu with conda's or its own Python 3.11+.
ARG BASE=docker.io/continuumio/miniconda3:25.3.1-1

# What changes seldom, so that new code neither installs nor ships it again.
FROM ${BASE} AS dependencies

# The base's own daily jobs have no place beside the bot's. pam_loginuid refuses every job where the container was
# started from a login session, and needs nobody here. Debian drops old versions, so a pin would soon not install.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cron tini \
    && { python3 -c 'import ensurepip' || apt-get install --yes --no-install-recommends python3-venv; } \
    && rm -rf /var/lib/apt/lists/* /etc/crontab /etc/cron.*/* \
    && sed -i '/pam_loginuid/d' /etc/pam.d/cron \
    && useradd --uid 10001 --user-group --create-home --home-dir /srv/trader --shell /usr/sbin/nologin trader

# pip compiles to bytecode what it installs; nobody could later, and starting without it takes several times as long.
# An index that needs a password comes as the secret `pip` (a pip.conf), which no layer keeps.
# What is installed is copied, never bind-mounted: buildah's cache does not look into mounts and would ship old code.
COPY requirements.txt /opt/trader/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv /opt/trader \
    && /opt/trader/bin/pip install --no-cache-dir --require-hashes --requirement /opt/trader/requirements.txt

FROM dependencies AS wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY trader trader
RUN /opt/trader/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel .

FROM dependencies
COPY --chmod=0644 cron-job /etc/cron.d/trader
COPY --chmod=0755 docker /opt/trader/libexec
COPY --from=wheel /wheel /opt/trader/wheel
RUN /opt/trader/bin/pip install --no-cache-dir --no-index --no-deps /opt/trader/wheel/*.whl

ENV PATH=/opt/trader/bin:$PATH \
    HOME=/srv/trader \
    PYTHONUNBUFFERED=1
WORKDIR /srv/trader

# No USER: cron has to be root to start its job as somebody else. The entrypoint runs every command as `trader`.
ENTRYPOINT ["tini", "--", "/opt/trader/libexec/entrypoint.sh"]

HEALTHCHECK --interval=5m --timeout=10s CMD ["/opt/trader/libexec/health.sh"]

ARG REVISION=unknown
LABEL org.opencontainers.image.title="hourly-trader" \
      org.opencontainers.image.description="A machine-learning paper trader whose live runs equal its backtest." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${REVISION}"
