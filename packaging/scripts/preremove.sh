#!/bin/sh
# Runs before the files go. dpkg passes "remove", rpm 0; at an upgrade, of which
# postinstall.sh takes care, they pass something else.
set -e

case "$1" in
remove | 0) ;;
*) exit 0 ;;
esac

command -v systemctl >/dev/null || exit 0 # a container, say
cd /usr/lib/systemd/system
if [ -d /run/systemd/system ]; then
	systemctl stop keeptrack*.socket keeptrack.service
fi
systemctl --quiet --no-reload disable keeptrack*.socket keeptrack.service
