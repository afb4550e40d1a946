#!/usr/bin/env bash
# Installs the Debian packages the tests need, where they are missing: a browser,
# Chinese type for the pictures it takes, and PostgreSQL.
set -euo pipefail

missing=()
command -v chromium >/dev/null || missing+=(chromium)
ls /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.* >/dev/null 2>&1 || missing+=(fonts-noto-cjk)
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
[ ${#missing[@]} -gt 0 ] || exit 0

root=()
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "The tests need these packages, and only root can install them: ${missing[*]}" >&2
    echo "As root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi

echo "installing ${missing[*]}"
"${root[@]}" apt-get update -q
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
