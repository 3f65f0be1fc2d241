//! Serving on a socket until the house shuts down.
//!
//! Invariants: after the word to stop no new connection is taken, and requests under way get
//! [`DRAIN_TIME_MAX`] to finish; a caller who takes nothing of his answer for half a minute is cut, and one whose head of a
//! request is not whole in `HEAD_TIME_MAX`.
//!
//! The loop is our own, because that of `axum` sets no time for a head. What cannot be read as HTTP/1.1 is answered by
//! `hyper`, with an empty 400, 414 or 431 and none of our headers, or is cut: there is no request yet that a layer of ours
//! could see.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::serve::{Listener as _, ListenerExt as _};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::line::{Cutting, SILENCE_MAX};

/// How long requests under way may take after the word to stop.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a caller may take for the head of a request, and how long a line may stand on which nothing is asked: longer
/// than the minute for which common proxies keep one, so that none asks on a line that is just being cut.
const HEAD_TIME_MAX: Duration = Duration::from_secs(65);

/// The other end of the line that a request came on: a visitor, or the proxy before the house. In the extensions of a
/// request, as `ConnectInfo<Peer>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Serves `router` on `listener` until `shutdown`, then drains.
///
/// Live streams never end by themselves: their handlers should end them on the same token, else they are
/// cut after [`DRAIN_TIME_MAX`].
///
/// # Errors
/// Never: a listener that gives no line for a moment is asked again.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> io::Result<()> {
    serve_within(listener, router, shutdown, HEAD_TIME_MAX).await
}

async fn serve_within(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    head_time_max: Duration,
) -> io::Result<()> {
    // Answers are small and somebody waits for each: never hold one back to fill a packet.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
    });
    let mut listener = Cutting::new(listener, SILENCE_MAX);
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(head_time_max);
    let lines = TaskTracker::new();
    let dropped = CancellationToken::new();
    while let Some((io, address)) = shutdown.run_until_cancelled(listener.accept()).await {
        let line = Line { peer: Peer(address.ip()), router: router.clone() };
        let served = line.serve(io, protocol.clone(), shutdown.clone());
        let dropped = dropped.clone();
        lines.spawn(async move { dropped.run_until_cancelled(served).await });
    }
    drop(listener);
    lines.close();
    if tokio::time::timeout(DRAIN_TIME_MAX, lines.wait()).await.is_err() {
        tracing::warn!(
            seconds = DRAIN_TIME_MAX.as_secs(),
            "requests were still under way when the time to drain was over; they are cut"
        );
        dropped.cancel();
    }
    Ok(())
}

/// A connection.
struct Line {
    peer: Peer,
    router: Router,
}

impl Line {
    async fn serve(
        self,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        protocol: http1::Builder,
        shutdown: CancellationToken,
    ) {
        let Self { peer, router } = self;
        let service = service_fn(move |request: axum::http::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let mut connection = std::pin::pin!(protocol.serve_connection(TokioIo::new(io), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            // Whoever goes away in the middle is no event, and who writes no HTTP is answered already.
            tracing::debug!(error = &error as &dyn std::error::Error, "a line has ended");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::time::Instant;

    use super::*;

    /// Short enough for a test, long enough for a machine that is busy.
    const HEAD_TIME: Duration = Duration::from_millis(500);

    async fn house() -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<io::Result<()>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let slow = || async {
            tokio::time::sleep(HEAD_TIME * 2).await;
            "slow"
        };
        let router = Router::new().route("/", get("here")).route("/slow", get(slow));
        let serving = serve_within(listener, router, shutdown.clone(), HEAD_TIME);
        (address, shutdown, tokio::spawn(serving))
    }

    async fn rest(mut line: TcpStream) -> String {
        let mut text = String::new();
        let reading = line.read_to_string(&mut text);
        tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap().unwrap();
        text
    }

    #[tokio::test]
    async fn a_head_that_comes_too_slowly_is_cut_however_steadily_it_drips() {
        let (address, _shutdown, _serving) = house().await;
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(b"GET / HTTP/1.1\r\nhost: desk.example\r\n").await.unwrap();
        let started = Instant::now();
        let dripping = async {
            while line.write_all(b"a: b\r\n").await.is_ok() {
                assert!(started.elapsed() < Duration::from_secs(20), "it is never cut");
                tokio::time::sleep(HEAD_TIME / 20).await;
            }
        };
        dripping.await;
        assert!(started.elapsed() >= HEAD_TIME);
    }

    #[tokio::test]
    async fn a_line_that_says_nothing_is_cut_and_a_slow_answer_is_not() {
        let (address, _shutdown, _serving) = house().await;
        assert_eq!(rest(TcpStream::connect(address).await.unwrap()).await, "");
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(b"GET /slow HTTP/1.1\r\nhost: desk.example\r\n\r\n").await.unwrap();
        assert!(rest(line).await.ends_with("slow"));
    }

    #[tokio::test]
    async fn what_is_under_way_at_the_end_is_finished_and_nothing_more_is_taken() {
        let (address, shutdown, serving) = house().await;
        let mut line = TcpStream::connect(address).await.unwrap();
        let two = "GET /slow HTTP/1.1\r\nhost: desk.example\r\n\r\n";
        line.write_all(two.as_bytes()).await.unwrap();
        // It has been taken once the one behind it is answered.
        let mut other = TcpStream::connect(address).await.unwrap();
        other.write_all(b"GET / HTTP/1.1\r\nhost: desk.example\r\n\r\n").await.unwrap();
        other.readable().await.unwrap();
        shutdown.cancel();
        assert!(rest(line).await.ends_with("slow"));
        serving.await.unwrap().unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[tokio::test]
    async fn what_is_no_http_is_answered_without_a_handler() {
        let (address, _shutdown, _serving) = house().await;
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(b"\x16\x03\x01 hello\r\n\r\n").await.unwrap();
        assert!(rest(line).await.starts_with("HTTP/1.1 400 "));
        let mut line = TcpStream::connect(address).await.unwrap();
        let headers: String = (0..200).map(|n| format!("x-{n}: y\r\n")).collect();
        let head = format!("GET / HTTP/1.1\r\nhost: desk.example\r\n{headers}\r\n");
        line.write_all(head.as_bytes()).await.unwrap();
        assert!(rest(line).await.starts_with("HTTP/1.1 431 "));
    }
}
