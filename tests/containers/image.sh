#!/bin/sh
# Builds the Dockerfile with buildah on a Debian made on the spot, then runs the image without an engine: it must be
# an ordinary user, migrate, gather its static files, say that it is ready, and be unable to write to its own code.
# Needs root, and: apt-get install buildah debootstrap curl. Takes about four minutes and 2 GB under /var/tmp.
set -eu
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "This needs root: sudo make image" >&2; exit 2; }
for tool in buildah debootstrap curl; do
  command -v "$tool" >/dev/null || { echo "There is no $tool. Install it: apt-get install buildah debootstrap curl" >&2; exit 2; }
done
port=${PORT:-8077}
place=$(mktemp -d /var/tmp/prism4k-image.XXXXXX)
export BUILDAH_ISOLATION=chroot
b() { buildah --root "$place/store" --runroot "$place/run" --storage-driver vfs "$@"; }
server=""
finish() {
  # buildah passes no signal on to what it runs: the whole group goes.
  if [ -n "$server" ]; then kill -- "-$server" 2>/dev/null || true; fi
  b rm --all >/dev/null 2>&1 || true
  rm -rf "$place"
}
trap finish EXIT INT TERM

echo "A Debian 12 as base …"
debootstrap --variant=minbase --include=python3,python3-venv,git,ca-certificates bookworm "$place/base" >"$place/log" 2>&1 || { tail "$place/log" >&2; exit 1; }
# This machine's certificates: a company's proxy may sign for the package index.
cp /etc/ssl/certs/ca-certificates.crt "$place/base/etc/ssl/certs/ca-certificates.crt"
container=$(b from scratch)
tar -C "$place/base" -cf "$place/base.tar" . && b add -q "$container" "$place/base.tar" / >/dev/null
b commit -q "$container" localhost/debian-base >/dev/null && b rm "$container" >/dev/null
rm -rf "$place/base" "$place/base.tar"

echo "The image …"
b bud --build-arg BASE=localhost/debian-base --tag prism4k . >"$place/log" 2>&1 || { tail -n 30 "$place/log" >&2; exit 1; }
container=$(b from localhost/prism4k)
# Keys as a platform of one's own is given them; the image makes none.
for key in SECRET_KEY AUDIT_KEY; do b config --env "$key=$(head -c 40 /dev/urandom | base64 -w 0)" "$container"; done
b config --env "ENCRYPTION_KEYS=k1:$(head -c 32 /dev/urandom | base64 -w 0)" "$container"
run() { b run "$container" -- "$@"; }
[ "$(run id -u)" = 9999 ] || { echo "The image runs as root." >&2; exit 1; }
if run touch /app/written 2>/dev/null; then echo "The image may write to its own code." >&2; exit 1; fi
run python manage.py migrate --noinput --verbosity 0

echo "Serving on port $port …"
# setsid: a group of its own, whose number is the number of its first process.
setsid buildah --root "$place/store" --runroot "$place/run" --storage-driver vfs run "$container" -- sh -c "python manage.py collectstatic --noinput --verbosity 0 && exec python manage.py web --host 127.0.0.1 --port $port" >"$place/log" 2>&1 &
server=$!
for _ in $(seq 60); do
  if curl --silent --fail "http://127.0.0.1:$port/readyz"; then
    echo
    sheet=$(curl --silent "http://127.0.0.1:$port/sign-in/" | grep -o '/static/dist/main\.[0-9a-f]*\.css')
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port$sheet"
    echo "passed: built, runs as 9999, ready, pages and $sheet served"
    exit 0
  fi
  sleep 1
done
tail -n 30 "$place/log" >&2
exit 1
