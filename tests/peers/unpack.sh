#!/bin/sh
# Unpack Debian packages into a folder, without installing them. Does nothing where that was done, or where this is not
# Debian: then the tests that need them say so.
set -eu

folder=$1
shift
for package in "$@"; do
	[ ! -e "$folder/usr/share/doc/$package" ] || continue
	if ! command -v apt-get >/dev/null; then
		echo "Not unpacked: $package. Tests that need it are skipped."
		continue
	fi
	echo "Unpacking: $package"
	mkdir -p "$folder/archives"
	(cd "$folder/archives" && apt-get download --quiet=2 "$package")
	dpkg-deb --extract "$folder/archives/${package}"_*.deb "$folder"
done
