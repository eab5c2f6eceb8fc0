# Stands for the image of Node where no registry is in reach: the host's own, on the same Debian.
ARG DEBIAN
FROM ${DEBIAN}
COPY --from=node node /usr/local/bin/node
COPY --from=npm . /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
