"""What a program that uses python-consul (Debian's python3-consul) does, each answer judged. One JSON object per judgement;
the last one has the number of requests.

Usage: /usr/bin/python3 uses_consul.py HOST PORT [--long]
"""

import json
import re
import sys
import threading
import time

import consul
import consul.std

TREE = "py/"
requests_sent = [0]


class Counted(consul.std.HTTPClient):
    """Counts what it sends."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        send = self.session.request

        def request(*given, **named):
            requests_sent[0] += 1
            return send(*given, **named)

        self.session.request = request


class Client(consul.std.Consul):
    def connect(self, *args):
        return Counted(*args)


def plain(value):
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return str(value)


def like(what, seen, expected):
    ok = fits(seen, expected)
    line = {"what": what, "ok": ok}
    if not ok:
        line["seen"], line["expected"] = seen, expected
    print(json.dumps(line, default=plain), flush=True)


def fits(seen, expected):
    if callable(expected):
        return bool(expected(seen))
    if isinstance(expected, re.Pattern):
        return isinstance(seen, str) and expected.search(seen) is not None
    if isinstance(expected, dict):
        return isinstance(seen, dict) and all(fits(seen.get(k), v) for k, v in expected.items())
    if isinstance(expected, list):
        return isinstance(seen, list) and len(seen) == len(expected) and all(map(fits, seen, expected))
    return type(seen) is type(expected) and seen == expected


def holds(expected):
    return lambda seen: isinstance(seen, list) and any(fits(one, expected) for one in seen)


def comes(what, read, expected, seconds=30):
    end = time.time() + seconds
    while True:
        seen = read()
        if fits(seen, expected) or time.time() > end:
            return like(what, seen, expected)
        time.sleep(0.1)


def refused(what, kind, says, call):
    try:
        like(what, {"no error": call()}, {"error": kind.__name__})
    except consul.base.ConsulException as error:
        like(what, {"error": type(error).__name__, "text": str(error)}, {"error": kind.__name__, "text": says})


def later(call):
    timer = threading.Timer(0.2, call)
    timer.start()
    return timer


def keys(c):
    kv = c.kv
    index, data = kv.get(TREE + "nothing")
    like("kv.get of nothing", [index, data], [re.compile("^[1-9]"), None])
    like("kv.put", kv.put(TREE + "a", "1"), True)
    index, data = kv.get(TREE + "a")
    like("kv.get", data, {"Key": TREE + "a", "Value": b"1", "Flags": 0, "LockIndex": 0})
    like("kv.get's index", int(index), data["ModifyIndex"])
    like("kv.put of bytes", kv.put(TREE + "bytes", bytes(range(256)), flags=7), True)
    like("kv.get of bytes", kv.get(TREE + "bytes")[1], {"Value": bytes(range(256)), "Flags": 7})
    like("kv.put of nothing", kv.put(TREE + "empty", None), True)
    like("kv.get of nothing put", kv.get(TREE + "empty")[1], {"Value": None})
    like("kv.put of what URLs escape", kv.put(TREE + "ö %?#&+/x", "y"), True)
    like("kv.get of what URLs escape", kv.get(TREE + "ö %?#&+/x")[1], {"Key": TREE + "ö %?#&+/x", "Value": b"y"})
    at = data["ModifyIndex"]
    like("kv.put with a stale cas", kv.put(TREE + "a", "no", cas=at - 1), False)
    like("kv.put with cas 0", kv.put(TREE + "a", "no", cas=0), False)
    like("kv.put with the right cas", kv.put(TREE + "a", "2", cas=at), True)
    like("kv.put with cas 0 of a new key", kv.put(TREE + "new", "n", cas=0), True)
    for name in ("dir/x", "dir/y", "dir/sub/z"):
        kv.put(TREE + name, name)
    names = [TREE + "dir/sub/z", TREE + "dir/x", TREE + "dir/y"]
    like("kv.get keys", kv.get(TREE + "dir/", keys=True)[1], names)
    separated = [TREE + "dir/sub/", TREE + "dir/x", TREE + "dir/y"]
    like("kv.get keys with a separator", kv.get(TREE + "dir/", keys=True, separator="/")[1], separated)
    like("kv.get recurse", [one["Key"] for one in kv.get(TREE + "dir/", recurse=True)[1]], names)
    like("kv.get keys of nothing", kv.get(TREE + "none/", keys=True)[1], None)
    like("kv.get recurse of nothing", kv.get(TREE + "none/", recurse=True)[1], None)
    like("kv.delete with a stale cas", kv.delete(TREE + "a", cas=at), False)
    like("kv.delete", kv.delete(TREE + "a"), True)
    like("kv.delete of nothing", kv.delete(TREE + "a"), True)
    for mode in ("consistent", "stale", "default"):
        comes("kv.get " + mode, lambda: (kv.get(TREE + "new", consistency=mode)[1] or {}).get("Value"), b"n")
    like("kv.delete recurse", kv.delete(TREE, recurse=True), True)
    like("kv.get after that", kv.get(TREE, recurse=True)[1], None)
    refused("a datacenter that is not there", consul.base.ConsulException, re.compile("No path to datacenter"),
            lambda: kv.get("x", dc="nowhere"))


def blocking_keys(c):
    kv = c.kv
    index, _ = kv.get(TREE + "w")
    began = time.monotonic()
    again, data = kv.get(TREE + "w", index=index, wait="1s")
    like("a wait that ends with its time", [again, data], [index, None])
    like("it waited", time.monotonic() - began >= 1, True)
    timer = later(lambda: kv.put(TREE + "w", "1"))
    index, data = kv.get(TREE + "w", index=index, wait="20s")
    timer.join()
    like("a wait for a key that comes", data, {"Value": b"1"})
    timer = later(lambda: kv.put(TREE + "w", "2"))
    index, data = kv.get(TREE + "w", index=index, wait="20s")
    timer.join()
    like("a wait for a change", data, {"Value": b"2"})
    timer = later(lambda: kv.put(TREE + "tree/x", "1"))
    index, data = kv.get(TREE, index=index, wait="20s", recurse=True)
    timer.join()
    like("a wait for a tree", [one["Key"] for one in data], [TREE + "tree/x", TREE + "w"])
    timer = later(lambda: kv.delete(TREE + "w"))
    index, data = kv.get(TREE + "w", index=kv.get(TREE + "w")[0], wait="20s")
    timer.join()
    like("a wait for a deletion", data, None)
    before = index
    index, data = kv.get(TREE + "w", index=int(index) - 1, wait="20s")
    like("an index of the past is answered at once", [index, data], [before, None])
    kv.delete(TREE, recurse=True)


def sessions(c):
    kv, session = c.kv, c.session
    first = session.create(name="py", ttl=60, lock_delay=0, behavior="delete")
    second = session.create(lock_delay=1)
    shown = {"ID": first, "Name": "py", "TTL": "60s", "Behavior": "delete", "LockDelay": 0}
    like("session.info", session.info(first)[1], shown)
    like("session.list", session.list()[1], holds(shown))
    like("session.node", session.node(session.info(first)[1]["Node"])[1], holds({"ID": second}))
    like("session.renew", session.renew(first), shown)
    like("kv.put acquire", kv.put(TREE + "lock", "me", acquire=first), True)
    like("kv.put acquire by another", kv.put(TREE + "lock", "you", acquire=second), False)
    like("kv.get of a lock", kv.get(TREE + "lock")[1], {"Session": first, "LockIndex": 1})
    like("kv.put release by another", kv.put(TREE + "lock", "x", release=second), False)
    like("kv.put release", kv.put(TREE + "lock", "x", release=first), True)
    like("kv.put acquire once it is free", kv.put(TREE + "lock", "you", acquire=second), True)
    like("the next lock", kv.get(TREE + "lock")[1], {"Session": second, "LockIndex": 2})
    like("kv.put acquire of what goes", kv.put(TREE + "goes", "x", acquire=first), True)
    index, _ = kv.get(TREE + "goes")
    timer = later(lambda: session.destroy(first))
    _, data = kv.get(TREE + "goes", index=index, wait="20s")
    timer.join()
    like("told of a session's end", data, None)
    like("session.destroy", session.destroy(second), True)
    like("session.destroy again", session.destroy(second), True)
    like("session.info of one that is gone", session.info(second)[1], None)
    like("what it held is free", (kv.get(TREE + "lock")[1] or {}).get("Session"), None)
    third = session.create()
    like("acquire within the lock-delay", kv.put(TREE + "lock", "3", acquire=third), False)
    comes("acquire after it", lambda: kv.put(TREE + "lock", "3", acquire=third), True)
    session.destroy(third)
    refused("session.renew of one that is gone", consul.base.NotFound, re.compile("not found"),
            lambda: session.renew(first))
    refused("acquire under one that is gone", consul.base.ConsulException, re.compile("invalid session"),
            lambda: kv.put(TREE + "lock", "x", acquire=first))
    kv.delete(TREE, recurse=True)


def services(c):
    agent, health, catalog = c.agent, c.health, c.catalog
    ttl = consul.Check.ttl("60s")
    like("agent.service.register", agent.service.register(
        "py-web", service_id="py-web-1", address="10.3.0.1", port=8080, tags=["v1", "blue"], check=ttl), True)
    like("agent.service.register of another", agent.service.register(
        "py-web", service_id="py-web-2", address="10.3.0.2", port=8080, tags=["v2"], enable_tag_override=True), True)
    like("agent.services", agent.services(), {
        "py-web-1": {"Service": "py-web", "Address": "10.3.0.1", "Port": 8080, "Tags": ["v1", "blue"]},
        "py-web-2": {"EnableTagOverride": True}})

    def ids(**options):
        return sorted(one["Service"]["ID"] for one in health.service("py-web", **options)[1])

    like("health.service", ids(), ["py-web-1", "py-web-2"])
    like("passing before the first beat", ids(passing=True), ["py-web-2"])
    for call, says in ((agent.check.ttl_warn, "warning"), (agent.check.ttl_fail, "critical"),
                       (agent.check.ttl_pass, "passing")):
        like("ttl_" + says, call("service:py-web-1", notes="it is " + says), True)
        _, found = health.checks("py-web")
        like("health.checks " + says, found, [{"Status": says, "Output": "it is " + says, "ServiceID": "py-web-1"}])
        like("health.state " + says, health.state(says)[1], holds({"CheckID": "service:py-web-1"}))
    like("passing after it", ids(passing=True), ["py-web-1", "py-web-2"])
    like("health.service by tag", ids(tag="blue"), ["py-web-1"])
    like("health.service near", ids(near="_agent"), ["py-web-1", "py-web-2"])
    like("catalog.services", catalog.services()[1], {"py-web": lambda tags: sorted(tags) == ["blue", "v1", "v2"]})
    like("catalog.service", catalog.service("py-web", tag="v2")[1], [
        {"ServiceID": "py-web-2", "ServiceAddress": "10.3.0.2", "ServicePort": 8080}])
    like("agent.service.maintenance", agent.service.maintenance("py-web-2", "true", "moved"), True)
    like("passing during maintenance", ids(passing=True), ["py-web-1"])
    like("agent.service.maintenance, over", agent.service.maintenance("py-web-2", "false"), True)

    index, _ = health.service("py-web", passing=True)
    # What another service does wakes nobody.
    agent.service.register("py-other", port=1)
    again, _ = health.service("py-web", passing=True, index=index, wait="1s")
    like("another service wakes nobody", again, index)
    timer = later(lambda: agent.check.ttl_fail("service:py-web-1", notes="ill"))
    index, found = health.service("py-web", passing=True, index=index, wait="20s")
    timer.join()
    like("told of health", [one["Service"]["ID"] for one in found], ["py-web-2"])
    timer = later(lambda: agent.service.register("py-web", service_id="py-web-3", port=3))
    index, found = health.service("py-web", passing=True, index=index, wait="20s")
    timer.join()
    like("told of an instance", sorted(one["Service"]["ID"] for one in found), ["py-web-2", "py-web-3"])
    for one in ("py-web-1", "py-web-2", "py-web-3", "py-other"):
        like("agent.service.deregister", agent.service.deregister(one), True)
    like("nobody is left", health.service("py-web")[1], [])


def checks(c, url):
    agent, health = c.agent, c.health
    agent.service.register("py-checked", port=1)
    like("agent.check.register", agent.check.register(
        "beat", check=consul.Check.ttl("60s"), check_id="py-beat", notes="n", service_id="py-checked"), True)
    like("agent.checks", agent.checks(), {"py-beat": {"Name": "beat", "Notes": "n", "Status": "critical"}})
    like("agent.check.ttl_pass", agent.check.ttl_pass("py-beat"), True)
    like("health.checks", health.checks("py-checked")[1], [{"CheckID": "py-beat", "Status": "passing"}])
    like("agent.check.deregister", agent.check.deregister("py-beat"), True)
    like("it is gone", health.checks("py-checked")[1], [])
    host, port = url.split(":")
    agent.check.register("tcp", check=consul.Check.tcp(host, int(port), "1s", timeout="1s"), check_id="py-tcp",
                         service_id="py-checked")
    comes("a TCP check passes", lambda: health.checks("py-checked")[1], [{"CheckID": "py-tcp", "Status": "passing"}])
    agent.check.deregister("py-tcp")
    agent.check.register("http", check=consul.Check.http("http://%s/v1/status/leader" % url, "1s", timeout="1s",
                                                         deregister="10m"), check_id="py-http",
                         service_id="py-checked")
    comes("an HTTP check passes", lambda: health.checks("py-checked")[1], [{"CheckID": "py-http", "Status": "passing"}])
    agent.service.deregister("py-checked")


def catalog(c):
    catalog, health = c.catalog, c.health
    like("catalog.register", catalog.register("py-db1", "10.4.0.1", service={
        "Service": "py-pg", "ID": "py-pg-1", "Tags": ["primary"], "Port": 5432,
    }, check={"Node": "py-db1", "CheckID": "service:py-pg-1", "Name": "alive", "Status": "passing",
              "ServiceID": "py-pg-1"}), True)
    like("catalog.nodes", catalog.nodes()[1], holds({"Node": "py-db1", "Address": "10.4.0.1"}))
    like("catalog.node", catalog.node("py-db1")[1], {
        "Node": {"Node": "py-db1"}, "Services": {"py-pg-1": {"Service": "py-pg", "Port": 5432}}})
    like("catalog.node of nobody", catalog.node("py-nobody")[1], None)
    like("catalog.service", catalog.service("py-pg")[1], [{"Node": "py-db1", "Address": "10.4.0.1"}])
    like("health.node", health.node("py-db1")[1], [{"CheckID": "service:py-pg-1", "Status": "passing"}])
    index, _ = catalog.service("py-pg")
    timer = later(lambda: catalog.deregister("py-db1", service_id="py-pg-1"))
    _, found = catalog.service("py-pg", index=index, wait="20s")
    timer.join()
    like("told of the catalog", found, [])
    like("catalog.deregister", catalog.deregister("py-db1"), True)
    like("the node is gone", catalog.nodes()[1], lambda nodes: not holds({"Node": "py-db1"})(nodes))
    centers = catalog.datacenters()
    like("catalog.datacenters", len(centers), 1)
    like("dc", catalog.nodes(dc=centers[0])[1], holds({"Node": "synod"}))


def about_itself(c):
    comes("status.leader", c.status.leader, re.compile(r"^\S+:8300$"))
    like("status.peers", len(c.status.peers()), 3)
    like("agent.self", c.agent.self(), {"Config": {"NodeName": "synod"}})
    like("agent.members", len(c.agent.members()), 3)
    like("event.fire", c.event.fire("py-deploy", "42"), {"Name": "py-deploy"})
    index, events = c.event.list("py-deploy")
    like("event.list", events, [{"Name": "py-deploy", "Payload": b"42"}])
    timer = later(lambda: c.event.fire("py-deploy", "43"))
    _, events = c.event.list("py-deploy", index=index, wait="20s")
    timer.join()
    like("told of an event", [one["Payload"] for one in events], [b"42", b"43"])
    for what, call in (("query.list", c.query.list), ("acl.list", c.acl.list),
                       ("coordinate.nodes", c.coordinate.nodes), ("operator.raft_config", c.operator.raft_config)):
        refused(what, consul.base.ConsulException, re.compile("501 not supported by Synod"), call)


def slow(c):
    agent, health = c.agent, c.health
    # Of all that stands on the agent's node: not while others use it too.
    like("agent.maintenance", agent.maintenance("true", "all"), True)
    like("the node's maintenance", health.state("critical")[1], holds({"CheckID": "_node_maintenance", "Notes": "all"}))
    like("agent.maintenance, over", agent.maintenance("false"), True)
    ended = c.session.create(ttl=10, lock_delay=0, behavior="delete")
    c.kv.put(TREE + "ends", "x", acquire=ended)
    index, _ = c.kv.get(TREE + "ends")
    began = time.monotonic()
    _, data = c.kv.get(TREE + "ends", index=index, wait="60s")
    like("told of a session that nobody renewed", data, None)
    like("it lived twice its TTL", 19 < time.monotonic() - began, True)
    c.agent.service.register("py-silent", check=consul.Check.ttl("2s"))
    c.agent.check.ttl_pass("service:py-silent")
    index, _ = c.health.service("py-silent", passing=True)
    _, found = c.health.service("py-silent", passing=True, index=index, wait="60s")
    like("told of a TTL that ran out", found, [])
    c.agent.service.deregister("py-silent")


def main():
    host, port = sys.argv[1], int(sys.argv[2])
    plainly, fully = {}, {"token": "any", "consistency": "consistent"}
    for given in (plainly, fully) if "--long" in sys.argv else (fully,):
        client = Client(host, port, **given)
        keys(client)
        blocking_keys(client)
        sessions(client)
        services(client)
        catalog(client)
    checks(client, "%s:%d" % (host, port))
    about_itself(client)
    if "--long" in sys.argv:
        slow(client)
    print(json.dumps({"requests": requests_sent[0]}), flush=True)


if __name__ == "__main__":
    main()
