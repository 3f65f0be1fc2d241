//! Every parser over mutations of what is right and over arbitrary bytes, for a bounded time.
//!
//! `UNSTUCK_SEED` asks other questions, `UNSTUCK_FUZZ_SECONDS` goes on for longer; a failure prints its seed and its bytes.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use proptest::test_runner::{RngAlgorithm, TestRng};
use unstuck_parsers::{TARGETS, Target};

/// How long all targets take together.
const SECONDS: u64 = 10;

/// The longest input of arbitrary bytes.
const BYTES_MAX: usize = 400;

/// Most mutations, one upon the other.
const MUTATIONS_MAX: usize = 4;

/// The longest run of bytes that one mutation cuts, repeats or brings from another sample, and one more.
const SPAN_MAX: usize = 24;

/// The seed, unless `UNSTUCK_SEED` says otherwise.
const SEED: u64 = 1;

/// Draws numbers.
struct Draws(TestRng);

impl Draws {
    fn of(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
    }

    /// A number below `limit`, which is not zero.
    fn below(&mut self, limit: usize) -> usize {
        use proptest::prelude::Rng as _;
        usize::try_from(self.0.next_u64() % limit as u64).expect("it is below a usize")
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("it is below 256")
    }
}

#[test]
fn every_parser_understands_its_samples() {
    for target in TARGETS {
        for sample in (target.samples)() {
            assert!((target.run)(&sample), "{}: {}", target.name, String::from_utf8_lossy(&sample));
        }
    }
}

#[test]
fn no_parser_breaks_on_any_bytes_and_what_is_written_is_read() {
    let seed = setting("UNSTUCK_SEED", SEED);
    let seconds = setting("UNSTUCK_FUZZ_SECONDS", SECONDS);
    println!("UNSTUCK_SEED={seed} UNSTUCK_FUZZ_SECONDS={seconds}");
    let share = Duration::from_secs(seconds) / u32::try_from(TARGETS.len()).expect("few targets");
    for target in TARGETS {
        let (inputs, understood) = drive(target, seed, share);
        println!("{}: {inputs} inputs, {understood} understood", target.name);
        assert!(understood > 0, "{} was never near what is right", target.name);
    }
}

/// Runs one target for a while; gives how many inputs it had and how many it understood.
fn drive(target: &Target, seed: u64, share: Duration) -> (u64, u64) {
    let mut draws = Draws::of(seed);
    let samples = (target.samples)();
    let (mut inputs, mut understood) = (0, 0);
    let end = Instant::now() + share;
    while Instant::now() < end {
        let input = match draws.below(4) {
            0 => arbitrary(&mut draws),
            _ => mutated(&mut draws, &samples),
        };
        let run = catch_unwind(AssertUnwindSafe(|| (target.run)(&input)));
        let run = run.unwrap_or_else(|panic| {
            eprintln!(
                "UNSTUCK_SEED={seed} {}: {:?}",
                target.name,
                input.escape_ascii().to_string()
            );
            resume_unwind(panic)
        });
        inputs += 1;
        understood += u64::from(run);
    }
    (inputs, understood)
}

fn arbitrary(draws: &mut Draws) -> Vec<u8> {
    let length = draws.below(BYTES_MAX + 1);
    (0..length).map(|_| draws.byte()).collect()
}

/// A sample, changed a few times.
fn mutated(draws: &mut Draws, samples: &[Vec<u8>]) -> Vec<u8> {
    if samples.is_empty() {
        return arbitrary(draws);
    }
    let mut bytes = samples[draws.below(samples.len())].clone();
    for _ in 0..=draws.below(MUTATIONS_MAX) {
        let other = &samples[draws.below(samples.len())];
        mutate(draws, &mut bytes, other);
    }
    bytes
}

fn mutate(draws: &mut Draws, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = draws.below(bytes.len() + 1);
    let until = at + draws.below((bytes.len() - at + 1).min(SPAN_MAX));
    match draws.below(6) {
        0 if at < bytes.len() => bytes[at] ^= 1 << draws.below(8),
        1 if at < bytes.len() => bytes[at] = draws.byte(),
        2 => drop(bytes.drain(at..until)),
        3 => {
            let repeated = bytes[at..until].to_vec();
            bytes.splice(at..at, repeated);
        }
        4 => {
            let from = draws.below(other.len() + 1);
            let to = from + draws.below((other.len() - from + 1).min(SPAN_MAX));
            bytes.splice(at..until, other[from..to].iter().copied());
        }
        // Among bytes that parsers look at.
        _ => bytes.insert(at, b"\"\\{}[],:.-_*0189eE+% \n\0\xff\xe9"[draws.below(25)]),
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().expect("a whole number"))
}
