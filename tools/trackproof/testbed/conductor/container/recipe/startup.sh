#!/bin/sh
# Starts the server in the container.
#
# CONFIG_PROP  name of a file in /app/config; config-local.properties if unset
# JAVA_OPTS    flags for Java; if unset those below: C1 and the serial collector save two fifths
#              of the processor time of a start
#
# Any property may also be set as a variable of Spring and takes precedence over the file:
# CONDUCTOR_DB_TYPE=memory, or SPRING_APPLICATION_JSON={"conductor.db.type":"memory"}.
set -eu

config="/app/config/${CONFIG_PROP:-config-local.properties}"
echo "Starting Conductor with $config"

# JAVA_OPTS is a list of words. exec: the server receives the container's signals.
# shellcheck disable=SC2086
exec java ${JAVA_OPTS:--Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1} -jar /app/libs/conductor-server*.jar \
    --spring.config.additional-location="file:$config"
