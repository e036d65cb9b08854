"""What a program that uses etcd3gw does, written out step by step as JSON: the same against etcd and against Synod.

Usage: /usr/bin/python3 uses_etcd3gw.py HOST PORT
"""

import json
import queue
import sys
import threading
import time

from etcd3gw import exceptions
from etcd3gw.client import Etcd3Client
from etcd3gw.utils import _encode

PREFIX = "gw/"


def show(step, result):
    def plain(value):
        if isinstance(value, bytes):
            return value.decode("latin-1")
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if k not in ("header", "lease")}
        if isinstance(value, (list, tuple)):
            return [plain(one) for one in value]
        return value

    print(json.dumps({"step": step, "result": plain(result)}, sort_keys=True), flush=True)


def failing(call):
    try:
        return ["no error", call()]
    except exceptions.Etcd3Exception as error:
        detail = json.loads(error.detail_text)
        return [type(error).__name__, detail["error"], detail["code"]]


def keys_and_values(client):
    key = PREFIX + "a"
    show("put", client.put(key, "1"))
    show("get", client.get(key))
    show("get metadata", client.get(key, metadata=True))
    show("get nothing", client.get(PREFIX + "nothing"))
    show("put bytes", client.put(PREFIX + "bytes", b"\x00\xff"))
    show("get bytes", client.get(PREFIX + "bytes"))
    show("create", [client.create(PREFIX + "new", "1"), client.create(PREFIX + "new", "2")])
    show("replace", [client.replace(key, "1", "2"), client.replace(key, "1", "3")])
    for order in ("ascend", "descend"):
        for target in ("key", "mod", "version"):
            found = client.get_prefix(PREFIX, sort_order=order, sort_target=target)
            show("prefix %s %s" % (order, target), found)
    show("delete", [client.delete(key), client.delete(key)])
    show("transaction", client.transaction({
        "compare": [{"key": _encode(PREFIX + "new"), "target": "VERSION", "result": "EQUAL", "version": 1}],
        "success": [
            {"request_put": {"key": _encode(PREFIX + "t"), "value": _encode("t"), "prev_kv": True}},
            {"request_range": {"key": _encode(PREFIX), "range_end": _encode("gw0")}},
        ],
    }).get("succeeded"))
    show("empty key", failing(lambda: client.put("", "x")))
    show("delete prefix", client.delete_prefix(PREFIX))
    show("prefix", client.get_prefix(PREFIX))


def leases(client):
    lease = client.lease(ttl=100)
    show("ttl", 98 <= lease.ttl() <= 100)
    show("put with lease", client.put(PREFIX + "leased", "x", lease))
    show("create with lease", client.create(PREFIX + "leased2", "y", lease=lease))
    show("keys", sorted(lease.keys()))
    show("refresh", lease.refresh())
    show("revoke", lease.revoke())
    show("revoked", [client.get(PREFIX + "leased"), lease.ttl(), lease.refresh(), lease.keys()])
    show("revoke again", failing(lease.revoke))
    short = client.lease(ttl=2)
    client.put(PREFIX + "short", "x", short)
    end = time.time() + 15
    while client.get(PREFIX + "short") and time.time() < end:
        time.sleep(0.2)
    show("expired", [client.get(PREFIX + "short"), short.ttl()])


def locks(client):
    first, second = client.lock("it", ttl=60), client.lock("it", ttl=60)
    show("acquire", [first.acquire(), second.acquire()])
    show("is acquired", [first.is_acquired(), second.is_acquired()])
    show("refresh", first.refresh())
    show("release", [second.release(), first.release(), first.is_acquired()])
    with client.lock("it", ttl=60) as held:
        show("held", held.is_acquired())
    show("released", held.is_acquired())


def watches(client):
    key = PREFIX + "w"
    events, cancel = client.watch(key)
    told = queue.Queue()
    reader = threading.Thread(target=lambda: [told.put(event) for event in events], daemon=True)
    reader.start()
    time.sleep(0.5)
    # Its reader takes one message for one piece: not so fast that two come together.
    for value in ("1", "2"):
        client.put(key, value)
        show("told", told.get(timeout=10)["kv"]["value"])
    client.delete(key)
    show("told", told.get(timeout=10)["type"])
    cancel()

    threading.Timer(0.5, lambda: client.put(PREFIX + "once", "x")).start()
    show("prefix once", client.watch_prefix_once(PREFIX, timeout=10)["kv"]["key"])
    try:
        client.watch_once(PREFIX + "never", timeout=0.5)
    except exceptions.WatchTimedOut:
        show("once", "timed out")


def main():
    client = Etcd3Client(host=sys.argv[1], port=int(sys.argv[2]), api_path="/v3/", timeout=30)
    show("status", client.status()["version"])
    # A client goes on with the URLs that the members tell: they must be the ones it came by.
    urls = {url for member in client.members() for url in member["clientURLs"]}
    show("members", urls == {"http://%s:%s" % (sys.argv[1], sys.argv[2])})
    revision = int(client.status()["header"]["revision"])
    keys_and_values(client)
    leases(client)
    locks(client)
    watches(client)
    show("revisions", int(client.status()["header"]["revision"]) - revision)


if __name__ == "__main__":
    main()
