package org.interledger.rafiki.client;

import com.google.protobuf.DescriptorProtos.MethodOptions.IdempotencyLevel;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Repeats a call on UNAVAILABLE where the contract's {@code idempotency_level} says that a repeat is
 * harmless: reads, and calls with an idempotency key, which stays the same over all attempts. A
 * request without a key gets one.
 */
final class Retries implements ClientInterceptor {

  private static final String KEY_FIELD = "idempotency_key";

  private final RetryPolicy policy;

  Retries(RetryPolicy policy) {
    this.policy = policy;
  }

  @Override
  public <Q, A> ClientCall<Q, A> interceptCall(
      MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
    CallOptions limited =
        options.getDeadline() != null
            ? options
            : options.withDeadline(
                Deadline.after(policy.deadline().toMillis(), TimeUnit.MILLISECONDS));
    if (method.getType() != MethodType.UNARY) {
      return next.newCall(method, options);
    }
    return new RetriedCall<>(method, limited, next, mayRepeat(method) ? policy.attempts() : 1);
  }

  /** The message itself, or a copy with a new idempotency key when it has none. */
  @SuppressWarnings("unchecked")
  static <Q> Q withKey(Q request) {
    Message message = (Message) request;
    FieldDescriptor field = message.getDescriptorForType().findFieldByName(KEY_FIELD);
    if (field == null || !message.getField(field).equals("")) {
      return request;
    }
    return (Q) message.toBuilder().setField(field, UUID.randomUUID().toString()).build();
  }

  /** Whether the contract lets a client send this call again by itself. */
  static boolean mayRepeat(MethodDescriptor<?, ?> method) {
    return method.getSchemaDescriptor() instanceof ProtoMethodDescriptorSupplier described
        && described.getMethodDescriptor().getOptions().getIdempotencyLevel()
            != IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
  }

  /** One call for its caller, and as many calls of the node as it takes. */
  private final class RetriedCall<Q, A> extends ClientCall<Q, A> {
    private final MethodDescriptor<Q, A> method;
    private final CallOptions options;
    private final Channel next;
    private final int attempts;
    private Listener<A> listener;
    private Metadata headers;
    private Q request;
    private volatile ClientCall<Q, A> current;
    private volatile boolean cancelled;

    RetriedCall(MethodDescriptor<Q, A> method, CallOptions options, Channel next, int attempts) {
      this.method = method;
      this.options = options;
      this.next = next;
      this.attempts = attempts;
    }

    @Override
    public void start(Listener<A> listener, Metadata headers) {
      this.listener = listener;
      this.headers = headers;
    }

    @Override
    public void sendMessage(Q message) {
      request = withKey(message);
    }

    @Override
    public void halfClose() {
      attempt(1);
    }

    @Override
    public void request(int messages) {
      // A unary call has one answer, and each attempt asks for it.
    }

    @Override
    public void cancel(String message, Throwable cause) {
      cancelled = true;
      ClientCall<Q, A> running = current;
      if (running != null) {
        running.cancel(message, cause);
      }
    }

    private void attempt(int number) {
      ClientCall<Q, A> call = next.newCall(method, options);
      current = call;
      Metadata sent = new Metadata();
      sent.merge(headers);
      call.start(new Answer(number), sent);
      call.request(2);
      call.sendMessage(request);
      call.halfClose();
    }

    /** Gives the caller what an attempt gave, or makes the next one. */
    private final class Answer extends Listener<A> {
      private final int number;
      private Metadata received;
      private A message;

      Answer(int number) {
        this.number = number;
      }

      @Override
      public void onHeaders(Metadata metadata) {
        received = metadata;
      }

      @Override
      public void onMessage(A answer) {
        message = answer;
      }

      @Override
      public void onClose(Status status, Metadata trailers) {
        boolean again = status.getCode() == Status.Code.UNAVAILABLE && number < attempts;
        if (again && !cancelled) {
          CompletableFuture.delayedExecutor(
                  policy.waitBefore(number).toMillis(), TimeUnit.MILLISECONDS)
              .execute(() -> attempt(number + 1));
          return;
        }
        if (received != null) {
          listener.onHeaders(received);
        }
        if (message != null) {
          listener.onMessage(message);
        }
        listener.onClose(status, trailers);
      }
    }
  }
}
