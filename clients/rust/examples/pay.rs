//! Pays from a wallet address of the node to one at any bank, and watches the payment to its end.
//!
//!     cargo run --example pay -- 127.0.0.1:3001 http://127.0.0.1:3000/alice \
//!         http://127.0.0.1:3100/carla 500
//!
//! The last argument is the amount to send, in units of the sender's asset (500 is 5.00 USD).

use std::pin::pin;

use prost_types::value::Kind;
use rafiki_client::rafiki::admin::v1::{
    CompleteReceiverRequest, CreateOutgoingPaymentRequest, CreateQuoteRequest,
    CreateReceiverRequest, GetOutgoingPaymentRequest, ListWalletAddressesRequest,
    ListWalletAddressesResponse, OutgoingPayment, OutgoingPaymentState, WalletAddress,
    WebhookEvent,
};
use rafiki_client::rafiki::common::v1::Amount;
use rafiki_client::{Node, RetryPolicy, follow, new_key, newest, pages};
use tokio_stream::StreamExt;

type Error = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, sender, receiver, units] = arguments.as_slice() else {
        return Err(
            "usage: pay <operator host:port> <sender's URL> <receiver's URL> <units>".into(),
        );
    };
    let node = Node::connect(&format!("http://{target}"))?;
    let payment = pay(&node, sender, receiver, units.parse()?).await?;
    let sent = payment.sent_amount.clone().unwrap_or_default();
    println!(
        "{} {}: sent {} {} (scale {})",
        payment.id,
        payment.state().as_str_name(),
        sent.value,
        sent.asset_code,
        sent.asset_scale
    );
    match payment.state() {
        OutgoingPaymentState::Completed => Ok(()),
        _ => Err("the payment did not complete".into()),
    }
}

/// The node's wallet address with a URL; `get_wallet_address_by_url` finds it in one call.
async fn wallet_address(node: &Node, url: &str) -> Result<WalletAddress, Error> {
    let mut all = pin!(pages(
        |page| {
            let mut wallets = node.wallet_addresses.clone();
            let request = ListWalletAddressesRequest {
                page: Some(page),
                ..Default::default()
            };
            async move { wallets.list_wallet_addresses(request).await }
        },
        |page: ListWalletAddressesResponse| (page.wallet_addresses, page.page_info),
    ));
    while let Some(wallet) = all.try_next().await? {
        if wallet.address == url {
            return Ok(wallet);
        }
    }
    Err(format!("{url} is no wallet address of this node").into())
}

async fn pay(
    node: &Node,
    sender: &str,
    receiver: &str,
    units: u64,
) -> Result<OutgoingPayment, Error> {
    let retries = RetryPolicy::default();
    let wallet = wallet_address(node, sender).await?;
    let asset = wallet.asset.clone().unwrap_or_default();
    let request = CreateReceiverRequest {
        wallet_address_url: receiver.to_owned(),
        idempotency_key: new_key(),
        ..Default::default()
    };
    let incoming = retries
        .run(|| {
            let (mut payments, request) = (node.payments.clone(), request.clone());
            async move { payments.create_receiver(request).await }
        })
        .await?;
    let request = CreateQuoteRequest {
        wallet_address_id: wallet.id.clone(),
        receiver: incoming.id.clone(),
        debit_amount: Some(Amount {
            value: units,
            asset_code: asset.code,
            asset_scale: asset.scale,
        }),
        idempotency_key: new_key(),
        ..Default::default()
    };
    let quote = retries
        .run(|| {
            let (mut payments, request) = (node.payments.clone(), request.clone());
            async move { payments.create_quote(request).await }
        })
        .await?;
    let cursor = newest(node).await?;
    let request = CreateOutgoingPaymentRequest {
        wallet_address_id: wallet.id,
        quote_id: quote.id,
        idempotency_key: new_key(),
        ..Default::default()
    };
    let created = retries
        .run(|| {
            let (mut payments, request) = (node.payments.clone(), request.clone());
            async move { payments.create_outgoing_payment(request).await }
        })
        .await?;
    let payment = watch(node, &created.id, cursor).await?;
    // Nothing more is to come, so that the receiver's bank may book what came.
    let request = CompleteReceiverRequest {
        url: incoming.id,
        idempotency_key: new_key(),
        ..Default::default()
    };
    node.payments.clone().complete_receiver(request).await?;
    Ok(payment)
}

/// Prints each event of a payment until it has ended.
async fn watch(node: &Node, id: &str, cursor: String) -> Result<OutgoingPayment, Error> {
    let mut feed = pin!(follow(node, Some(cursor)));
    while let Some(batch) = feed.try_next().await? {
        for event in batch
            .events
            .iter()
            .filter(|event| subject(event) == Some(id))
        {
            println!("{}", event.r#type);
        }
        let request = GetOutgoingPaymentRequest {
            id: id.to_owned(),
            ..Default::default()
        };
        let payment = node
            .payments
            .clone()
            .get_outgoing_payment(request)
            .await?
            .into_inner();
        match payment.state() {
            OutgoingPaymentState::Completed
            | OutgoingPaymentState::Failed
            | OutgoingPaymentState::Cancelled => return Ok(payment),
            _ => {}
        }
    }
    unreachable!("the feed has no end")
}

/// The id of what an event is about.
fn subject(event: &WebhookEvent) -> Option<&str> {
    match event.data.as_ref()?.fields.get("id")?.kind.as_ref()? {
        Kind::StringValue(id) => Some(id),
        _ => None,
    }
}
