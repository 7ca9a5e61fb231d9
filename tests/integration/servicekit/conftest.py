from tests.support.postgres import database_url, postgres_server
from tests.support.valkey import redis_url, valkey_server

__all__ = ["database_url", "postgres_server", "redis_url", "valkey_server"]
