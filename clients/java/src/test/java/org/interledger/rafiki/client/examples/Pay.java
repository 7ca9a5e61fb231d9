package org.interledger.rafiki.client.examples;

import org.interledger.rafiki.admin.v1.CompleteReceiverRequest;
import org.interledger.rafiki.admin.v1.CreateOutgoingPaymentRequest;
import org.interledger.rafiki.admin.v1.CreateQuoteRequest;
import org.interledger.rafiki.admin.v1.CreateReceiverRequest;
import org.interledger.rafiki.admin.v1.GetOutgoingPaymentRequest;
import org.interledger.rafiki.admin.v1.ListWalletAddressesRequest;
import org.interledger.rafiki.admin.v1.ListWalletAddressesResponse;
import org.interledger.rafiki.admin.v1.OutgoingPayment;
import org.interledger.rafiki.admin.v1.OutgoingPaymentState;
import org.interledger.rafiki.admin.v1.PullEventsResponse;
import org.interledger.rafiki.admin.v1.Quote;
import org.interledger.rafiki.admin.v1.Receiver;
import org.interledger.rafiki.admin.v1.WalletAddress;
import org.interledger.rafiki.admin.v1.WebhookEvent;
import org.interledger.rafiki.client.Feed;
import org.interledger.rafiki.client.Node;
import org.interledger.rafiki.client.Pages;
import org.interledger.rafiki.common.v1.Amount;

/**
 * Pays from a wallet address of the node to one at any bank, and watches the payment to its end.
 *
 * <pre>mvn -q exec:java -Dexec.args="127.0.0.1:3001 http://127.0.0.1:3000/alice
 * http://127.0.0.1:3100/carla 500"</pre>
 *
 * <p>The last argument is the amount to send, in units of the sender's asset (500 is 5.00 USD).
 */
public final class Pay {

  private Pay() {}

  public static void main(String[] arguments) {
    OutgoingPayment payment;
    try (Node node = Node.connect(arguments[0])) {
      payment = pay(node, arguments[1], arguments[2], Long.parseUnsignedLong(arguments[3]));
    }
    Amount sent = payment.getSentAmount();
    System.out.printf(
        "%s %s: sent %s %s (scale %d)%n",
        payment.getId(),
        payment.getState(),
        Long.toUnsignedString(sent.getValue()),
        sent.getAssetCode(),
        sent.getAssetScale());
    if (payment.getState() != OutgoingPaymentState.OUTGOING_PAYMENT_STATE_COMPLETED) {
      throw new IllegalStateException("the payment did not complete");
    }
  }

  /** The node's wallet address with a URL; getWalletAddressByUrl finds it in one call. */
  private static WalletAddress walletAddress(Node node, String url) {
    Iterable<WalletAddress> all =
        Pages.of(
            page ->
                node.walletAddresses()
                    .listWalletAddresses(
                        ListWalletAddressesRequest.newBuilder().setPage(page).build()),
            ListWalletAddressesResponse::getWalletAddressesList,
            ListWalletAddressesResponse::getPageInfo);
    for (WalletAddress wallet : all) {
      if (wallet.getAddress().equals(url)) {
        return wallet;
      }
    }
    throw new IllegalArgumentException(url + " is no wallet address of this node");
  }

  private static OutgoingPayment pay(Node node, String sender, String receiver, long units) {
    WalletAddress wallet = walletAddress(node, sender);
    Receiver incoming =
        node.payments()
            .createReceiver(CreateReceiverRequest.newBuilder().setWalletAddressUrl(receiver).build());
    Amount debit =
        Amount.newBuilder()
            .setValue(units)
            .setAssetCode(wallet.getAsset().getCode())
            .setAssetScale(wallet.getAsset().getScale())
            .build();
    Quote quote =
        node.payments()
            .createQuote(
                CreateQuoteRequest.newBuilder()
                    .setWalletAddressId(wallet.getId())
                    .setReceiver(incoming.getId())
                    .setDebitAmount(debit)
                    .build());
    String cursor = Feed.newest(node.events());
    OutgoingPayment created =
        node.payments()
            .createOutgoingPayment(
                CreateOutgoingPaymentRequest.newBuilder()
                    .setWalletAddressId(wallet.getId())
                    .setQuoteId(quote.getId())
                    .build());
    OutgoingPayment payment = watch(node, created.getId(), cursor);
    // Nothing more is to come, so that the receiver's bank may book what came.
    node.payments()
        .completeReceiver(CompleteReceiverRequest.newBuilder().setUrl(incoming.getId()).build());
    return payment;
  }

  /** Prints each event of a payment until it has ended. */
  private static OutgoingPayment watch(Node node, String id, String cursor) {
    for (PullEventsResponse batch : Feed.follow(node.events(), cursor)) {
      for (WebhookEvent event : batch.getEventsList()) {
        if (event.getData().getFieldsMap().containsKey("id")
            && event.getData().getFieldsOrThrow("id").getStringValue().equals(id)) {
          System.out.println(event.getType());
        }
      }
      OutgoingPayment payment =
          node.payments()
              .getOutgoingPayment(GetOutgoingPaymentRequest.newBuilder().setId(id).build());
      switch (payment.getState()) {
        case OUTGOING_PAYMENT_STATE_COMPLETED,
            OUTGOING_PAYMENT_STATE_FAILED,
            OUTGOING_PAYMENT_STATE_CANCELLED -> {
          return payment;
        }
        default -> {
          // It goes on.
        }
      }
    }
    throw new AssertionError("the feed has no end");
  }
}
