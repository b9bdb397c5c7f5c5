#!/usr/bin/env bash
# Runs a program and then prints the most memory that it has held at once, in KiB.
set -euo pipefail

"$@" &
program=$!
peak=0
# What has ended and was not waited for has a status without memory.
while now=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB$/\1/p' "/proc/$program/status" 2>/dev/null) && [ -n "$now" ]; do
    peak=$now
    sleep 0.02
done
wait "$program"
echo "$peak"
