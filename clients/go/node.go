package rafiki

import (
	"context"
	"crypto/tls"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	adminv1 "github.com/interledger/rafiki/clients/go/admin/v1"
	grantv1 "github.com/interledger/rafiki/clients/go/grant/v1"
	ledgerv1 "github.com/interledger/rafiki/clients/go/ledger/v1"
	routingv1 "github.com/interledger/rafiki/clients/go/routing/v1"
)

const (
	// messageBytesMax is the node's own limit, either way.
	messageBytesMax = 4 << 20
	// keepaliveInterval is longer than the ten seconds that the node wants between two pings.
	keepaliveInterval = 30 * time.Second
	keepaliveTimeout  = 10 * time.Second
)

// Node has the services of one node by name.
type Node struct {
	Assets          adminv1.AssetServiceClient
	Events          adminv1.EventServiceClient
	Grants          grantv1.GrantAdminServiceClient
	Ledger          ledgerv1.LedgerServiceClient
	Liquidity       adminv1.LiquidityServiceClient
	Payments        adminv1.PaymentServiceClient
	Peers           adminv1.PeerServiceClient
	Reconciliation  adminv1.ReconciliationServiceClient
	Routing         routingv1.RoutingServiceClient
	Tenants         adminv1.TenantServiceClient
	UnknownPackets  adminv1.UnknownPacketServiceClient
	WalletAddresses adminv1.WalletAddressAdminServiceClient

	connection *grpc.ClientConn
}

type settings struct {
	credentials credentials.TransportCredentials
	headers     []string
	retries     RetryPolicy
}

// Option changes how a node is called.
type Option func(*settings)

// WithTLS speaks TLS, with a client's certificate where the configuration has one. Without it the
// connection is plain text.
func WithTLS(config *tls.Config) Option {
	return func(s *settings) { s.credentials = credentials.NewTLS(config) }
}

// WithHeader sends a header with each call, such as "authorization" for a gateway.
func WithHeader(name, value string) Option {
	return func(s *settings) { s.headers = append(s.headers, name, value) }
}

// WithRetries changes how calls are repeated that the node did not answer.
func WithRetries(policy RetryPolicy) Option {
	return func(s *settings) { s.retries = policy }
}

// Connect gives the node at the host:port of its operator listener. The connection opens with the
// first call; Close ends it.
func Connect(target string, options ...Option) (*Node, error) {
	s := settings{credentials: insecure.NewCredentials(), retries: DefaultRetryPolicy}
	for _, option := range options {
		option(&s)
	}
	connection, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(s.credentials),
		grpc.WithChainUnaryInterceptor(retry(s.retries), withHeaders(s.headers)),
		grpc.WithChainStreamInterceptor(withStreamHeaders(s.headers)),
		grpc.WithDisableRetry(), // the interceptor does it, with the key filled in
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(messageBytesMax),
			grpc.MaxCallSendMsgSize(messageBytesMax),
		),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: keepaliveInterval, Timeout: keepaliveTimeout,
		}),
	)
	if err != nil {
		return nil, err
	}
	return &Node{
		Assets:          adminv1.NewAssetServiceClient(connection),
		Events:          adminv1.NewEventServiceClient(connection),
		Grants:          grantv1.NewGrantAdminServiceClient(connection),
		Ledger:          ledgerv1.NewLedgerServiceClient(connection),
		Liquidity:       adminv1.NewLiquidityServiceClient(connection),
		Payments:        adminv1.NewPaymentServiceClient(connection),
		Peers:           adminv1.NewPeerServiceClient(connection),
		Reconciliation:  adminv1.NewReconciliationServiceClient(connection),
		Routing:         routingv1.NewRoutingServiceClient(connection),
		Tenants:         adminv1.NewTenantServiceClient(connection),
		UnknownPackets:  adminv1.NewUnknownPacketServiceClient(connection),
		WalletAddresses: adminv1.NewWalletAddressAdminServiceClient(connection),
		connection:      connection,
	}, nil
}

// Connection is what further generated clients are made with.
func (n *Node) Connection() grpc.ClientConnInterface { return n.connection }

// Close ends the connection and the calls on it.
func (n *Node) Close() error { return n.connection.Close() }

func withHeaders(headers []string) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		ctx = metadata.AppendToOutgoingContext(ctx, headers...)
		return invoke(ctx, method, request, reply, connection, options...)
	}
}

func withStreamHeaders(headers []string) grpc.StreamClientInterceptor {
	return func(ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string,
		open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
		return open(metadata.AppendToOutgoingContext(ctx, headers...), description, connection, method, options...)
	}
}
