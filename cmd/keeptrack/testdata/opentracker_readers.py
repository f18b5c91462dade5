"""Reads opentracker's statistics in the three ways that its users do, and
prints what each has read as JSON.

Usage: opentracker_readers.py HOST:PORT
"""

import json
import socket
import sys
import urllib.request
import xml.etree.ElementTree as ElementTree

address = sys.argv[1]


def fetch(query):
    with urllib.request.urlopen("http://%s/stats%s" % (address, query), timeout=30) as reply:
        return reply.read().decode("ascii")


def by_path(root):
    """Exporters that name the elements."""
    numbers = {
        path: int(root.find(path).text)
        for path in (
            "uptime", "torrents/count_mutex", "torrents/count_iterator", "peers/count", "seeds/count", "completed/count",
            "connections/tcp/accept", "connections/tcp/announce", "connections/tcp/scrape",
            "connections/udp/overall", "connections/udp/connect", "connections/udp/announce",
            "connections/udp/scrape", "connections/udp/missmatch", "connections/livesync/count",
            "debug/mutex_stall/count",
        )
    }
    for count in root.findall("debug/renew/count"):
        numbers["renew " + count.get("interval")] = int(count.text)
    for count in root.findall("debug/http_error/count"):
        numbers["error " + count.get("code")] = int(count.text)
    return numbers


def by_position(root):
    """Scripts that count the children."""
    return {
        "uptime": int(root[2].text),
        "torrents": int(root[3][0].text),
        "peers": int(root[4][0].text),
        "seeds": int(root[5][0].text),
        "completed": int(root[6][0].text),
        "udp announces": int(root[7][1][2].text),
    }


def by_line():
    """Munin plugins that take lines, and the third word of the third."""
    lines = fetch("").split("\n")
    return {"peers": int(lines[0]), "seeds": int(lines[1]), "torrents": int(lines[2].split()[2]), "name": lines[3]}


def by_socket():
    """A client that says HTTP/1.1 and takes the end of the connection for that
    of the reply; returns the names of the elements in order."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=30) as s:
        s.sendall(b"GET /stats?mode=everything HTTP/1.1\r\nHost: %s\r\nAccept: text/plain\r\n\r\n" % address.encode("ascii"))
        reply = b""
        while True:
            part = s.recv(65536)
            if not part:
                break
            reply += part
    body = reply.split(b"\r\n\r\n", 1)[1]
    return [e.tag for e in ElementTree.fromstring(body).iter()]


root = ElementTree.fromstring(fetch("?mode=everything"))
json.dump({"path": by_path(root), "position": by_position(root), "line": by_line(), "order": by_socket()}, sys.stdout)
