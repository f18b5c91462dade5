#!/bin/sh
# Runs once the files are in place. dpkg passes "configure" and the version that was
# configured before, if there was one; rpm passes how many versions are installed.
# It enables and starts nothing that was not enabled or running before.
set -e

case "$1" in
configure) [ -n "$2" ] || first=yes ;;
1) first=yes ;;
[2-9]*) ;;
*) exit 0 ;;
esac

systemd-sysusers keeptrack.conf

# As packaged, only root can read these. What an administrator has changed stays as it is.
for file in /etc/keeptrack/keeptrack.toml /etc/keeptrack/refused; do
	if [ "$(stat -c %U:%G:%a "$file" 2>/dev/null)" = root:root:640 ]; then
		chgrp keeptrack "$file"
	fi
done

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart keeptrack.service || echo "keeptrack does not start: see systemctl status keeptrack" >&2
fi

if [ -n "$first" ]; then
	echo "keeptrack is installed but not running. Its config is /etc/keeptrack/keeptrack.toml."
	echo "To start it now and at each boot: systemctl enable --now keeptrack"
fi
