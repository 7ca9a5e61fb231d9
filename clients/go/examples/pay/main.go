// Pays from a wallet address of the node to one at any bank, and watches the payment to its end.
//
//	go run ./examples/pay 127.0.0.1:3001 http://127.0.0.1:3000/alice http://127.0.0.1:3100/carla 500
//
// The last argument is the amount to send, in units of the sender's asset (500 is 5.00 USD).
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"

	rafiki "github.com/interledger/rafiki/clients/go"
	adminv1 "github.com/interledger/rafiki/clients/go/admin/v1"
	commonv1 "github.com/interledger/rafiki/clients/go/common/v1"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("usage: pay <operator host:port> <sender's URL> <receiver's URL> <units>")
	}
	units, err := strconv.ParseUint(os.Args[4], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	node, err := rafiki.Connect(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer node.Close()
	payment, err := pay(context.Background(), node, os.Args[2], os.Args[3], units)
	if err != nil {
		log.Fatal(err)
	}
	sent := payment.SentAmount
	fmt.Printf("%s %s: sent %d %s (scale %d)\n", payment.Id, payment.State, sent.Value, sent.AssetCode, sent.AssetScale)
	if payment.State != adminv1.OutgoingPaymentState_OUTGOING_PAYMENT_STATE_COMPLETED {
		os.Exit(1)
	}
}

// walletAddress finds one by its URL; GetWalletAddressByUrl does it in one call.
func walletAddress(ctx context.Context, node *rafiki.Node, url string) (*adminv1.WalletAddress, error) {
	all := rafiki.Pages(ctx, node.WalletAddresses.ListWalletAddresses,
		&adminv1.ListWalletAddressesRequest{}, (*adminv1.ListWalletAddressesResponse).GetWalletAddresses)
	for wallet, err := range all {
		if err != nil || wallet.Address == url {
			return wallet, err
		}
	}
	return nil, fmt.Errorf("%s is no wallet address of this node", url)
}

func pay(ctx context.Context, node *rafiki.Node, sender, receiver string, units uint64) (*adminv1.OutgoingPayment, error) {
	wallet, err := walletAddress(ctx, node, sender)
	if err != nil {
		return nil, err
	}
	incoming, err := node.Payments.CreateReceiver(ctx, &adminv1.CreateReceiverRequest{WalletAddressUrl: receiver})
	if err != nil {
		return nil, err
	}
	quote, err := node.Payments.CreateQuote(ctx, &adminv1.CreateQuoteRequest{
		WalletAddressId: wallet.Id,
		Receiver:        incoming.Id,
		DebitAmount:     &commonv1.Amount{Value: units, AssetCode: wallet.Asset.Code, AssetScale: wallet.Asset.Scale},
	})
	if err != nil {
		return nil, err
	}
	cursor, err := rafiki.Newest(ctx, node.Events)
	if err != nil {
		return nil, err
	}
	created, err := node.Payments.CreateOutgoingPayment(ctx, &adminv1.CreateOutgoingPaymentRequest{
		WalletAddressId: wallet.Id, QuoteId: quote.Id,
	})
	if err != nil {
		return nil, err
	}
	payment, err := watch(ctx, node, created.Id, cursor)
	if err != nil {
		return nil, err
	}
	// Nothing more is to come, so that the receiver's bank may book what came.
	_, err = node.Payments.CompleteReceiver(ctx, &adminv1.CompleteReceiverRequest{Url: incoming.Id})
	return payment, err
}

// watch prints each event of a payment until it has ended.
func watch(ctx context.Context, node *rafiki.Node, id, cursor string) (*adminv1.OutgoingPayment, error) {
	for batch, err := range rafiki.Follow(ctx, node.Events, cursor) {
		if err != nil {
			return nil, err
		}
		for _, event := range batch.Events {
			if event.Data.Fields["id"].GetStringValue() == id {
				fmt.Println(event.Type)
			}
		}
		payment, err := node.Payments.GetOutgoingPayment(ctx, &adminv1.GetOutgoingPaymentRequest{Id: id})
		if err != nil {
			return nil, err
		}
		switch payment.State {
		case adminv1.OutgoingPaymentState_OUTGOING_PAYMENT_STATE_COMPLETED,
			adminv1.OutgoingPaymentState_OUTGOING_PAYMENT_STATE_FAILED,
			adminv1.OutgoingPaymentState_OUTGOING_PAYMENT_STATE_CANCELLED:
			return payment, nil
		}
	}
	panic("the feed has no end")
}
