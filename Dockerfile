# The hub, its gateway and the mappings, as a user without rights. The folder /data holds the keys and, when no
# HUB_DATABASE_URL is given, the embedded database.
FROM python:3.11-slim AS build
WORKDIR /app
ENV UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY scripts scripts
RUN pip install --no-cache-dir "uv==$(sed -n 's/^UV_VERSION=//p' scripts/setup)" \
    && uv sync --locked --no-dev --no-install-project
COPY certs certs
COPY mappings mappings
COPY adapters adapters
COPY hub hub
RUN uv sync --locked --no-dev --no-editable

FROM python:3.11-slim
RUN useradd --system --create-home --uid 10001 lianqiao && install -d -o lianqiao /data
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 HUB_DATA_DIR=/data HUB_HOST=0.0.0.0
USER lianqiao
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8080), 3).close()"]
CMD ["hub", "serve"]
