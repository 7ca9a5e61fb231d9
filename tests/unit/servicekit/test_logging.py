import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from servicekit.logging import REDACTED, configure_logging, redact


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_writes_one_json_object_a_line_from_its_level_up() -> None:
    stream = io.StringIO()
    configure_logging(level="info", stream=stream)
    log = structlog.get_logger()
    log.debug("hidden")
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        log.info("shown", count=1)
    (line,) = _lines(stream)
    assert (line["event"], line["count"], line["request_id"]) == ("shown", 1, "r1")
    assert (line["level"], str(line["timestamp"])[-1]) == ("info", "Z")


def test_an_exception_is_part_of_its_line() -> None:
    stream = io.StringIO()
    configure_logging(level="info", stream=stream)
    try:
        int("a bug")
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = _lines(stream)
    assert "ValueError: invalid literal" in str(line["exception"])


def test_warnings_of_libraries_come_in_the_same_form() -> None:
    stream = io.StringIO()
    configure_logging(level="debug", stream=stream)
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("trouble %s", 1)
    (line,) = _lines(stream)
    assert (line["event"], line["level"]) == ("trouble 1", "warning")


def test_secrets_are_hidden_wherever_they_stand() -> None:
    event = {
        "event": "request",
        "Authorization": "GNAP abc",
        "headers": {"x-api-key": "fine", "Set-Cookie": "abc", "list": [{"access_token": "abc"}]},
        "privateKey": "abc",
        "count": 3,
    }
    cleaned = redact(None, "info", event)
    assert "abc" not in json.dumps(cleaned)
    assert (cleaned["count"], cleaned["headers"]["x-api-key"]) == (3, "fine")
    assert cleaned["Authorization"] == REDACTED


def test_what_is_too_deep_to_check_is_hidden() -> None:
    nested: object = {"token": "abc"}
    for _ in range(20):
        nested = {"inner": nested}
    assert "abc" not in json.dumps(redact(None, "info", {"event": "e", "data": nested}))


@pytest.mark.parametrize("level", ["trace", "DEBUG", "warn", "fatal", "silent"])
def test_takes_the_levels_that_operators_have_in_their_settings(level: str) -> None:
    configure_logging(level=level, log_format="console", stream=io.StringIO())


def test_refuses_an_unknown_level() -> None:
    with pytest.raises(ValueError, match="LOG_LEVEL"):
        configure_logging(level="loud")


def test_each_line_says_which_worker_wrote_it() -> None:
    stream = io.StringIO()
    configure_logging(level="info", stream=stream, worker="2")
    structlog.get_logger().info("shown")
    assert [line["worker"] for line in _lines(stream)] == ["2"]
