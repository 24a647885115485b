#!/usr/bin/env bash
# What the servers of the tests need: Java 17 and Maven (Kafka), GStreamer and its Python packages (RTSP cameras). As root on
# Debian it is installed; elsewhere a line says how. `servers.sh broker` looks for the broker's alone.
set -euo pipefail

say() { printf 'tests: %s\n' "$*" >&2; }
recent() { java -version 2>&1 | grep -Eq 'version "(1[7-9]|[2-9][0-9])'; }
plays() { /usr/bin/python3 -c 'import gi; gi.require_version("GstRtspServer", "1.0")' 2>/dev/null; }

packages=()
if ! { command -v java >/dev/null && recent; } && ! [ -x "${JAVA_HOME-}/bin/java" ]; then packages+=(default-jre-headless); fi
if ! command -v mvn >/dev/null; then packages+=(maven); fi
if [ "${1-}" != broker ] && ! plays; then
  packages+=(gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad} glib-networking)
fi
if [ "${#packages[@]}" = 0 ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  say "installing ${packages[*]}, for the servers of the tests"
  if { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
    "${packages[@]}"; } </dev/null >/dev/null; then
    exit 0
  fi
fi
say "without ${packages[*]} tests on a Kafka broker or on RTSP cameras are skipped (apt-get install ${packages[*]})"
