#!/bin/sh
# Requests the server's health check with curl, wget or bash, whichever the base image has.
set -eu

url="http://127.0.0.1:${SERVER_PORT:-8080}/health"

answer() {
    if command -v curl >/dev/null; then
        curl --silent --max-time 4 "$url"
    elif command -v wget >/dev/null; then
        wget -q -T 4 -O - "$url"
    else
        bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"
                 printf "GET /health HTTP/1.0\r\n\r\n" >&3
                 cat <&3' "${SERVER_PORT:-8080}"
    fi
}

answer | grep -q '"healthy":true'
