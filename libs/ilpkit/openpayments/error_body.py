"""The error body of the resource server (schema `error-response`)."""

from ilpkit.openpayments.wire import Metadata, Omittable, WireModel


class ErrorDetail(WireModel):
    """What went wrong: a machine code and a sentence."""

    code: str
    description: str
    details: Omittable[Metadata] = None


class ErrorBody(WireModel):
    """`{"error": {"code", "description", "details"?}}`."""

    error: ErrorDetail
