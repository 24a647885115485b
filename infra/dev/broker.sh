#!/usr/bin/env bash
# Whether the broker of the tests can be run: Java 17 and Maven. As root on Debian they are installed; elsewhere it says how.
set -euo pipefail

say() { printf 'tests: %s\n' "$*" >&2; }
recent() { java -version 2>&1 | grep -Eq 'version "(1[7-9]|[2-9][0-9])'; }

packages=()
if ! { command -v java >/dev/null && recent; } && ! [ -x "${JAVA_HOME-}/bin/java" ]; then packages+=(default-jre-headless); fi
if ! command -v mvn >/dev/null; then packages+=(maven); fi
if [ "${#packages[@]}" = 0 ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  say "installing ${packages[*]}, for the Kafka broker of the tests"
  if { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
    "${packages[@]}"; } </dev/null >/dev/null; then
    exit 0
  fi
fi
say "without ${packages[*]} the tests on a Kafka broker are skipped (apt-get install ${packages[*]})"
