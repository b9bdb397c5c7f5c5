#!/bin/sh
# A stand-in for deploy-rs's agent, in what is seen of it from outside: its words, its canary, and
# its way back.
export PATH=/usr/bin:/bin
command=$1
shift
limit=240 magic= auto=
while [ $# -gt 0 ]; do
  case $1 in
    --help) echo "--profile-path --activation-timeout"; exit ;;
    --profile-path) profile=$2; shift ;;
    --temp-path) folder=$2; shift ;;
    --confirm-timeout | --activation-timeout) limit=$2; shift ;;
    --magic-rollback) magic=1 ;;
    --auto-rollback) auto=1 ;;
    -*) echo "unexpected argument $1" >&2; exit 2 ;;
    *) closure=$1 ;;
  esac
  shift
done
hash=${closure#/nix/store/}
canary=${folder:-}/deploy-rs-canary-${hash%%-*}

activate() {
  DRY_ACTIVATE=0 BOOT=0 PROFILE=$profile "$profile/deploy-rs-activate"
}

go_back() {
  nix-env -p "$profile" --rollback || exit
  newest=$(nix-env -p "$profile" --list-generations | tail -n 1 | awk '{ print $1 }')
  nix-env -p "$profile" --delete-generations "$newest" || exit
  activate
}

# Waits until a test of the canary succeeds.
until_canary() {
  rounds=$((limit * 20))
  until [ "$@" "$canary" ]; do
    rounds=$((rounds - 1))
    [ $rounds -gt 0 ] || return 1
    sleep 0.05
  done
}

case $command in
  activate)
    nix-env -p "$profile" --set "$closure" || exit 1
    if ! activate; then
      [ -z "$auto" ] || go_back
      exit 1
    fi
    [ -n "$magic" ] || exit 0
    : > "$canary"
    until_canary ! -e && exit 0
    echo "timeout elapsed for confirmation" >&2
    go_back
    exit 1
    ;;
  wait) [ -d "$folder" ] && until_canary -e ;;
  revoke) go_back ;;
esac
