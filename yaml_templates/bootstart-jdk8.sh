#!/bin/sh
# Starts {{ component.name }}. The process takes the shell's place, so that it gets the signal to end.
set -eu
cd /app
package={{ package | shell }}
# A shell forgets variables whose names it cannot have (spring.profiles.active, my-name): env gives them on.
while IFS= read -r line; do
  case "${line%%=*}" in
    *[!A-Za-z0-9_]*)
      entry=$(printf '%s.' "$line" | tr '\001' '\n')
      set -- "$@" "${entry%.}"
      ;;
  esac
done <<END
$(tr '\000\n' '\n\001' <"/proc/$$/environ" 2>/dev/null)
END
case "$package" in
  *.jar | *.war) exec env "$@" java ${JAVA_OPTS:-} -jar "$package" ;;
  *.tar.gz | *.tgz) tar -xzf "$package" -C /tmp && exec env "$@" sh /tmp/bin/start.sh ;;
  *.zip) cd /tmp && jar -xf "/app/$package" && exec env "$@" sh /tmp/bin/start.sh ;;
  *)
    echo "bootstart: do not know how to start $package" >&2
    exit 126
    ;;
esac
