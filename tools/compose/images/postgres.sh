#!/bin/sh
# Starts PostgreSQL as the official image does: an empty PGDATA becomes a cluster with POSTGRES_USER,
# POSTGRES_PASSWORD and the database POSTGRES_DB.
set -eu

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    password="$(mktemp)"
    printf '%s\n' "${POSTGRES_PASSWORD:?is not set}" >"$password"
    initdb --username="$POSTGRES_USER" --pwfile="$password" --auth=scram-sha-256 --encoding=UTF8
    rm -f "$password"
    printf 'host all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
    # On a socket only: nobody connects before the database exists.
    pg_ctl start --wait --options="-c listen_addresses='' -c unix_socket_directories=/tmp"
    PGPASSWORD="$POSTGRES_PASSWORD" createdb --host=/tmp --username="$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl stop --wait --mode=fast
fi

exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp
