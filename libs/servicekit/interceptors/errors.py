"""`ServiceError` to a gRPC status with details; an untyped exception to INTERNAL and a log line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio
import structlog

from servicekit import rest
from servicekit.error_mapping import DETAILS_KEY, GRPC_CODES, as_service_error, to_status
from servicekit.errors import ServiceError
from servicekit.interceptors.wrapping import AroundInterceptor, Context
from servicekit.rest_errors import RestErrorEncoder, open_payments_error

_log = structlog.get_logger(__name__)


def errors_interceptor(
    encode_rest_error: RestErrorEncoder = open_payments_error,
) -> AroundInterceptor:
    """Ends a failed call with trailers only, so that headers such as WWW-Authenticate arrive."""

    @asynccontextmanager
    async def around(method: str, context: Context) -> AsyncIterator[None]:
        try:
            yield
        except grpc.aio.BaseError:
            # The handler aborted by itself, or misused its context; grpc answers.
            raise
        except ServiceError as error:
            await _abort(error, context, encode_rest_error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller learns nothing of it
            _log.exception("rpc_failed", method=method)
            await _abort(as_service_error(error), context, encode_rest_error)

    return AroundInterceptor(around)


async def _abort(error: ServiceError, context: Context, encode: RestErrorEncoder) -> None:
    trailers: tuple[tuple[str, str | bytes], ...] = (
        (DETAILS_KEY, to_status(error).SerializeToString()),
    )
    if rest.is_rest(context):
        trailers += rest.error_metadata(error, encode)
    await context.abort(GRPC_CODES[error.kind], error.message, trailers)
