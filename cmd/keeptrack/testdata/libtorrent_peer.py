"""A libtorrent client for one torrent, kept on one loopback address.

usage: libtorrent_peer.py TORRENT DIRECTORY ADDRESS

Checks what is in DIRECTORY, downloads the rest and seeds, until its standard
input ends. Prints what it hears from the tracker.
"""

import sys
import threading

import libtorrent as lt

torrent, directory, address = sys.argv[1:]
session = lt.session({
    "listen_interfaces": (f"[{address}]" if ":" in address else address) + ":0",
    "outgoing_interfaces": address,
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "allow_multiple_connections_per_ip": True,
    "stop_tracker_timeout": 1,
    "alert_mask": lt.alert.category_t.tracker_notification | lt.alert.category_t.error_notification
                  | lt.alert.category_t.status_notification,
})
params = lt.add_torrent_params()
params.ti = lt.torrent_info(torrent)
params.save_path = directory
params.flags |= (lt.torrent_flags.disable_dht | lt.torrent_flags.disable_lsd
                 | lt.torrent_flags.disable_pex)
session.add_torrent(params)

ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
while not ended.is_set():
    session.wait_for_alert(200)
    for alert in session.pop_alerts():
        print(alert.message(), flush=True)
