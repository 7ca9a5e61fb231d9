package rafiki

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Error is an answer that is an error, as data.
type Error struct {
	Code    codes.Code
	Message string
	// Reason is a name of rafiki.common.v1.ErrorReason without its prefix, such as "UNKNOWN_ASSET";
	// empty when none came.
	Reason string
	// Metadata is what the reason documents in the contract.
	Metadata map[string]string
	// Field is the request's field at fault, if one is.
	Field string
}

// ErrorOf reads the contract's error from what a call returned.
func ErrorOf(err error) Error {
	answer := status.Convert(err)
	found := Error{Code: answer.Code(), Message: answer.Message()}
	for _, detail := range answer.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.Domain == "rafiki" {
				found.Reason, found.Metadata = detail.Reason, detail.Metadata
			}
		case *errdetails.BadRequest:
			if violations := detail.FieldViolations; len(violations) > 0 {
				found.Field = violations[0].Field
			}
		}
	}
	return found
}
