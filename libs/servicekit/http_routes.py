"""A path router for the fast listener: exact paths, then the longest prefix."""

from servicekit.http_connection import Handler
from servicekit.http_messages import Request, Response, error_response


class Routes:
    """Itself a handler. Paths are compared as received, before any decoding."""

    def __init__(self) -> None:
        self._exact: dict[str, dict[str, Handler]] = {}
        self._prefixes: list[tuple[str, dict[str, Handler]]] = []

    def exact(self, method: str, path: str, handler: Handler) -> None:
        """Serve one path; GET serves HEAD too."""
        self._exact.setdefault(path, {})[method] = handler

    def prefix(self, method: str, prefix: str, handler: Handler) -> None:
        """Serve each path that starts with `prefix`, unless a longer one or an exact path does."""
        for known, methods in self._prefixes:
            if known == prefix:
                methods[method] = handler
                return
        self._prefixes.append((prefix, {method: handler}))
        self._prefixes.sort(key=lambda entry: -len(entry[0]))

    async def __call__(self, request: Request) -> Response:
        """Answer through the matching handler, or with 404 or 405."""
        methods = self._find(request.path)
        if methods is None:
            return error_response(404, "not_found", "there is nothing at this path")
        handler = methods.get(request.method)
        if handler is None and request.method == "HEAD":
            handler = methods.get("GET")
        if handler is None:
            allow = sorted({*methods, *(["HEAD"] if "GET" in methods else [])})
            return error_response(
                405,
                "method_not_allowed",
                "this path does not serve this method",
                [("allow", ", ".join(allow))],
            )
        return await handler(request)

    def _find(self, path: str) -> dict[str, Handler] | None:
        methods = self._exact.get(path)
        if methods is not None:
            return methods
        for prefix, prefixed in self._prefixes:
            if path.startswith(prefix):
                return prefixed
        return None
