#!/bin/sh
# Starts the server in the container.
#
# CONFIG_PROP  name of a file in /app/config; config-local.properties if unset
# JAVA_OPTS    flags for Java; if unset those below: a server for tests lives briefly, and the
#              small compiler and collector take two fifths off what its start costs
#
# Any property may also come as a variable, as Spring reads them, and wins over the file:
# CONDUCTOR_DB_TYPE=memory, or SPRING_APPLICATION_JSON={"conductor.db.type":"memory"}.
set -eu

config="/app/config/${CONFIG_PROP:-config-local.properties}"
echo "Starting Conductor with $config"

# JAVA_OPTS is a list of words. exec: the server itself gets the container's signals.
# shellcheck disable=SC2086
exec java ${JAVA_OPTS:--Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1} -jar /app/libs/conductor-server*.jar \
    --spring.config.additional-location="file:$config"
