#!/usr/bin/env bash
# Install the Debian packages that some tests need beside a C compiler: a cross-compiler and an emulator for aarch64.
# Works as root or through sudo without a password. Elsewhere it names the tests that will be skipped, and succeeds.
set -euo pipefail

packages=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)
skipped="skipped: tests/native on aarch64 (they need ${packages[*]})"

missing=()
for package in "${packages[@]}"; do
    # A package that another provides, or tools installed by hand, are found by the commands below.
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "Debian packages: all there"
    exit 0
fi
if command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null; then
    echo "aarch64 compiler and emulator: both on PATH"
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "no apt-get here; $skipped"
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "neither root nor sudo without a password; $skipped"
        exit 0
    fi
    as_root=(sudo -n)
fi
export DEBIAN_FRONTEND=noninteractive
if ! { "${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]}"; }; then
    echo "apt-get could not install ${missing[*]}; $skipped"
fi
