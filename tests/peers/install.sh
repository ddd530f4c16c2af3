#!/bin/sh
# Install Debian packages without letting their daemons start. Does nothing where they are there already, or where
# this is not Debian or not root: then the tests that need them say so.
set -eu

missing=""
for package in "$@"; do
	dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "Not installed:$missing. Tests that need them are skipped."
	exit 0
fi

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
fi
echo "Installing:$missing"
apt-get update --quiet=2
# shellcheck disable=SC2086 -- one word for each package is meant
DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends $missing >/dev/null
