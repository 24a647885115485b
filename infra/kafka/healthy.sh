#!/bin/bash
# Whether the broker answers: one ApiVersions request and the length of its reply. Kafka's own tools take a second of a
# core for the same question.
#   00 00 00 0a  length    00 12 00 00  ApiVersions, version 0    00 00 00 01  number    ff ff  no name
exec 3<>/dev/tcp/127.0.0.1/9092 || exit 1
printf '\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff' >&3
[ "$(timeout 3 head -c 4 <&3 | wc -c)" -eq 4 ]
