//! Retries, pages, the feed and errors, against a real server.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rafiki_client::rafiki::admin::v1::event_service_server::{EventService, EventServiceServer};
use rafiki_client::rafiki::admin::v1::{
    GetWebhookEventRequest, ListWebhookEventsRequest, ListWebhookEventsResponse, PullEventsRequest,
    PullEventsResponse, ReplayWebhookEventRequest, WebhookEvent,
};
use rafiki_client::rafiki::common::v1::PageInfo;
use rafiki_client::{Headers, Node, RafikiError, RetryPolicy, follow, newest, pages};
use tokio::net::TcpListener;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Endpoint, Server};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

const FAST: RetryPolicy = RetryPolicy {
    attempts: 4,
    first_wait: Duration::from_millis(1),
    max_wait: Duration::from_millis(2),
};

/// Answers like a node that is unavailable for some calls.
#[derive(Default)]
struct Events {
    unavailable: u32,
    calls: AtomicU32,
}

impl Events {
    fn attempt(&self) -> Result<u32, Status> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if call <= self.unavailable {
            Err(Status::unavailable("not now"))
        } else {
            Ok(call)
        }
    }
}

#[tonic::async_trait]
impl EventService for Events {
    async fn pull_events(
        &self,
        request: Request<PullEventsRequest>,
    ) -> Result<Response<PullEventsResponse>, Status> {
        let call = self.attempt()?;
        let at: u32 = request
            .into_inner()
            .cursor
            .unwrap_or_default()
            .parse()
            .unwrap_or(0);
        if call % 2 == 1 || at >= 3 {
            let empty = PullEventsResponse {
                next_cursor: at.to_string(),
                ..Default::default()
            };
            return Ok(Response::new(empty));
        }
        let event = WebhookEvent {
            id: at.to_string(),
            ..Default::default()
        };
        let next_cursor = (at + 1).to_string();
        Ok(Response::new(PullEventsResponse {
            events: vec![event],
            next_cursor,
            ..Default::default()
        }))
    }

    async fn list_webhook_events(
        &self,
        request: Request<ListWebhookEventsRequest>,
    ) -> Result<Response<ListWebhookEventsResponse>, Status> {
        let page = request.into_inner().page.unwrap_or_default();
        let number: u32 = page.cursor.unwrap_or_default().parse().unwrap_or(0);
        let ids = [2 * number, 2 * number + 1];
        Ok(Response::new(ListWebhookEventsResponse {
            events: ids
                .map(|id| WebhookEvent {
                    id: id.to_string(),
                    ..Default::default()
                })
                .to_vec(),
            page_info: Some(PageInfo {
                end_cursor: Some((number + 1).to_string()),
                has_next_page: number < 2,
                ..Default::default()
            }),
        }))
    }

    async fn get_webhook_event(
        &self,
        request: Request<GetWebhookEventRequest>,
    ) -> Result<Response<WebhookEvent>, Status> {
        let team = request
            .metadata()
            .get("x-team")
            .and_then(|value| value.to_str().ok());
        if team != Some("payments") {
            return Err(Status::unauthenticated("no header"));
        }
        let id = request.into_inner().id;
        if id == "none" {
            let metadata = HashMap::from([("id".to_owned(), id)]);
            let mut details = ErrorDetails::with_error_info("UNKNOWN_EVENT", "rafiki", metadata);
            details.add_bad_request_violation("id", "unknown");
            return Err(Status::with_error_details(
                Code::NotFound,
                "no such event",
                details,
            ));
        }
        self.attempt()?;
        Ok(Response::new(WebhookEvent {
            id,
            ..Default::default()
        }))
    }

    async fn replay_webhook_event(
        &self,
        _: Request<ReplayWebhookEventRequest>,
    ) -> Result<Response<WebhookEvent>, Status> {
        Err(Status::unimplemented("not asked for"))
    }
}

async fn start(unavailable: u32) -> Node {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let events = Events {
        unavailable,
        ..Default::default()
    };
    let server = Server::builder().add_service(EventServiceServer::new(events));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).expect("a URL");
    let headers = Headers::new().with("x-team", "payments").expect("a header");
    Node::over(endpoint, headers)
}

async fn event(node: &Node, id: &str) -> Result<WebhookEvent, Status> {
    let request = GetWebhookEventRequest {
        id: id.to_owned(),
        ..Default::default()
    };
    FAST.run(|| {
        let (mut events, request) = (node.events.clone(), request.clone());
        async move { events.get_webhook_event(request).await }
    })
    .await
}

#[tokio::test]
async fn a_call_without_an_answer_is_repeated() {
    assert_eq!(
        event(&start(3).await, "1").await.expect("an answer").id,
        "1"
    );
}

#[tokio::test]
async fn attempts_end() {
    let status = event(&start(4).await, "1").await.expect_err("no answer");
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let node = start(0).await;
    let mut all = pin!(pages(
        |page| {
            let mut events = node.events.clone();
            let request = ListWebhookEventsRequest {
                page: Some(page),
                ..Default::default()
            };
            async move { events.list_webhook_events(request).await }
        },
        |page: ListWebhookEventsResponse| (page.events, page.page_info),
    ));
    let mut ids = Vec::new();
    while let Some(event) = all.try_next().await.expect("a page") {
        ids.push(event.id);
    }
    assert_eq!(ids, ["0", "1", "2", "3", "4", "5"]);
}

#[tokio::test]
async fn the_feed_goes_on_from_its_cursor_and_shows_no_empty_batch() {
    let node = start(0).await;
    let mut feed = pin!(follow(&node, None));
    for id in ["0", "1", "2"] {
        let batch = feed.try_next().await.expect("a batch").expect("no end");
        assert_eq!(batch.events[0].id, id);
    }
}

#[tokio::test]
async fn newest_is_behind_all_that_was() {
    assert_eq!(newest(&start(0).await).await.expect("a cursor"), "0");
}

#[tokio::test]
async fn an_error_says_its_reason() {
    let status = event(&start(0).await, "none")
        .await
        .expect_err("it is refused");
    let error = RafikiError::from(&status);
    assert_eq!(error.code, Code::NotFound);
    assert_eq!(error.reason.as_deref(), Some("UNKNOWN_EVENT"));
    assert_eq!(error.field.as_deref(), Some("id"));
    assert_eq!(error.metadata["id"], "none");
}
