# The product without its stand-ins' data: web, worker and watcher are the same image with another command.
# BASE must bring Python 3.11 or newer and git, e.g. a Debian 12 with python3, python3-venv and git.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
FROM ${BASE}

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

COPY . .
USER 9999:9999
VOLUME /data
EXPOSE 8000
# Gathers the static files for whoever serves them, then serves.
CMD ["sh", "-c", "python manage.py collectstatic --noinput --verbosity 0 && exec python manage.py web --host 0.0.0.0 --port 8000"]
