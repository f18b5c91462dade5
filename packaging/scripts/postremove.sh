#!/bin/sh
# Runs after the files have gone. dpkg passes "remove" or "purge", rpm 0.
set -e

case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl daemon-reload
	fi
	;;
purge)
	# The database and the peers; dpkg itself removes the config. The user stays, since
	# copies of the database elsewhere can belong to it.
	rm -rf /var/lib/keeptrack
	;;
esac
