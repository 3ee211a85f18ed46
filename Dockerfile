FROM oven/bun:1.4.5-slim AS build
WORKDIR /app
COPY package.json bun.lock ./
COPY patches patches
# Better-Auth's optional peers would add 100 MB of drivers and test tools; the peers in use are dependencies of ours.
RUN bun install --frozen-lockfile --production --omit=peer
COPY . .
# A clone made under a strict umask would be closed to the user below.
RUN chmod -R a+rX bun.lock drizzle package.json src

FROM oven/bun:1.4.5-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app .
# The one folder that the user below may write to, for a volume.
RUN install --directory --owner=bun --group=bun --mode=700 /var/lib/servauth
# The user bun, by number, which Kubernetes can tell from root.
USER 1000
EXPOSE 3000
# Ready, not merely alive: whoever waits for this container is about to send it requests. Docker does not
# restart it over this; an orchestrator that does should ask /health instead.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s \
  CMD ["bun", "-e", "process.exit((await fetch(`http://127.0.0.1:${process.env.PORT || 3000}/ready`)).ok ? 0 : 1)"]
CMD ["bun", "src/index.ts"]
# Last, so that nothing is built anew for another version: --build-arg VERSION=… REVISION=… SOURCE=…
ARG VERSION=unreleased
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Servauth" \
      org.opencontainers.image.description="A lightweight, high-performance authentication server: GraphQL first, REST aliases, on Bun and PostgreSQL." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE"
