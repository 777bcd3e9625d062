# artistjobs in a container: docker build -t artistjobs . ; docs/docker.md has the commands and the rule of the volume.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
# Extras to install, such as postgres or postgres,excel,parquet; none with EXTRAS= (empty).
ARG EXTRAS=postgres
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY artistjobs artistjobs
COPY migrations migrations
RUN python -m venv /opt/artistjobs \
    && /opt/artistjobs/bin/pip install --no-cache-dir "/source${EXTRAS:+[$EXTRAS]}"

FROM python:${PYTHON}-slim
COPY --from=build /opt/artistjobs /opt/artistjobs
ENV PATH=/opt/artistjobs/bin:$PATH \
    HOME=/data \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1
# A fixed number, so that a folder of the host can be given to it: chown 10001 FOLDER.
RUN useradd --uid 10001 --no-create-home --home-dir /data artistjobs \
    && install -d -o artistjobs -g artistjobs /data
USER 10001
WORKDIR /data
# A folder and never a single file: the database has files beside it, and exports are renamed into place.
VOLUME ["/data"]
# The first SIGTERM lets calls in flight finish; give the container time for that with --stop-timeout.
STOPSIGNAL SIGTERM
ENTRYPOINT ["artistjobs"]
CMD ["--help"]
