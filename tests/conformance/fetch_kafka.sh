#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fetches Apache Kafka's clients jar from Maven Central and takes out of it what the conformance test compares with:
#   FOLDER/messages/*.json    the schemas of all messages
#   FOLDER/errors.txt         lines "CODE NAME RETRIABLE" of all error codes, written by Kafka's own class
# Ends with 77 (the tests then skip) where there is no Maven, no Java or no network, and says so.
set -eu
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
kafka=4.3.1
plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy

if [ -f "$folder/version" ] && [ "$(cat "$folder/version")" = "$kafka" ]; then
    exit 0
fi
for program in mvn unzip java; do
    if ! command -v "$program" >/dev/null; then
        echo "conformance: $program is missing; the comparison with Apache Kafka's schemas is skipped" >&2
        exit 77
    fi
done
rm -rf "$folder"
mkdir -p "$folder/jars" "$folder/messages"
for artifact in "org.apache.kafka:kafka-clients:$kafka" org.slf4j:slf4j-api:1.7.36; do
    if ! mvn -q -B "$plugin" "-Dartifact=$artifact" "-DoutputDirectory=$folder/jars" >"$folder/maven.log" 2>&1; then
        echo "conformance: $artifact cannot be fetched (see $folder/maven.log); the comparison is skipped" >&2
        exit 77
    fi
done
unzip -q -j "$folder/jars/kafka-clients-$kafka.jar" 'common/message/*.json' -d "$folder/messages"
java -cp "$folder/jars/*" "$here/KafkaErrors.java" >"$folder/errors.txt" 2>"$folder/java.log"
echo "$kafka" >"$folder/version"
