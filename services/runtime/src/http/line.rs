//! A line to a caller that is cut when the caller takes nothing for a while.
//!
//! Somebody who asks and never reads would hold a socket, what the system keeps for it and, with a live feed, a place,
//! for ever. Invariant: a line on which something goes through at least once in [`SILENCE_MAX`] is never cut.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a caller may take nothing of what is written for him: a page is drawn and a lost packet sent again in less.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A listener whose lines are cut.
#[derive(Debug)]
pub(super) struct Cutting<L> {
    listener: L,
    silence_max: Duration,
}

impl<L> Cutting<L> {
    /// Cuts lines on which nothing goes out for `silence_max`.
    pub(super) fn new(listener: L, silence_max: Duration) -> Self {
        Self { listener, silence_max }
    }
}

impl<L: Listener> Listener for Cutting<L> {
    type Io = Line<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (io, address) = self.listener.accept().await;
        (Line { io, silence_max: self.silence_max, silence: None }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A line.
#[derive(Debug)]
pub(super) struct Line<T> {
    io: T,
    silence_max: Duration,
    /// Runs while something waits to go out.
    silence: Option<Pin<Box<Sleep>>>,
}

impl<T> Line<T> {
    /// Passes on what came of writing; an error once nothing went out for too long.
    fn judged<V>(
        &mut self,
        context: &mut Context<'_>,
        outcome: Poll<io::Result<V>>,
    ) -> Poll<io::Result<V>> {
        if outcome.is_ready() {
            self.silence = None;
            return outcome;
        }
        let silence_max = self.silence_max;
        let silence = self.silence.get_or_insert_with(|| {
            Box::pin(tokio::time::sleep_until(Instant::now() + silence_max))
        });
        ready!(silence.as_mut().poll(context));
        tracing::debug!(seconds = silence_max.as_secs(), "a caller takes nothing; the line is cut");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Line<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Line<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write(context, bytes);
        self.judged(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write_vectored(context, parts);
        self.judged(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    fn line() -> (Line<DuplexStream>, DuplexStream) {
        let (io, caller) = duplex(64);
        (Line { io, silence_max: SILENCE_MAX, silence: None }, caller)
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_takes_nothing_is_cut_after_the_silence() {
        let (mut line, _caller) = line();
        let started = Instant::now();
        let error = line.write_all(&[7; 1000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= SILENCE_MAX && started.elapsed() < SILENCE_MAX * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_is_slow_but_takes_something_is_not() {
        let (mut line, mut caller) = line();
        let reading = tokio::spawn(async move {
            let mut taken = 0;
            while taken < 1000 {
                tokio::time::sleep(SILENCE_MAX - Duration::from_secs(1)).await;
                taken += caller.read(&mut [0; 10]).await.unwrap();
            }
            taken
        });
        line.write_all(&[7; 1000]).await.unwrap();
        assert_eq!(reading.await.unwrap(), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_on_which_nothing_is_said_stays() {
        let (mut line, mut caller) = line();
        tokio::time::sleep(SILENCE_MAX * 100).await;
        line.write_all(b"still there").await.unwrap();
        let mut text = [0; 11];
        caller.read_exact(&mut text).await.unwrap();
        assert_eq!(&text, b"still there");
    }
}
