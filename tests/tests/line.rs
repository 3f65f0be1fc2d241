//! The line of the harness: what it does to two programs is what a cut, slow or mended line would do.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use unstuck_tests::Line;
use unstuck_tests::line::Cut;

/// How long something must not happen before it is said that it does not.
const SILENCE: Duration = Duration::from_millis(300);

/// A program that says back what it hears, on every connection.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for mut heard in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut said = heard.try_clone().expect("a connection has two ends");
                // A line that breaks is what these tests are about.
                let _ = std::io::copy(&mut heard, &mut said);
                let _ = said.shutdown(std::net::Shutdown::Write);
            });
        }
    });
    address
}

fn connected(line: &Line) -> TcpStream {
    TcpStream::connect(line.address()).expect("a line takes connections")
}

fn hears(stream: &mut TcpStream, expected: &[u8]) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut heard = vec![0; expected.len()];
    stream.read_exact(&mut heard).expect("the line carries");
    assert!(heard == expected, "other bytes came back");
}

fn hears_nothing(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(SILENCE)).expect("a timeout");
    let error = stream.read(&mut [0]).expect_err("nothing comes");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_silent_cut_lets_nothing_pass_and_mended_it_goes_on_where_it_stopped() {
    let line = Line::to(echo());
    let mut stream = connected(&line);
    stream.write_all(b"one").expect("it is taken");
    hears(&mut stream, b"one");
    line.cut(Cut::Silent);
    stream.write_all(b"two").expect("it is taken");
    hears_nothing(&mut stream);
    // A new connection is taken, and hears nothing either.
    let mut another = connected(&line);
    another.write_all(b"three").expect("it is taken");
    hears_nothing(&mut another);
    line.heal();
    hears(&mut stream, b"two");
    hears(&mut another, b"three");
    assert_eq!(line.carried(), 2 * (3 + 3 + 5));
}

#[test]
fn a_cut_that_is_told_resets_what_stands_and_what_comes() {
    let line = Line::to(echo());
    let mut stream = connected(&line);
    stream.write_all(b"one").expect("it is taken");
    hears(&mut stream, b"one");
    line.cut(Cut::Reset);
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let error = stream.read(&mut [0]).expect_err("it is broken");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let mut another = connected(&line);
    another.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let error = another.read(&mut [0]).expect_err("it is broken");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    line.heal();
    let mut again = connected(&line);
    again.write_all(b"two").expect("it is taken");
    hears(&mut again, b"two");
}

#[test]
fn a_slow_line_takes_its_time_and_loses_nothing() {
    let line = Line::to(echo());
    let mut stream = connected(&line);
    line.delay(Duration::from_millis(100));
    let started = Instant::now();
    stream.write_all(b"there and back").expect("it is taken");
    hears(&mut stream, b"there and back");
    assert!(started.elapsed() >= Duration::from_millis(200), "{:?}", started.elapsed());
    // As much as the rate carries in half a second; what is delayed does not wait for what is before it.
    line.delay(Duration::ZERO);
    line.throttle(Some(200_000));
    let much: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    let started = Instant::now();
    let mut writer = stream.try_clone().expect("a connection has two ends");
    let sent = much.clone();
    let writing = thread::spawn(move || writer.write_all(&sent));
    hears(&mut stream, &much);
    writing.join().expect("it wrote").expect("it is taken");
    assert!(started.elapsed() >= Duration::from_millis(490), "{:?}", started.elapsed());
    line.throttle(None);
    let started = Instant::now();
    stream.write_all(&much[..50_000]).expect("it is taken");
    hears(&mut stream, &much[..50_000]);
    assert!(started.elapsed() < Duration::from_millis(490), "{:?}", started.elapsed());
}

#[test]
fn the_end_of_what_one_says_reaches_the_other_and_a_line_can_lead_elsewhere() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let line = Line::to(gone.local_addr().expect("an address"));
    drop(gone);
    let mut refused = connected(&line);
    refused.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let error = refused.read(&mut [0]).expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    line.lead_to(echo());
    let mut stream = connected(&line);
    stream.write_all(b"the last word").expect("it is taken");
    stream.shutdown(std::net::Shutdown::Write).expect("it ends");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).expect("it ends well");
    assert_eq!(heard, b"the last word");
}
