package rafiki

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// RetryPolicy says how often and how long a call is tried that the node did not answer.
//
// A call is repeated on UNAVAILABLE where the contract's idempotency_level says that a repeat is
// harmless: reads, and calls with an idempotency key, which stays the same over all attempts. A
// request without a key gets one.
type RetryPolicy struct {
	Attempts  int
	FirstWait time.Duration
	MaxWait   time.Duration
	// Deadline of all attempts of a call whose context has none.
	Deadline time.Duration
}

// DefaultRetryPolicy is used where no other is given.
var DefaultRetryPolicy = RetryPolicy{
	Attempts: 4, FirstWait: 100 * time.Millisecond, MaxWait: 2 * time.Second, Deadline: 30 * time.Second,
}

// wait is a random time before the next attempt, so that many clients don't come back at once.
func (p RetryPolicy) wait(attempt int) time.Duration {
	longest := min(p.MaxWait, p.FirstWait<<(attempt-1))
	return longest/2 + rand.N(longest/2+1)
}

func retry(policy RetryPolicy) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if _, has := ctx.Deadline(); !has {
			limited, cancel := context.WithTimeout(ctx, policy.Deadline)
			defer cancel()
			ctx = limited
		}
		request = withKey(request)
		repeatable := mayRepeat(method)
		for attempt := 1; ; attempt++ {
			err := invoke(ctx, method, request, reply, connection, options...)
			if err == nil || !repeatable || attempt >= policy.Attempts ||
				status.Code(err) != codes.Unavailable {
				return err
			}
			select {
			case <-ctx.Done():
				return err
			case <-time.After(policy.wait(attempt)):
			}
		}
	}
}

// withKey gives the request itself, or a copy with a new idempotency key when it has none.
func withKey(request any) any {
	message, ok := request.(proto.Message)
	if !ok {
		return request
	}
	field := message.ProtoReflect().Descriptor().Fields().ByName("idempotency_key")
	if field == nil || message.ProtoReflect().Get(field).String() != "" {
		return request
	}
	keyed := proto.Clone(message)
	keyed.ProtoReflect().Set(field, protoreflect.ValueOfString(uuid.NewString()))
	return keyed
}

// mayRepeat tells whether the contract lets a client send this call again by itself.
func mayRepeat(path string) bool {
	name := strings.ReplaceAll(strings.TrimPrefix(path, "/"), "/", ".")
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return false
	}
	options, ok := found.Options().(*descriptorpb.MethodOptions)
	return ok && options.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
}
