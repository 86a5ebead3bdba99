#!/bin/sh
# Installs AI-CRM as a systemd service, or brings an installed one up to date. May be run again at any time:
# it keeps the configuration, the credentials and the data that it finds.
set -eu

usage() {
	cat <<'TEXT'
usage: install.sh [--binary FILE] [--root DIR] [--no-start]

  --binary FILE  the program (default: ./ai-crm, else ../target/release/ai-crm, as seen from this script)
  --root DIR     install below DIR, for images and packages; makes no user and starts nothing
  --no-start     install only
TEXT
}

fail() {
	printf 'install.sh: %s\n' "$1" >&2
	exit "${2:-1}"
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
binary=
root=
start=yes
while [ $# -gt 0 ]; do
	case $1 in
	--binary | --root)
		[ $# -ge 2 ] || fail "$1 needs a value" 2
		if [ "$1" = --binary ]; then binary=$2; else root=${2%/}; fi
		shift 2
		;;
	--no-start)
		start=no
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		usage >&2
		fail "unknown option $1" 2
		;;
	esac
done

if [ -z "$binary" ]; then
	for candidate in "$here/ai-crm" "$here/../target/release/ai-crm"; do
		if [ -x "$candidate" ]; then
			binary=$candidate
			break
		fi
	done
fi
[ -n "$binary" ] || fail "no program found; build it with: cargo build --release, or name it with --binary"
[ -f "$binary" ] || fail "$binary is not a file"
[ -f "$here/ai-crm.service" ] || fail "$here/ai-crm.service is missing"
if [ -z "$root" ]; then
	[ "$(id -u)" -eq 0 ] || fail "run it as root: sudo $0"
	command -v systemctl >/dev/null 2>&1 || fail "there is no systemd here; use --root, or the Dockerfile"
	if ! getent passwd ai-crm >/dev/null; then
		useradd --system --user-group --no-create-home --home-dir /var/lib/ai-crm --shell /usr/sbin/nologin ai-crm
	fi
fi

# Writes a file beside its place and moves it there, so that a running program is not written over.
place() {
	install -D -m "$3" "$1" "$2.new"
	mv -f "$2.new" "$2"
}

place "$binary" "$root/usr/local/bin/ai-crm" 755
place "$here/ai-crm.service" "$root/etc/systemd/system/ai-crm.service" 644
install -d -m 755 "$root/etc/ai-crm"
install -d -m 700 "$root/etc/ai-crm/credentials"
config=$root/etc/ai-crm/config.toml
if [ ! -e "$config" ]; then
	cat >"$config.new" <<'TEXT'
# Settings of this machine. config/default.toml of the program lists all keys with their defaults.
# Secrets do not belong here: see LoadCredential in `systemctl cat ai-crm`.

[server]
listen = "127.0.0.1:8080"
TEXT
	chmod 640 "$config.new"
	[ -n "$root" ] || chgrp ai-crm "$config.new"
	mv "$config.new" "$config"
fi

if [ -n "$root" ]; then
	printf 'installed below %s\n' "$root"
	exit 0
fi
systemctl daemon-reload
if [ "$start" = yes ]; then
	systemctl enable ai-crm
	systemctl restart ai-crm
	printf 'ai-crm runs; what it says: journalctl -u ai-crm\n'
else
	printf 'installed; start it with: systemctl enable --now ai-crm\n'
fi
