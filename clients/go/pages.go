package rafiki

import (
	"context"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	adminv1 "github.com/interledger/rafiki/clients/go/admin/v1"
	commonv1 "github.com/interledger/rafiki/clients/go/common/v1"
)

const pageSize = 100

type pagedRequest interface {
	proto.Message
	GetPage() *commonv1.PageRequest
}

type pagedResponse interface {
	GetPageInfo() *commonv1.PageInfo
}

// Pages is every item of a list in its order, one call a page:
//
//	assets := rafiki.Pages(ctx, node.Assets.ListAssets, &adminv1.ListAssetsRequest{},
//		(*adminv1.ListAssetsResponse).GetAssets)
//	for asset, err := range assets { ... }
//
// After an error nothing more comes.
func Pages[Request pagedRequest, Response pagedResponse, Item any](
	ctx context.Context,
	call func(context.Context, Request, ...grpc.CallOption) (Response, error),
	request Request,
	items func(Response) []Item,
) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		// A copy: the caller's request stays as it is.
		asked := proto.Clone(request).(Request)
		page := asked.GetPage()
		if page == nil {
			page = &commonv1.PageRequest{}
			reflected := asked.ProtoReflect()
			field := reflected.Descriptor().Fields().ByName("page")
			reflected.Set(field, protoreflect.ValueOfMessage(page.ProtoReflect()))
		}
		if page.First == nil {
			page.First = proto.Uint32(pageSize)
		}
		for {
			response, err := call(ctx, asked)
			if err != nil {
				var none Item
				yield(none, err)
				return
			}
			for _, item := range items(response) {
				if !yield(item, nil) {
					return
				}
			}
			info := response.GetPageInfo()
			if !info.GetHasNextPage() {
				return
			}
			page.Cursor = info.EndCursor
		}
	}
}

const (
	feedBatch  = 1000
	feedWaitMs = 20_000
)

// Follow is the feed of events after a cursor, oldest first and without end, in batches of which
// none is empty. Keep a batch's NextCursor once its events are handled, and go on with it after a
// restart: then each event comes at least once. An empty cursor starts at the oldest event.
func Follow(ctx context.Context, events adminv1.EventServiceClient, cursor string) iter.Seq2[*adminv1.PullEventsResponse, error] {
	return func(yield func(*adminv1.PullEventsResponse, error) bool) {
		for {
			request := &adminv1.PullEventsRequest{Limit: feedBatch, WaitMs: feedWaitMs}
			if cursor != "" {
				request.Cursor = &cursor
			}
			batch, err := events.PullEvents(ctx, request)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(batch.Events) > 0 && !yield(batch, nil) {
				return
			}
			cursor = batch.NextCursor
		}
	}
}

// Newest is the cursor behind the newest event: following from it shows only what is still to come.
func Newest(ctx context.Context, events adminv1.EventServiceClient) (string, error) {
	batch, err := events.PullEvents(ctx, &adminv1.PullEventsRequest{Latest: true})
	if err != nil {
		return "", err
	}
	return batch.NextCursor, nil
}
