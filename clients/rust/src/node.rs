use std::time::Duration;

use tonic::metadata::{Ascii, MetadataKey, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::rafiki::admin::v1::asset_service_client::AssetServiceClient;
use crate::rafiki::admin::v1::event_service_client::EventServiceClient;
use crate::rafiki::admin::v1::liquidity_service_client::LiquidityServiceClient;
use crate::rafiki::admin::v1::payment_service_client::PaymentServiceClient;
use crate::rafiki::admin::v1::peer_service_client::PeerServiceClient;
use crate::rafiki::admin::v1::reconciliation_service_client::ReconciliationServiceClient;
use crate::rafiki::admin::v1::tenant_service_client::TenantServiceClient;
use crate::rafiki::admin::v1::unknown_packet_service_client::UnknownPacketServiceClient;
use crate::rafiki::admin::v1::wallet_address_admin_service_client::WalletAddressAdminServiceClient;
use crate::rafiki::grant::v1::grant_admin_service_client::GrantAdminServiceClient;
use crate::rafiki::ledger::v1::ledger_service_client::LedgerServiceClient;
use crate::rafiki::routing::v1::routing_service_client::RoutingServiceClient;

/// The node's own limit, either way.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longer than the ten seconds that the node wants between two pings.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
const DEADLINE: Duration = Duration::from_secs(30);

/// Headers sent with each call, such as `authorization` for a gateway.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<(MetadataKey<Ascii>, MetadataValue<Ascii>)>);

impl Headers {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more; an error when it is no header.
    pub fn with(
        mut self,
        name: &str,
        value: &str,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        self.0.push((name.parse()?, value.parse()?));
        Ok(self)
    }
}

impl Interceptor for Headers {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (name, value) in &self.0 {
            request.metadata_mut().insert(name, value.clone());
        }
        Ok(request)
    }
}

/// What a client's calls go through.
pub type Service = InterceptedService<Channel, Headers>;

/// The services of one node by name. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Node {
    pub assets: AssetServiceClient<Service>,
    pub events: EventServiceClient<Service>,
    pub grants: GrantAdminServiceClient<Service>,
    pub ledger: LedgerServiceClient<Service>,
    pub liquidity: LiquidityServiceClient<Service>,
    pub payments: PaymentServiceClient<Service>,
    pub peers: PeerServiceClient<Service>,
    pub reconciliation: ReconciliationServiceClient<Service>,
    pub routing: RoutingServiceClient<Service>,
    pub tenants: TenantServiceClient<Service>,
    pub unknown_packets: UnknownPacketServiceClient<Service>,
    pub wallet_addresses: WalletAddressAdminServiceClient<Service>,
}

/// A generated client with the node's limits.
macro_rules! client {
    ($client:ident, $channel:expr, $headers:expr) => {
        $client::with_interceptor($channel.clone(), $headers.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    };
}

impl Node {
    /// The node at the URL of its operator listener, such as `http://127.0.0.1:3001` or
    /// `https://...`. The connection opens with the first call.
    pub fn connect(url: &str) -> Result<Self, tonic::transport::Error> {
        Ok(Self::over(
            Endpoint::from_shared(url.to_owned())?,
            Headers::new(),
        ))
    }

    /// The same with an endpoint of one's own, such as one with a client's certificate.
    pub fn over(endpoint: Endpoint, headers: Headers) -> Self {
        let channel = endpoint
            .timeout(DEADLINE)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .connect_lazy();
        Self {
            assets: client!(AssetServiceClient, channel, headers),
            events: client!(EventServiceClient, channel, headers),
            grants: client!(GrantAdminServiceClient, channel, headers),
            ledger: client!(LedgerServiceClient, channel, headers),
            liquidity: client!(LiquidityServiceClient, channel, headers),
            payments: client!(PaymentServiceClient, channel, headers),
            peers: client!(PeerServiceClient, channel, headers),
            reconciliation: client!(ReconciliationServiceClient, channel, headers),
            routing: client!(RoutingServiceClient, channel, headers),
            tenants: client!(TenantServiceClient, channel, headers),
            unknown_packets: client!(UnknownPacketServiceClient, channel, headers),
            wallet_addresses: client!(WalletAddressAdminServiceClient, channel, headers),
        }
    }
}
