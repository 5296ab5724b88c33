# The product: web, worker and watcher are the same image with another command. It has neither demo/ nor sandbox/;
# --target demo builds the image that has both.
# BASE must bring Python 3.11 or newer and git, e.g. a Debian 12 with python3, python3-venv and git.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
FROM ${BASE} AS base

# git is asked for branches and commits; slim images lack it. The demo builds with make.
ARG PACKAGES="git ca-certificates"
RUN if ! command -v git >/dev/null || [ "$PACKAGES" != "git ca-certificates" ]; then \
      apt-get update && apt-get install -y --no-install-recommends $PACKAGES && rm -rf /var/lib/apt/lists/*; \
    fi

RUN groupadd --gid 9999 prism4k && useradd --uid 9999 --gid 9999 --home-dir /data --no-create-home prism4k \
    && mkdir --mode 0700 /data && chown prism4k:prism4k /data

WORKDIR /app
COPY requirements.lock ./
RUN python3 -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PRISM4K_DATA_DIR=/data

VOLUME /data
EXPOSE 8000

# The demo, whole: manage.py up --stand-ins.
FROM base AS demo
ENV PRISM4K_DEMO=1
COPY . .
USER 9999:9999
CMD ["python", "manage.py", "up", "--stand-ins", "--host", "0.0.0.0", "--port", "8000"]

FROM base AS source
COPY . /source
RUN rm -rf /source/demo /source/sandbox

FROM base
COPY --from=source /source /app
USER 9999:9999
# Gathers the static files for the server of static files, then serves.
CMD ["sh", "-c", "python manage.py collectstatic --noinput --verbosity 0 && exec python manage.py web --host 0.0.0.0 --port 8000"]
