#!/usr/bin/env bash
# Print the path of a CPython 3.11 or newer that can make environments: $PYTHON if set, else the first that runs.
set -euo pipefail

usable() {
    "$1" -c 'import sys, venv, ensurepip; assert sys.version_info >= (3, 11); print(sys.executable)' 2>/dev/null
}

if [ -n "${PYTHON:-}" ]; then
    usable "$PYTHON" && exit 0
    echo "PYTHON is $PYTHON; expected CPython 3.11 or newer with venv and ensurepip" >&2
    exit 1
fi
for name in python3 python3.11 python3.12 python3.13 python3.14 python; do
    if usable "$name"; then exit 0; fi
done
echo "no CPython 3.11 or newer with venv found (on Debian: apt-get install python3 python3-venv); or set PYTHON" >&2
exit 1
