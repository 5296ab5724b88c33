#!/bin/sh
# Starts {{ component.name }}. The process takes the shell's place, so that it gets the signal to end.
set -eu
cd /app
package={{ package | shell }}
case "$package" in
  *.py | *.pyz | *.zip) exec python3 "$package" ;;
  *.tar.gz | *.tgz) tar -xzf "$package" -C /tmp && cd /tmp && exec python3 -m app ;;
  *)
    echo "bootstart: do not know how to start $package" >&2
    exit 126
    ;;
esac
