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
	# The package lists may be missing, and only root may fetch them.
	if (cd "$folder/archives" && { apt-get download --quiet=2 "$package" 2>/dev/null ||
		{ apt-get update --quiet=2 && apt-get download --quiet=2 "$package"; }; }); then
		dpkg-deb --extract "$folder/archives/${package}"_*.deb "$folder"
	else
		echo "Not unpacked: $package. Tests that need it are skipped."
	fi
done
