#!/usr/bin/env bash
# Install the Debian packages that some tests need beside a C compiler: a cross-compiler and an emulator for aarch64,
# and a browser for pictures of reports. Works as root or through sudo without a password. Elsewhere it names the tests
# that will be skipped, and succeeds.
set -euo pipefail

# Of each group: the commands that show it is there, however it was installed; its packages; the tests that need it.
groups=(
    "aarch64-linux-gnu-gcc qemu-aarch64|gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user|tests/native on aarch64"
    "chromium|chromium fonts-dejavu-core|tests/integration/test_report_in_browser.py"
)

missing=() skipped=()
for group in "${groups[@]}"; do
    IFS='|' read -r commands packages tests <<<"$group"
    for command in $commands; do
        if ! command -v "$command" >/dev/null; then
            read -ra these <<<"$packages"
            missing+=("${these[@]}")
            skipped+=("$tests (they need $packages)")
            break
        fi
    done
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "Debian packages: all there"
    exit 0
fi
tell() {
    echo "$1; skipped:"
    printf '  %s\n' "${skipped[@]}"
    exit 0
}
command -v apt-get >/dev/null || tell "no apt-get here"

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || tell "neither root nor sudo without a password"
    as_root=(sudo -n)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq && "${as_root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]}" ||
    tell "apt-get could not install ${missing[*]}"
