"""The images of containers."""

from __future__ import annotations

from thwart.lib import reference

_STORES = frozenset(
    """
    cassandra clickhouse clickhouse-server cockroach couchbase couchdb elasticsearch etcd influxdb kafka mariadb memcached
    mongo mongodb mssql mysql neo4j opensearch oracle percona postgis postgres postgresql rabbitmq redis server-mssql
    timescaledb valkey zookeeper mysql-server mongodb-community-server
    """.split()  # noqa: SIM905 - a paragraph is shorter
)


def image(name: str) -> reference.Reference | None:
    """What an image's name says; None where it is none, such as an identifier."""
    try:
        return reference.parse(name)
    except reference.ReferenceError_:
        return None


def is_store(name: str) -> bool:
    """Whether an image's name is that of a database, a cache or a queue."""
    found = image(name)
    return found is not None and found.repository.rpartition("/")[2] in _STORES
