package org.interledger.rafiki.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.util.Map;

/**
 * An answer that is an error, as data.
 *
 * @param reason a name of {@code rafiki.common.v1.ErrorReason} without its prefix, such as
 *     "UNKNOWN_ASSET"; empty when none came
 * @param metadata what the reason documents in the contract
 * @param field the request's field at fault; empty when none is
 */
public record RafikiError(
    Code code, String message, String reason, Map<String, String> metadata, String field) {

  private static final String DOMAIN = "rafiki";

  /** The contract's error in what a call threw. */
  public static RafikiError of(StatusRuntimeException thrown) {
    String reason = "";
    Map<String, String> metadata = Map.of();
    String field = "";
    try {
      for (Any detail : StatusProto.fromThrowable(thrown).getDetailsList()) {
        if (detail.is(ErrorInfo.class)) {
          ErrorInfo info = detail.unpack(ErrorInfo.class);
          if (info.getDomain().equals(DOMAIN)) {
            reason = info.getReason();
            metadata = info.getMetadataMap();
          }
        } else if (detail.is(BadRequest.class)) {
          BadRequest request = detail.unpack(BadRequest.class);
          if (request.getFieldViolationsCount() > 0) {
            field = request.getFieldViolations(0).getField();
          }
        }
      }
    } catch (InvalidProtocolBufferException foreign) {
      // A detail of another make says nothing that the contract knows.
    }
    String message = String.valueOf(thrown.getStatus().getDescription());
    return new RafikiError(thrown.getStatus().getCode(), message, reason, metadata, field);
  }
}
