#!/usr/bin/env bash
# Runs a command beside a PostgreSQL of its own and takes that away afterwards,
# however the command ends. The command finds it in PORTAL_TEST_POSTGRES_URL; the
# script ends with the command's status.
#
#   e2e/postgres.sh [--durable] command…
#
# --durable writes to disk as production does; without it a crash loses data,
# which is right for tests.
set -euo pipefail

durable=no
if [ "${1:-}" = --durable ]; then durable=yes; shift; fi
[ $# -gt 0 ] || { echo "usage: e2e/postgres.sh [--durable] command..." >&2; exit 2; }

# SQLite's full text search is compiled in under a tag (models/no_fts5.go).
case ${GOFLAGS:-} in
  *sqlite_fts5*) ;;
  *) export GOFLAGS="${GOFLAGS:+$GOFLAGS }-tags=sqlite_fts5" ;;
esac

die() { echo "e2e/postgres.sh: $*" >&2; exit 1; }

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -x "${bin:-none}/initdb" ] || die "no PostgreSQL server in /usr/lib/postgresql; install Debian's package postgresql"
version=$(basename "$(dirname "$bin")")
[ "$version" -ge 15 ] || die "PostgreSQL $version is too old; 15 is the oldest that will do"

# PostgreSQL refuses to run as root.
as=()
if [ "$(id -u)" = 0 ]; then
  owner=postgres
  id "$owner" >/dev/null 2>&1 || owner=nobody
  as=(runuser -u "$owner" --)
fi

# Making a database means making hundreds of files: in memory that takes 10 ms, on
# a disk 300. Some containers have next to no /dev/shm, so it must show its room.
place=/tmp
if [ $durable = no ] && [ "$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 2000000 ] 2>/dev/null; then
  place=/dev/shm
fi
folder=$(mktemp -d "$place/portal-postgres.XXXXXX")
if [ $place != /tmp ]; then # the tests' own files too; what the compiler makes is large and stays on the disk
  export GOTMPDIR="${GOTMPDIR:-/tmp}" TMPDIR="$folder/tmp"
fi
child=
finish() {
  trap - EXIT
  if [ -n "$child" ]; then kill -TERM -- "-$child" 2>/dev/null || true; fi
  if [ -f "$folder/data/postmaster.pid" ]; then
    "${as[@]}" "$bin/pg_ctl" stop -D "$folder/data" -m immediate -s || true
  fi
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Anybody on this machine can reach the port, so there is a password; it travels
# over loopback only and is checked by the server, which costs clients nothing.
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "$password" >"$folder/password"
if [ ${#as[@]} -gt 0 ]; then chown -R "$owner" "$folder"; fi

cd "$folder"
"${as[@]}" "$bin/initdb" -D "$folder/data" -U portal --pwfile="$folder/password" --no-sync \
  --auth-local=trust --auth-host=password --encoding=UTF8 --locale=C.UTF-8 >"$folder/initdb.log" 2>&1 ||
  { cat "$folder/initdb.log" >&2; die "initdb failed"; }

options="-c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder -c max_connections=300 -c timezone=UTC"
if [ $durable = no ]; then
  options="$options -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
fi

# A port is free or it is not: the server itself finds out.
for attempt in 1 2 3 4 5 6 7 8; do
  port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
  if "${as[@]}" "$bin/pg_ctl" start -D "$folder/data" -l "$folder/log" -s -w -t 60 -o "$options -p $port" >/dev/null 2>&1; then
    break
  fi
  [ $attempt -lt 8 ] || { cat "$folder/log" >&2; die "PostgreSQL does not start"; }
done
cd "$OLDPWD"
if [ -n "${TMPDIR:-}" ]; then mkdir -p "$TMPDIR"; fi

export PORTAL_TEST_POSTGRES_URL="postgres://portal:$password@127.0.0.1:$port/postgres?sslmode=disable"

# The command gets a process group of its own, so that a signal to this script
# ends all of it before the database goes.
set -m
"$@" &
child=$!
set +m
status=0
wait "$child" || status=$?
child=
exit "$status"
