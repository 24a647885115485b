#!/usr/bin/env bash
# Makes .venv of exactly what requirements.lock names, and of the project itself, editable. Does nothing when that is done.
# POSEBUS_PYTHON names the interpreter to use, 3.11 or 3.12; without it the first that works is taken.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}
suits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' >/dev/null 2>&1; }
version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# Line 1: where it was made, for a virtual environment holds absolute paths. Line 2: what it was made of.
stamp=.venv/.setup
inputs=$(cat requirements.lock pyproject.toml infra/dev/setup.sh | cksum)
wanted=$(printf '%s\n%s %s' "$PWD" "$inputs" "${POSEBUS_PYTHON-}")
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -x .venv/bin/posebus ] && suits .venv/bin/python; then
  exit 0
fi

# By running each: a shim of pyenv may lie on the path with nothing behind it.
find_python() {
  local candidate pyenv="${PYENV_ROOT:-${HOME-}/.pyenv}/versions"
  if [ -n "${POSEBUS_PYTHON-}" ]; then
    suits "$POSEBUS_PYTHON" || fail "POSEBUS_PYTHON is $POSEBUS_PYTHON, which is no Python 3.11 or 3.12"
    python=$POSEBUS_PYTHON
    return
  fi
  for candidate in python3.12 python3.11 python3 "$pyenv"/3.12.*/bin/python3.12 "$pyenv"/3.11.*/bin/python3.11; do
    if suits "$candidate"; then
      python=$candidate
      return
    fi
  done
  fail "needs Python 3.11 or 3.12 and finds none: install it (apt-get install python3 python3-venv on Debian 12 or" \
    "Ubuntu 24.04), or name one with POSEBUS_PYTHON=/path/to/python3.12"
}

# uv from the path, else the locked one in a virtual environment of its own.
find_uv() {
  local candidate package
  for candidate in uv .uv/bin/uv; do
    if "$candidate" pip sync --help >/dev/null 2>&1; then
      uv=$candidate
      return
    fi
  done
  say "getting uv"
  rm -rf .uv
  if ! "$python" -m venv .uv >/dev/null 2>&1; then
    package="python$(version "$python")-venv"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
      rm -rf .uv
      fail "$python cannot make virtual environments: install $package (sudo apt-get install $package), or uv"
    fi
    say "installing $package"
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y "$package"; } </dev/null >/dev/null ||
      fail "apt-get could not install $package: install it, or uv"
    rm -rf .uv
    "$python" -m venv .uv >/dev/null || fail "$python cannot make virtual environments, with $package either: install uv"
  fi
  awk '/^[^ ]/ { mine = /^uv==/ } mine' requirements.lock >.uv/requirements.txt
  .uv/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r .uv/requirements.txt ||
    fail "pip could not fetch uv: see its message above"
  uv=.uv/bin/uv
}

find_python
find_uv

# What is set for pip holds for uv as well.
if [ -n "${PIP_INDEX_URL-}" ]; then export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}"; fi
if [ -n "${PIP_CERT-}" ]; then export SSL_CERT_FILE="${SSL_CERT_FILE:-$PIP_CERT}"; fi
unset VIRTUAL_ENV
quiet=
if [ ! -t 2 ]; then quiet=--quiet; fi

if [ "$(head -n 1 "$stamp" 2>/dev/null)" != "$PWD" ] || ! suits .venv/bin/python ||
  { [ -n "${POSEBUS_PYTHON-}" ] && [ "$(version .venv/bin/python)" != "$(version "$python")" ]; }; then
  rm -rf .venv
  say "making .venv with Python $(version "$python")"
  "$uv" venv --quiet --no-project --python "$python" .venv
fi
rm -f "$stamp"
say "installing what requirements.lock names"
# Compiled now, not by every process that starts: where PYTHONDONTWRITEBYTECODE is set none keeps what it compiles.
"$uv" pip sync $quiet --compile-bytecode --python .venv requirements.lock
"$uv" pip install $quiet --python .venv --no-deps --no-build-isolation --editable .
.venv/bin/python -m compileall -q -j 0 pipeline stages
printf '%s' "$wanted" >"$stamp"
