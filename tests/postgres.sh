#!/usr/bin/env bash
# A throw-away PostgreSQL for tests: own directory, unix socket only, no flushing.
#
#   tests/postgres.sh hold       start it, print its URL, stop when standard input ends
#   tests/postgres.sh run CMD…   start it, run CMD with PARLOR_TEST_POSTGRES=URL, stop it, exit as CMD did
#
# PARLOR_TEST_POSTGRES set already: that server is used and left alone. Needs PostgreSQL 15 or newer;
# installs Debian's package when there is none and we may (as root).
set -euo pipefail

bindir() {
  local dir
  for dir in $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -rV); do
    if [ -x "$dir/initdb" ]; then echo "$dir"; return; fi
  done
  dir=$(command -v initdb) && dirname "$(readlink -f "$dir")"
}

install_postgres() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  mkdir -p /etc/postgresql-common
  # The package would otherwise make and start a cluster of its own.
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y postgresql) >&2
}

start() {
  bin=$(bindir) || { install_postgres && bin=$(bindir); } || {
    echo "postgres.sh: no PostgreSQL here: install the package postgresql" >&2
    exit 3
  }
  dir=$(mktemp -d "${TMPDIR:-/tmp}/parlor-pg.XXXXXX")
  as=()
  # PostgreSQL refuses to run as root.
  if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir"
    as=(setpriv --reuid=postgres --regid=postgres --init-groups)
  fi
  chmod 755 "$dir"
  trap stop EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  cd "$dir"
  "${as[@]}" "$bin/initdb" -D "$dir/data" -U parlor -A trust -E UTF8 --no-locale -N >"$dir/initdb.log" 2>&1 ||
    { cat "$dir/initdb.log" >&2; exit 1; }
  "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -l "$dir/data/log" -w -s -t 60 -o \
    "-c listen_addresses='' -c unix_socket_directories='$dir' -c fsync=off -c full_page_writes=off -c max_connections=300 -c shared_buffers=32MB -c deadlock_timeout=100ms" \
    start </dev/null >&2 || { cat "$dir/data/log" >&2; exit 1; }
  cd "$OLDPWD"
  url="postgres://parlor@/postgres?host=$dir"
}

stop() {
  cd "$dir" && "${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -s -w stop </dev/null >/dev/null 2>&1 || true
  cd / && rm -rf "$dir"
}

case "${1:-}" in
  hold)
    start
    echo "$url"
    cat >/dev/null
    ;;
  run)
    shift
    if [ -z "${PARLOR_TEST_POSTGRES:-}" ]; then
      start
      export PARLOR_TEST_POSTGRES="$url"
    fi
    "$@"
    ;;
  *)
    sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
