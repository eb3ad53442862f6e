# What docker/compose.yml runs beside the bot: an MLflow server (target `mlflow`) and a small S3 server (target `s3`).
# BASE as in the bot's own Dockerfile.
ARG BASE=docker.io/continuumio/miniconda3:25.3.1-1@sha256:4a2425c3ca891633e5a27280120f3fb6d5960a0f509b7594632cdd5bb8cbaea8

# The same layer as the bot's, built once for all three images.
FROM ${BASE} AS environment
COPY docker/environment.yml /tmp/
RUN /opt/conda/bin/conda env create --quiet --yes --prefix /opt/trader --file /tmp/environment.yml

FROM ${BASE} AS runtime
RUN useradd --uid 10001 --user-group --create-home --home-dir /data --shell /usr/sbin/nologin service
ENV PATH=/opt/trader/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1
WORKDIR /data
# An empty volume takes the folder's owner with it.
VOLUME ["/data"]

# pip compiles what it installs. An index that needs a password comes as the secret `pip` (a pip.conf).
FROM environment AS s3-python
COPY requirements-s3.txt /tmp/requirements.txt
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/trader/bin/python -m pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.txt

FROM runtime AS s3
COPY --from=s3-python /opt/trader /opt/trader
COPY --chmod=0644 docker/s3.py /opt/trader/s3.py
USER 10001:10001
CMD ["python", "/opt/trader/s3.py", "--port", "9000", "--file", "/data/s3.sqlite", "--bucket", "trader"]

FROM environment AS mlflow-python
COPY requirements-mlflow.txt /tmp/requirements.txt
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    /opt/trader/bin/python -m pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.txt

FROM runtime AS mlflow
COPY --from=mlflow-python /opt/trader /opt/trader
# Its jobs would take two gigabytes of memory; its telemetry would call home.
ENV MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    MLFLOW_DISABLE_TELEMETRY=true
USER 10001:10001
CMD ["mlflow", "server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1", \
     "--backend-store-uri", "sqlite:////data/mlflow.db", "--artifacts-destination", "/data/artifacts", \
     "--allowed-hosts", "localhost:*,127.0.0.1:*"]
