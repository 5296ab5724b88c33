#!/bin/sh
# Starts {{ component.name }}. The process takes the shell's place, so that it gets the signal to end.
set -eu
cd /app
package={{ package | shell }}
case "$package" in
  *.jar | *.war) exec java ${JAVA_OPTS:-} -jar "$package" ;;
  *.tar.gz | *.tgz) tar -xzf "$package" -C /tmp && exec sh /tmp/bin/start.sh ;;
  *.zip) cd /tmp && jar -xf "/app/$package" && exec sh /tmp/bin/start.sh ;;
  *)
    echo "bootstart: do not know how to start $package" >&2
    exit 126
    ;;
esac
