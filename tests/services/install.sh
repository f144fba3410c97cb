#!/bin/sh
# Installs the test services that are missing: PostgreSQL and Chromium, when root and on Debian.
set -eu
wanted=""
command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || wanted="$wanted postgresql"
command -v chromium >/dev/null || wanted="$wanted chromium"
[ -z "$wanted" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Not installed, so their tests are skipped:$wanted"
    exit 0
fi
echo "Installing$wanted …"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # a list of package names
apt-get install -y -qq --no-install-recommends $wanted >/dev/null
