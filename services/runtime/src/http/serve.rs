//! Serving on a socket until the house shuts down.
//!
//! Invariants: after the word to stop no new connection is taken, and requests under way get
//! [`DRAIN_TIME_MAX`] to finish; a caller who takes nothing of his answer for half a minute is cut.

use std::future::{Future, IntoFuture as _};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener, ListenerExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::line::{Cutting, SILENCE_MAX};

/// How long requests under way may take after the word to stop.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);

/// The other end of the line that a request came on: a visitor, or the proxy before the house. In the extensions of a
/// request, as `ConnectInfo<Peer>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl<L> Connected<IncomingStream<'_, Cutting<L>>> for Peer
where
    L: Listener<Addr = SocketAddr>,
{
    fn connect_info(stream: IncomingStream<'_, Cutting<L>>) -> Self {
        Self(stream.remote_addr().ip())
    }
}

/// Serves `router` on `listener` until `shutdown`, then drains.
///
/// Live streams never end by themselves: their handlers should end them on the same token, else they are
/// cut after [`DRAIN_TIME_MAX`].
///
/// # Errors
/// When the listener breaks.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> io::Result<()> {
    // Answers are small and somebody waits for each: never hold one back to fill a packet.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
    });
    let service = router.into_make_service_with_connect_info::<Peer>();
    let server = axum::serve(Cutting::new(listener, SILENCE_MAX), service)
        .with_graceful_shutdown(shutdown.clone().cancelled_owned())
        .into_future();
    until_drained(server, shutdown).await
}

async fn until_drained(
    server: impl Future<Output = io::Result<()>>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let deadline = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN_TIME_MAX).await;
    };
    tokio::select! {
        outcome = server => outcome,
        () = deadline => {
            tracing::warn!(
                seconds = DRAIN_TIME_MAX.as_secs(),
                "requests were still under way when the time to drain was over; they are cut"
            );
            Ok(())
        }
    }
}
