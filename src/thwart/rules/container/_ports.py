"""Ports that are published, and what they are known for."""

from __future__ import annotations

from thwart.rules.container._settings import Change, Container, Port, Said, replace, span

_INNER = {
    **dict.fromkeys((1433, 1434), "SQL Server"),
    **dict.fromkeys((1521, 1522), "Oracle"),
    **dict.fromkeys((2375, 2376, 2377), "the engine"),
    **dict.fromkeys((2379, 2380), "etcd"),
    **dict.fromkeys((3306, 33060), "MySQL"),
    **dict.fromkeys((4369, 5672, 25672), "RabbitMQ"),
    **dict.fromkeys((5005, 5006, 8787), "a Java debugger"),
    **dict.fromkeys((5432, 6432), "PostgreSQL"),
    **dict.fromkeys((5678,), "a Python debugger"),
    **dict.fromkeys((6379, 16379, 26379), "Redis"),
    **dict.fromkeys((7000, 7001, 9042, 9160), "Cassandra"),
    **dict.fromkeys((9200, 9300), "Elasticsearch"),
    **dict.fromkeys((9229,), "a Node.js debugger"),
    **dict.fromkeys((2345,), "a Go debugger"),
    **dict.fromkeys((10250, 10255), "a kubelet"),
    **dict.fromkeys((11211,), "memcached"),
    **dict.fromkeys((27017, 27018, 27019, 28017), "MongoDB"),
    **dict.fromkeys((5984,), "CouchDB"),
    **dict.fromkeys((2181,), "ZooKeeper"),
    **dict.fromkeys((9092,), "Kafka"),
    **dict.fromkeys((389, 636), "a directory"),
    **dict.fromkeys((111, 2049), "NFS"),
    **dict.fromkeys((445, 139), "a file share"),
    **dict.fromkeys((3389,), "remote desktop"),
    **dict.fromkeys((5900, 5901), "VNC"),
}


def inner(port: Port) -> str:
    """What a port of the container is known for, where that is nothing for the open network; empty otherwise."""
    first, last = port.target
    return next((name for number, name in _INNER.items() if first <= number <= last), "")


def to_localhost(container: Container, said: Said[Port]) -> tuple[Change, ...]:
    """What makes only the host reach it; nothing of a port of the long form, whose place is not one text."""
    port = said.value
    if container.origin == "engine" or not port.published[0]:
        return ()
    protocol = f"/{port.protocol}" if port.protocol != "tcp" else ""
    return (replace("ports", said, f"127.0.0.1:{span(port.published)}:{span(port.target)}{protocol}"),)
