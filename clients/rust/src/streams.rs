use async_stream::try_stream;
use futures_core::Stream;
use tonic::{Response, Status};

use crate::node::Node;
use crate::rafiki::admin::v1::{PullEventsRequest, PullEventsResponse};
use crate::rafiki::common::v1::{PageInfo, PageRequest};

const PAGE_SIZE: u32 = 100;
const FEED_BATCH: u32 = 1000;
const FEED_WAIT_MS: u32 = 20_000;

/// Every item of a list in its order, one call a page. `items` takes a page apart:
///
/// ```ignore
/// pages(
///     |page| {
///         let mut assets = node.assets.clone();
///         async move { assets.list_assets(ListAssetsRequest { page: Some(page), tenant_id: None }).await }
///     },
///     |page: ListAssetsResponse| (page.assets, page.page_info),
/// )
/// ```
pub fn pages<Page, Item, Call, Answer, Items>(
    call: Call,
    items: Items,
) -> impl Stream<Item = Result<Item, Status>>
where
    Call: Fn(PageRequest) -> Answer,
    Answer: Future<Output = Result<Response<Page>, Status>>,
    Items: Fn(Page) -> (Vec<Item>, Option<PageInfo>),
{
    try_stream! {
        let mut cursor = None;
        loop {
            let page = PageRequest { cursor, first: Some(PAGE_SIZE), ..Default::default() };
            let (found, info) = items(call(page).await?.into_inner());
            for item in found {
                yield item;
            }
            let Some(info) = info.filter(|info| info.has_next_page) else { break };
            cursor = info.end_cursor;
        }
    }
}

/// The feed of events after a cursor, oldest first and without end, in batches of which none is
/// empty. Keep a batch's `next_cursor` once its events are handled, and go on with it after a
/// restart: then each event comes at least once. Without a cursor the oldest event comes first.
pub fn follow(
    node: &Node,
    cursor: Option<String>,
) -> impl Stream<Item = Result<PullEventsResponse, Status>> {
    let node = node.clone();
    try_stream! {
        let mut cursor = cursor;
        loop {
            let request = PullEventsRequest {
                cursor,
                limit: FEED_BATCH,
                wait_ms: FEED_WAIT_MS,
                ..Default::default()
            };
            let batch = node.events.clone().pull_events(request).await?.into_inner();
            cursor = Some(batch.next_cursor.clone());
            if !batch.events.is_empty() {
                yield batch;
            }
        }
    }
}

/// The cursor behind the newest event: following from it shows only what is still to come.
pub async fn newest(node: &Node) -> Result<String, Status> {
    let request = PullEventsRequest {
        latest: true,
        ..Default::default()
    };
    Ok(node
        .events
        .clone()
        .pull_events(request)
        .await?
        .into_inner()
        .next_cursor)
}
