package org.interledger.rafiki.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.interledger.rafiki.admin.v1.Asset;
import org.interledger.rafiki.admin.v1.AssetServiceGrpc;
import org.interledger.rafiki.admin.v1.CreateAssetRequest;
import org.interledger.rafiki.admin.v1.EventServiceGrpc;
import org.interledger.rafiki.admin.v1.GetAssetRequest;
import org.interledger.rafiki.admin.v1.ListAssetsRequest;
import org.interledger.rafiki.admin.v1.ListAssetsResponse;
import org.interledger.rafiki.admin.v1.PullEventsRequest;
import org.interledger.rafiki.admin.v1.PullEventsResponse;
import org.interledger.rafiki.admin.v1.TenantServiceGrpc;
import org.interledger.rafiki.admin.v1.VerifyApiSignatureRequest;
import org.interledger.rafiki.admin.v1.VerifyApiSignatureResponse;
import org.interledger.rafiki.admin.v1.WebhookEvent;
import org.interledger.rafiki.common.v1.PageInfo;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class NodeTest {

  private int unavailable;
  private int calls;
  private final List<String> keys = new ArrayList<>();
  private Server server;
  private Node node;

  @BeforeEach
  void start() throws IOException {
    server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(new Assets())
            .addService(new Events())
            .addService(new Tenants())
            .build()
            .start();
    RetryPolicy fast =
        new RetryPolicy(4, Duration.ofMillis(1), Duration.ofMillis(2), Duration.ofSeconds(30));
    node =
        Node.connect(
            "127.0.0.1:" + server.getPort(),
            InsecureChannelCredentials.create(),
            Map.of("x-team", "payments"),
            fast);
  }

  @AfterEach
  void stop() {
    node.close();
    server.shutdownNow();
  }

  @Test
  void aCallWithoutAnAnswerIsRepeatedUnderOneNewKey() {
    unavailable = 2;
    assertEquals("1", node.assets().createAsset(CreateAssetRequest.getDefaultInstance()).getId());
    assertEquals(3, keys.size());
    assertEquals(1, keys.stream().distinct().count());
    assertFalse(keys.get(0).isEmpty());
  }

  @Test
  void theCallersKeyIsKept() {
    node.assets().createAsset(CreateAssetRequest.newBuilder().setIdempotencyKey("mine").build());
    assertEquals(List.of("mine"), keys);
  }

  @Test
  void attemptsEnd() {
    unavailable = 100;
    StatusRuntimeException thrown =
        assertThrows(
            StatusRuntimeException.class,
            () -> node.assets().getAsset(GetAssetRequest.getDefaultInstance()));
    assertEquals(Status.Code.UNAVAILABLE, thrown.getStatus().getCode());
    assertEquals(4, calls);
  }

  @Test
  void whatIsGoodOnceIsNotRepeated() {
    unavailable = 1;
    assertThrows(
        StatusRuntimeException.class,
        () -> node.tenants().verifyApiSignature(VerifyApiSignatureRequest.getDefaultInstance()));
    assertEquals(1, calls);
  }

  @Test
  void aListIsReadPageByPage() {
    List<String> ids = new ArrayList<>();
    Pages.of(
            page ->
                node.assets().listAssets(ListAssetsRequest.newBuilder().setPage(page).build()),
            ListAssetsResponse::getAssetsList,
            ListAssetsResponse::getPageInfo)
        .forEach(asset -> ids.add(asset.getId()));
    assertEquals(List.of("0", "1", "2", "3", "4", "5"), ids);
  }

  @Test
  void theFeedGoesOnFromItsCursorAndShowsNoEmptyBatch() {
    List<String> ids = new ArrayList<>();
    for (PullEventsResponse batch : Feed.follow(node.events(), "0")) {
      ids.add(batch.getEvents(0).getId());
      if (batch.getNextCursor().equals("3")) {
        break;
      }
    }
    assertEquals(List.of("0", "1", "2"), ids);
  }

  @Test
  void anErrorSaysItsReason() {
    StatusRuntimeException thrown =
        assertThrows(
            StatusRuntimeException.class,
            () -> node.assets().getAsset(GetAssetRequest.newBuilder().setId("none").build()));
    RafikiError error = RafikiError.of(thrown);
    assertEquals(
        new RafikiError(
            Status.Code.NOT_FOUND, "no such asset", "UNKNOWN_ASSET", Map.of("id", "none"), "id"),
        error);
  }

  private <T> void answer(StreamObserver<T> to, T value) {
    if (++calls <= unavailable) {
      to.onError(Status.UNAVAILABLE.asRuntimeException());
      return;
    }
    to.onNext(value);
    to.onCompleted();
  }

  private final class Assets extends AssetServiceGrpc.AssetServiceImplBase {
    @Override
    public void createAsset(CreateAssetRequest request, StreamObserver<Asset> to) {
      keys.add(request.getIdempotencyKey());
      answer(to, Asset.newBuilder().setId("1").build());
    }

    @Override
    public void getAsset(GetAssetRequest request, StreamObserver<Asset> to) {
      if (request.getId().equals("none")) {
        BadRequest.Builder fault = BadRequest.newBuilder();
        fault.addFieldViolationsBuilder().setField("id");
        ErrorInfo info =
            ErrorInfo.newBuilder()
                .setReason("UNKNOWN_ASSET")
                .setDomain("rafiki")
                .putMetadata("id", "none")
                .build();
        to.onError(
            StatusProto.toStatusRuntimeException(
                com.google.rpc.Status.newBuilder()
                    .setCode(Status.Code.NOT_FOUND.value())
                    .setMessage("no such asset")
                    .addDetails(Any.pack(info))
                    .addDetails(Any.pack(fault.build()))
                    .build()));
        return;
      }
      answer(to, Asset.newBuilder().setId(request.getId()).build());
    }

    @Override
    public void listAssets(ListAssetsRequest request, StreamObserver<ListAssetsResponse> to) {
      String cursor = request.getPage().getCursor();
      int number = cursor.isEmpty() ? 0 : Integer.parseInt(cursor);
      answer(
          to,
          ListAssetsResponse.newBuilder()
              .addAssets(Asset.newBuilder().setId(String.valueOf(2 * number)))
              .addAssets(Asset.newBuilder().setId(String.valueOf(2 * number + 1)))
              .setPageInfo(
                  PageInfo.newBuilder()
                      .setEndCursor(String.valueOf(number + 1))
                      .setHasNextPage(number < 2))
              .build());
    }
  }

  private final class Events extends EventServiceGrpc.EventServiceImplBase {
    @Override
    public void pullEvents(PullEventsRequest request, StreamObserver<PullEventsResponse> to) {
      int at = Integer.parseInt(request.getCursor());
      PullEventsResponse.Builder batch = PullEventsResponse.newBuilder();
      if (calls % 2 == 0) {
        answer(to, batch.setNextCursor(String.valueOf(at)).build());
        return;
      }
      batch.addEvents(WebhookEvent.newBuilder().setId(String.valueOf(at)));
      answer(to, batch.setNextCursor(String.valueOf(at + 1)).build());
    }
  }

  private final class Tenants extends TenantServiceGrpc.TenantServiceImplBase {
    @Override
    public void verifyApiSignature(
        VerifyApiSignatureRequest request, StreamObserver<VerifyApiSignatureResponse> to) {
      answer(to, VerifyApiSignatureResponse.getDefaultInstance());
    }
  }
}
