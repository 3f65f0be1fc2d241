//! A line between two programs, to be cut, slowed down and mended: a TCP proxy on loopback.
//!
//! Invariants: bytes come in their order, whole, and once, or the connection ends, as TCP has it; what was taken from one
//! end while the line was slow or silent goes on when it is mended; the address stays the same as long as the line lives.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Bytes that are carried at once; a slow line carries pieces of a hundredth of a second, so that it is slow evenly.
const PIECE_BYTES_MAX: usize = 16 * 1024;

/// Pieces that are under way in one direction: beyond them a sender waits, as it would for a full window of TCP.
const PIECES_UNDER_WAY_MAX: usize = 64;

/// How a line is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nobody is told: nothing passes, established connections stay open, new ones are taken and hear nothing. A cable
    /// that was pulled, or a firewall that drops.
    Silent,
    /// Both ends are told: established connections are reset, and so is each new one at once.
    Reset,
}

/// What holds for all connections of the line, now.
#[derive(Debug, Clone, Copy, Default)]
struct Weather {
    cut: Option<Cut>,
    delay: Duration,
    bytes_per_second: Option<u64>,
}

/// A line to an address.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    target: Arc<RwLock<SocketAddr>>,
    weather: watch::Sender<Weather>,
    carried: Arc<AtomicU64>,
    /// `None` once it is dropped.
    worker: Option<Runtime>,
}

impl Line {
    /// Lays a line to `target`; both ends are on loopback.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let worker = builder.worker_threads(1).thread_name("line").enable_all().build();
        let worker = worker.expect("a runtime");
        let listener = worker
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("a free port on loopback");
        let address = listener.local_addr().expect("a listener has an address");
        let target = Arc::new(RwLock::new(target));
        let (weather, felt) = watch::channel(Weather::default());
        let carried = Arc::new(AtomicU64::new(0));
        let ways = Ways {
            felt,
            target: Arc::clone(&target),
            carried: Arc::clone(&carried),
            forward: Arc::default(),
            backward: Arc::default(),
        };
        worker.spawn(take(listener, ways));
        Self { address, target, weather, carried, worker: Some(worker) }
    }

    /// Where the line begins: connect here.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads new connections elsewhere: to a server that came back on another port.
    pub fn lead_to(&self, target: SocketAddr) {
        *self.target.write().unwrap_or_else(PoisonError::into_inner) = target;
    }

    /// Cuts the line.
    pub fn cut(&self, how: Cut) {
        self.weather.send_modify(|weather| weather.cut = Some(how));
    }

    /// Mends the cut; what was silent goes on where it stopped. Delay and rate stay.
    pub fn heal(&self) {
        self.weather.send_modify(|weather| weather.cut = None);
    }

    /// Lets each byte arrive this much later, in each direction.
    pub fn delay(&self, one_way: Duration) {
        self.weather.send_modify(|weather| weather.delay = one_way);
    }

    /// Carries at most so many bytes a second, all connections together, in each direction; `None`: as fast as it goes.
    ///
    /// # Panics
    /// When the rate is zero: that is a cut.
    pub fn throttle(&self, bytes_per_second: Option<u64>) {
        assert_ne!(bytes_per_second, Some(0), "a line that carries nothing is cut");
        self.weather.send_modify(|weather| weather.bytes_per_second = bytes_per_second);
    }

    /// Bytes that have arrived so far, in both directions together.
    #[must_use]
    pub fn carried(&self) -> u64 {
        self.carried.load(Ordering::Relaxed)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Whoever drops a line may stand in a runtime of its own, which must not wait.
        if let Some(worker) = self.worker.take() {
            worker.shutdown_background();
        }
    }
}

/// What the connections of a line share.
#[derive(Debug, Clone)]
struct Ways {
    felt: watch::Receiver<Weather>,
    target: Arc<RwLock<SocketAddr>>,
    carried: Arc<AtomicU64>,
    forward: Room,
    backward: Room,
}

/// When a direction has room for its next piece.
type Room = Arc<Mutex<Option<Instant>>>;

/// Takes connections for as long as the line lives.
async fn take(listener: TcpListener, ways: Ways) {
    let mut connections = JoinSet::new();
    loop {
        // An error is that of one connection, which is gone already.
        let Ok((near, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(near, ways.clone()));
    }
}

/// Carries one connection until both ends have closed it, one breaks, or the line is cut so that both are told.
async fn connection(mut near: TcpStream, ways: Ways) {
    let mut felt = ways.felt.clone();
    let mut far = None;
    let ended = tokio::select! {
        ended = carry(&mut near, &mut far, &ways) => ended,
        _ = felt.wait_for(|weather| weather.cut == Some(Cut::Reset)) => Err(io::ErrorKind::ConnectionReset.into()),
    };
    if ended.is_err() {
        // Both ends hear of it as of a broken connection, not as of its good end.
        for end in [Some(near), far].into_iter().flatten() {
            let _ = end.set_zero_linger();
        }
    }
}

async fn carry(near: &mut TcpStream, far: &mut Option<TcpStream>, ways: &Ways) -> io::Result<()> {
    is_open(&ways.felt).await;
    let target = *ways.target.read().unwrap_or_else(PoisonError::into_inner);
    let far = far.insert(TcpStream::connect(target).await?);
    // What a program has sent leaves at once, as it would without a line in between.
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let (mut near_reads, mut near_writes) = near.split();
    let (mut far_reads, mut far_writes) = far.split();
    tokio::try_join!(
        direction(&mut near_reads, &mut far_writes, ways, &ways.forward),
        direction(&mut far_reads, &mut near_writes, ways, &ways.backward),
    )?;
    Ok(())
}

/// Carries what comes at one end to the other, its end included.
async fn direction(
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
    ways: &Ways,
    room: &Room,
) -> io::Result<()> {
    let (pieces, under_way) = mpsc::channel(PIECES_UNDER_WAY_MAX);
    tokio::try_join!(leave(from, pieces, &ways.felt), arrive(under_way, to, ways, room))?;
    Ok(())
}

/// Takes pieces from one end; says of each when it may arrive.
async fn leave(
    from: &mut ReadHalf<'_>,
    pieces: mpsc::Sender<(Instant, Vec<u8>)>,
    felt: &watch::Receiver<Weather>,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE_BYTES_MAX];
    loop {
        let rate = felt.borrow().bytes_per_second.unwrap_or(u64::MAX);
        let most = usize::try_from(rate / 100).unwrap_or(usize::MAX).clamp(1, PIECE_BYTES_MAX);
        let length = from.read(&mut buffer[..most]).await?;
        let arrives = Instant::now() + felt.borrow().delay;
        if length == 0 || pieces.send((arrives, buffer[..length].to_vec())).await.is_err() {
            return Ok(());
        }
    }
}

/// Brings pieces to the other end, each when its time has come and the line is open.
async fn arrive(
    mut under_way: mpsc::Receiver<(Instant, Vec<u8>)>,
    to: &mut WriteHalf<'_>,
    ways: &Ways,
    room: &Room,
) -> io::Result<()> {
    while let Some((arrives, piece)) = under_way.recv().await {
        sleep_until(arrives).await;
        let rate = ways.felt.borrow().bytes_per_second;
        if let Some(rate) = rate {
            let mut free_at = room.lock().await;
            let starts = free_at.unwrap_or(arrives).max(Instant::now());
            let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            let ends =
                starts + Duration::from_secs(1) * length / u32::try_from(rate).unwrap_or(u32::MAX);
            *free_at = Some(ends);
            drop(free_at);
            sleep_until(ends).await;
        }
        is_open(&ways.felt).await;
        // Before they are there, so that whoever has heard them finds them counted.
        ways.carried.fetch_add(piece.len() as u64, Ordering::Relaxed);
        to.write_all(&piece).await?;
    }
    is_open(&ways.felt).await;
    to.shutdown().await
}

/// Waits until the line is not cut; at once when it is not.
async fn is_open(felt: &watch::Receiver<Weather>) {
    // An error: the line is gone, and this task with it.
    let _ = felt.clone().wait_for(|weather| weather.cut.is_none()).await;
}
