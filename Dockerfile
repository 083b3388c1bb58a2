# Penstock as an image: service, stage, runner, plugin and watchdog are commands of it, see docs/image.md.
#   docker build .                   the image itself
#   docker build --target tools .    and the programs that `penstock loadtester` runs
# BASE is any Debian or Ubuntu with Python 3.11 or newer, its venv module and CA certificates.
ARG BASE=docker.io/library/python:3.11-slim
ARG GO=docker.io/library/golang:1.26

# PID 1: hands signals on and reaps what the processes of tests leave behind.
FROM ${BASE} AS init
RUN apt-get update && apt-get install --yes --no-install-recommends tini

FROM ${BASE} AS build
ARG PIP_INDEX_URL
ENV PIP_CACHE_DIR=/cache PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/penstock
RUN --mount=type=cache,target=/cache /build/bin/pip install --quiet 'pip>=24' 'cyclonedx-bom>=7'
WORKDIR /src
COPY . .
# What is fat and never used: the Kubernetes client's asyncio twin, the descriptions of AWS services that no metric
# comes from, the tests of libraries.
RUN --mount=type=cache,target=/cache \
    /build/bin/pip --python /opt/penstock/bin/python install --quiet '.[cloudwatch,notify,stackdriver]' && \
    cd /opt/penstock/lib/python3*/site-packages && \
    rm -r kubernetes/aio gevent/tests greenlet/tests zope/interface/tests && \
    find botocore/data -mindepth 1 -maxdepth 1 -type d \
      ! -name cloudwatch ! -name signin ! -name 'sso*' ! -name sts -exec rm -r {} + && \
    /opt/penstock/bin/python -m compileall -q --invalidation-mode unchecked-hash -j 0 .
ARG SOURCE_DATE_EPOCH=0
RUN mkdir /opt/penstock/share && \
    /build/bin/python scripts/sbom.py /opt/penstock/bin/python \
    --dpkg /var/lib/dpkg/status --output /opt/penstock/share/sbom.cdx.json

FROM ${GO} AS go
ENV CGO_ENABLED=0 GOBIN=/out GOTOOLCHAIN=local GOFLAGS=-buildvcs=false GOCACHE=/cache/build GOMODCACHE=/cache/modules
ARG GOPROXY
WORKDIR /src
COPY image/tools .
RUN --mount=type=cache,target=/cache go install -trimpath -ldflags '-s -w' tool ./kubectl && \
    mv /out/grpc-health-probe /out/grpc_health_probe && go version -m /out >/modules

FROM ${BASE} AS slim
# The group is 0 because Argo's agent gives its token to user 8737 and group 0. Images of Python come without compiled
# modules of its own, and none can be written below a read-only root.
RUN echo 'penstock:x:8737:0:Penstock:/var/lib/penstock:/usr/sbin/nologin' >>/etc/passwd && \
    install -d -m 0770 -o 8737 -g 0 /var/lib/penstock && \
    python3 -c "import compileall, re, sysconfig; compileall.compile_dir(sysconfig.get_path('stdlib'), quiet=1, \
    rx=re.compile('/(site-packages|dist-packages|test|idlelib|lib2to3|ensurepip)/'))"
COPY --from=init /usr/bin/tini-static /usr/bin/tini
COPY --from=build /opt/penstock /opt/penstock
ENV PATH=/opt/penstock/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/var/lib/penstock \
    PENSTOCK_DATA_DIR=/var/lib/penstock \
    PENSTOCK_HOST=0.0.0.0 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /var/lib/penstock
VOLUME /var/lib/penstock
EXPOSE 8080
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="penstock" \
      org.opencontainers.image.description="Canary releases: webhooks, load and the weight-step loop" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"
USER 8737
ENTRYPOINT ["/usr/bin/tini", "--", "penstock"]
CMD ["--help"]

FROM slim AS equipped
USER 0
RUN apt-get update && \
    apt-get install --yes --no-install-recommends bash bats curl jq wrk && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
COPY --from=go /out /usr/local/bin
USER 8737

FROM build AS listed
COPY --from=equipped /var/lib/dpkg/status /status
COPY --from=go /modules /modules
RUN /build/bin/python scripts/sbom.py /opt/penstock/bin/python --dpkg /status --go /modules --output /sbom.cdx.json

FROM equipped AS tools
COPY --from=listed /sbom.cdx.json /opt/penstock/share/sbom.cdx.json

# The last stage is what is built when none is named.
FROM slim AS penstock
