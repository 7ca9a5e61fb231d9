package rafiki_test

import (
	"context"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	rafiki "github.com/interledger/rafiki/clients/go"
	adminv1 "github.com/interledger/rafiki/clients/go/admin/v1"
	commonv1 "github.com/interledger/rafiki/clients/go/common/v1"
	ledgerv1 "github.com/interledger/rafiki/clients/go/ledger/v1"
)

// server answers like a node that is unavailable for some calls.
type server struct {
	adminv1.UnimplementedAssetServiceServer
	adminv1.UnimplementedEventServiceServer
	adminv1.UnimplementedTenantServiceServer
	ledgerv1.UnimplementedLedgerServiceServer
	unavailable int
	keys        []string
	calls       int
	headers     metadata.MD
}

func (s *server) attempt(ctx context.Context) error {
	s.calls++
	s.headers, _ = metadata.FromIncomingContext(ctx)
	if s.calls <= s.unavailable {
		return status.Error(codes.Unavailable, "not now")
	}
	return nil
}

func (s *server) CreateAsset(ctx context.Context, request *adminv1.CreateAssetRequest) (*adminv1.Asset, error) {
	s.keys = append(s.keys, request.IdempotencyKey)
	return &adminv1.Asset{Id: "1"}, s.attempt(ctx)
}

func (s *server) GetAsset(ctx context.Context, request *adminv1.GetAssetRequest) (*adminv1.Asset, error) {
	if request.Id == "none" {
		answer, _ := status.New(codes.NotFound, "no such asset").WithDetails(
			&errdetails.ErrorInfo{Reason: "UNKNOWN_ASSET", Domain: "rafiki", Metadata: map[string]string{"id": "none"}},
			&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "id"}}},
		)
		return nil, answer.Err()
	}
	return &adminv1.Asset{Id: request.Id}, s.attempt(ctx)
}

func (s *server) ListAssets(_ context.Context, request *adminv1.ListAssetsRequest) (*adminv1.ListAssetsResponse, error) {
	number, _ := strconv.Atoi(request.Page.GetCursor())
	return &adminv1.ListAssetsResponse{
		Assets:   []*adminv1.Asset{{Id: strconv.Itoa(2 * number)}, {Id: strconv.Itoa(2*number + 1)}},
		PageInfo: &commonv1.PageInfo{EndCursor: proto.String(strconv.Itoa(number + 1)), HasNextPage: number < 2},
	}, nil
}

func (s *server) PullEvents(_ context.Context, request *adminv1.PullEventsRequest) (*adminv1.PullEventsResponse, error) {
	s.calls++
	at, _ := strconv.Atoi(request.GetCursor())
	if s.calls%2 == 1 || at >= 3 {
		return &adminv1.PullEventsResponse{NextCursor: strconv.Itoa(at)}, nil
	}
	events := []*adminv1.WebhookEvent{{Id: strconv.Itoa(at)}}
	return &adminv1.PullEventsResponse{Events: events, NextCursor: strconv.Itoa(at + 1)}, nil
}

func (s *server) VerifyApiSignature(ctx context.Context, _ *adminv1.VerifyApiSignatureRequest) (*adminv1.VerifyApiSignatureResponse, error) {
	return &adminv1.VerifyApiSignatureResponse{}, s.attempt(ctx)
}

func (s *server) TransferBatches(stream grpc.BidiStreamingServer[ledgerv1.TransferBatchesRequest, ledgerv1.TransferBatchesResponse]) error {
	s.headers, _ = metadata.FromIncomingContext(stream.Context())
	return stream.Send(&ledgerv1.TransferBatchesResponse{Sequence: 1})
}

func start(t *testing.T, unavailable int) (*server, *rafiki.Node) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served, answers := grpc.NewServer(), &server{unavailable: unavailable}
	adminv1.RegisterAssetServiceServer(served, answers)
	adminv1.RegisterEventServiceServer(served, answers)
	adminv1.RegisterTenantServiceServer(served, answers)
	ledgerv1.RegisterLedgerServiceServer(served, answers)
	go served.Serve(listener) //nolint:errcheck // it ends with Stop
	t.Cleanup(served.Stop)
	fast := rafiki.RetryPolicy{Attempts: 4, FirstWait: time.Millisecond, MaxWait: 2 * time.Millisecond, Deadline: 30 * time.Second}
	node, err := rafiki.Connect(listener.Addr().String(), rafiki.WithRetries(fast), rafiki.WithHeader("x-team", "payments"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	return answers, node
}

func TestACallWithoutAnAnswerIsRepeatedUnderOneNewKey(t *testing.T) {
	answers, node := start(t, 2)
	request := &adminv1.CreateAssetRequest{Code: "USD"}
	if _, err := node.Assets.CreateAsset(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if len(answers.keys) != 3 || answers.keys[0] == "" || len(slices.Compact(answers.keys)) != 1 {
		t.Fatalf("keys: %q", answers.keys)
	}
	if request.IdempotencyKey != "" {
		t.Fatal("the caller's request was changed")
	}
	if got := answers.headers.Get("x-team"); len(got) != 1 || got[0] != "payments" {
		t.Fatalf("header: %q", got)
	}
}

func TestTheCallersKeyIsKept(t *testing.T) {
	answers, node := start(t, 0)
	if _, err := node.Assets.CreateAsset(t.Context(), &adminv1.CreateAssetRequest{IdempotencyKey: "mine"}); err != nil {
		t.Fatal(err)
	}
	if answers.keys[0] != "mine" {
		t.Fatalf("keys: %q", answers.keys)
	}
}

func TestAttemptsEnd(t *testing.T) {
	answers, node := start(t, 100)
	_, err := node.Assets.GetAsset(t.Context(), &adminv1.GetAssetRequest{Id: "1"})
	if status.Code(err) != codes.Unavailable || answers.calls != 4 {
		t.Fatalf("%d calls: %v", answers.calls, err)
	}
}

func TestWhatIsGoodOnceIsNotRepeated(t *testing.T) {
	answers, node := start(t, 1)
	_, err := node.Tenants.VerifyApiSignature(t.Context(), &adminv1.VerifyApiSignatureRequest{})
	if status.Code(err) != codes.Unavailable || answers.calls != 1 {
		t.Fatalf("%d calls: %v", answers.calls, err)
	}
}

func TestHeadersGoWithStreamsToo(t *testing.T) {
	answers, node := start(t, 0)
	stream, err := node.Ledger.TransferBatches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	if got := answers.headers.Get("x-team"); len(got) != 1 || got[0] != "payments" {
		t.Fatalf("header: %q", got)
	}
}

func TestAListIsReadPageByPage(t *testing.T) {
	_, node := start(t, 0)
	var ids []string
	for asset, err := range rafiki.Pages(t.Context(), node.Assets.ListAssets,
		&adminv1.ListAssetsRequest{}, (*adminv1.ListAssetsResponse).GetAssets) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, asset.Id)
	}
	if !slices.Equal(ids, []string{"0", "1", "2", "3", "4", "5"}) {
		t.Fatalf("ids: %q", ids)
	}
}

func TestTheFeedGoesOnFromItsCursorAndShowsNoEmptyBatch(t *testing.T) {
	_, node := start(t, 0)
	var ids []string
	for batch, err := range rafiki.Follow(t.Context(), node.Events, "") {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, batch.Events[0].Id)
		if batch.NextCursor == "3" {
			break
		}
	}
	if !slices.Equal(ids, []string{"0", "1", "2"}) {
		t.Fatalf("ids: %q", ids)
	}
}

func TestAnErrorSaysItsReason(t *testing.T) {
	_, node := start(t, 0)
	_, err := node.Assets.GetAsset(t.Context(), &adminv1.GetAssetRequest{Id: "none"})
	found := rafiki.ErrorOf(err)
	if found.Code != codes.NotFound || found.Reason != "UNKNOWN_ASSET" || found.Field != "id" || found.Metadata["id"] != "none" {
		t.Fatalf("%+v", found)
	}
}
