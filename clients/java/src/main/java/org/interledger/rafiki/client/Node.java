package org.interledger.rafiki.client;

import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.interledger.rafiki.admin.v1.AssetServiceGrpc;
import org.interledger.rafiki.admin.v1.EventServiceGrpc;
import org.interledger.rafiki.admin.v1.LiquidityServiceGrpc;
import org.interledger.rafiki.admin.v1.PaymentServiceGrpc;
import org.interledger.rafiki.admin.v1.PeerServiceGrpc;
import org.interledger.rafiki.admin.v1.ReconciliationServiceGrpc;
import org.interledger.rafiki.admin.v1.TenantServiceGrpc;
import org.interledger.rafiki.admin.v1.UnknownPacketServiceGrpc;
import org.interledger.rafiki.admin.v1.WalletAddressAdminServiceGrpc;
import org.interledger.rafiki.grant.v1.GrantAdminServiceGrpc;
import org.interledger.rafiki.ledger.v1.LedgerServiceGrpc;
import org.interledger.rafiki.routing.v1.RoutingServiceGrpc;

/** The services of one node by name, each a generated blocking stub. */
public final class Node implements AutoCloseable {

  /** The node's own limit, either way. */
  private static final int MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

  /** Longer than the ten seconds that the node wants between two pings. */
  private static final int KEEPALIVE_SECONDS = 30;

  private static final int KEEPALIVE_TIMEOUT_SECONDS = 10;
  private static final int CLOSE_SECONDS_MAX = 5;

  private final ManagedChannel channel;

  private Node(ManagedChannel channel) {
    this.channel = channel;
  }

  /** The node at the host:port of its operator listener, in plain text. */
  public static Node connect(String target) {
    return connect(target, InsecureChannelCredentials.create(), Map.of(), RetryPolicy.DEFAULT);
  }

  /**
   * The same with TLS ({@code TlsChannelCredentials}, with a client's certificate where what stands
   * before the node asks for one), headers sent with each call, such as "authorization" for a
   * gateway, and a policy of one's own. The connection opens with the first call.
   */
  public static Node connect(
      String target,
      ChannelCredentials credentials,
      Map<String, String> headers,
      RetryPolicy retries) {
    Metadata metadata = new Metadata();
    headers.forEach(
        (name, value) ->
            metadata.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value));
    ManagedChannel channel =
        Grpc.newChannelBuilder(target, credentials)
            .maxInboundMessageSize(MESSAGE_BYTES_MAX)
            .keepAliveTime(KEEPALIVE_SECONDS, TimeUnit.SECONDS)
            .keepAliveTimeout(KEEPALIVE_TIMEOUT_SECONDS, TimeUnit.SECONDS)
            // The interceptor does it, with the key filled in.
            .disableRetry()
            .intercept(MetadataUtils.newAttachHeadersInterceptor(metadata), new Retries(retries))
            .build();
    return new Node(channel);
  }

  /** What further generated stubs are made with. */
  public ManagedChannel channel() {
    return channel;
  }

  public AssetServiceGrpc.AssetServiceBlockingStub assets() {
    return AssetServiceGrpc.newBlockingStub(channel);
  }

  public EventServiceGrpc.EventServiceBlockingStub events() {
    return EventServiceGrpc.newBlockingStub(channel);
  }

  public GrantAdminServiceGrpc.GrantAdminServiceBlockingStub grants() {
    return GrantAdminServiceGrpc.newBlockingStub(channel);
  }

  public LedgerServiceGrpc.LedgerServiceBlockingStub ledger() {
    return LedgerServiceGrpc.newBlockingStub(channel);
  }

  public LiquidityServiceGrpc.LiquidityServiceBlockingStub liquidity() {
    return LiquidityServiceGrpc.newBlockingStub(channel);
  }

  public PaymentServiceGrpc.PaymentServiceBlockingStub payments() {
    return PaymentServiceGrpc.newBlockingStub(channel);
  }

  public PeerServiceGrpc.PeerServiceBlockingStub peers() {
    return PeerServiceGrpc.newBlockingStub(channel);
  }

  public ReconciliationServiceGrpc.ReconciliationServiceBlockingStub reconciliation() {
    return ReconciliationServiceGrpc.newBlockingStub(channel);
  }

  public RoutingServiceGrpc.RoutingServiceBlockingStub routing() {
    return RoutingServiceGrpc.newBlockingStub(channel);
  }

  public TenantServiceGrpc.TenantServiceBlockingStub tenants() {
    return TenantServiceGrpc.newBlockingStub(channel);
  }

  public UnknownPacketServiceGrpc.UnknownPacketServiceBlockingStub unknownPackets() {
    return UnknownPacketServiceGrpc.newBlockingStub(channel);
  }

  public WalletAddressAdminServiceGrpc.WalletAddressAdminServiceBlockingStub walletAddresses() {
    return WalletAddressAdminServiceGrpc.newBlockingStub(channel);
  }

  /** Ends the connection once its calls have ended. */
  @Override
  public void close() {
    channel.shutdown();
    try {
      if (!channel.awaitTermination(CLOSE_SECONDS_MAX, TimeUnit.SECONDS)) {
        channel.shutdownNow();
      }
    } catch (InterruptedException stopped) {
      channel.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
