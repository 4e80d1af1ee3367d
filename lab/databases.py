# SPDX-License-Identifier: GPL-3.0-or-later
"""How the lab's images of databases begin: by the variables of upstream's entrypoints that are needed here."""

from __future__ import annotations

# No layer has LLVM, which compiles queries where there is one.
POSTGRES = """set -eu
export PGDATA="${PGDATA:-/var/lib/postgresql/data}"
database="${POSTGRES_DB:-postgres}" user="${POSTGRES_USER:-postgres}"
as() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }
mkdir -p "$PGDATA" /var/run/postgresql
chown postgres:postgres "$PGDATA" /var/run/postgresql
chmod 0700 "$PGDATA"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "${POSTGRES_PASSWORD:?}" > /tmp/password
  as initdb --username="$user" --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 --no-locale \\
    --encoding=UTF8 ${POSTGRES_INITDB_ARGS:-}
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  [ "$database" = postgres ] || echo "CREATE DATABASE \\"$database\\"" | as postgres --single -j postgres
fi
exec setpriv --reuid postgres --regid postgres --init-groups postgres -c listen_addresses=* -c jit=off "$@"
"""
# Its user is nobody's: Debian gives it a name with scripts of the server's package, which is not installed.
MARIADB = """set -eu
data=/var/lib/mysql
as() { setpriv --reuid 999 --regid 999 --clear-groups "$@"; }
mkdir -p "$data" /run/mysqld
chown 999:999 "$data" /run/mysqld
[ -d "$data/mysql" ] || as mariadb-install-db --auth-root-authentication-method=normal --skip-name-resolve \\
  --skip-test-db --datadir="$data" "$@"
{
  echo "ALTER USER root@localhost IDENTIFIED BY '${MARIADB_ROOT_PASSWORD:?}';"
  [ -z "${MARIADB_DATABASE:-}" ] || echo "CREATE DATABASE IF NOT EXISTS \\`$MARIADB_DATABASE\\`;"
} > /run/mysqld/begin.sql
exec setpriv --reuid 999 --regid 999 --clear-groups mariadbd --datadir="$data" --init-file=/run/mysqld/begin.sql "$@"
"""
