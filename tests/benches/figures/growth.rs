//! What more cases cost: a small district and the large one run beside each other and are asked in turns.

use std::time::Duration;

use crate::arguments::Arguments;
use crate::commands::{Desk, open_one_by_one};
use crate::district::{CLERK, CLOCK_START, COORDINATOR, Copy, HANDLER, settled};
use crate::http::Caller;
use crate::load::{Spread, one_by_one};
use crate::places::{Product, managed_bus};
use crate::queries::{Asked, millis};
use crate::table::{Bound, Figure};

/// Requests of one side of a round.
const OPENINGS: u32 = 20;
const LISTS: usize = 200;
const OVERVIEWS: usize = 3;

/// How long each answer took, of the large and of the small district.
type Round = (Vec<Duration>, Vec<Duration>);

/// Asks the large district, which runs, and a small one in turns.
pub(crate) async fn measure(
    large: &Asked<'_>,
    large_desk: &Desk,
    arguments: &Arguments,
) -> anyhow::Result<Vec<Figure>> {
    let copy = Copy::of(arguments.small).await?;
    let product = Product::up(&copy.data(), CLOCK_START)?;
    let context = managed_bus(&copy.data()).await?;
    settled(&context, &product).await?;
    let coordinator = Caller::sign_in(product.address, COORDINATOR).await?;
    let clerk = Caller::sign_in(product.address, CLERK).await?;
    let handler = Caller::sign_in(product.address, HANDLER).await?;
    let small = Asked::of(&product, coordinator.clone(), &context).await?;
    let small_desk = Desk::new(clerk, handler, coordinator, context);

    let mut rounds: [Vec<Round>; 3] = Default::default();
    for round in 0..=arguments.rounds {
        let of_round = [
            (
                open_one_by_one(large_desk, OPENINGS).await?,
                open_one_by_one(&small_desk, OPENINGS).await?,
            ),
            (
                // Others each time: an answer may be kept for a moment.
                asked(large, large.lists(LISTS, round as u64)).await?,
                asked(&small, small.lists(LISTS, round as u64)).await?,
            ),
            (
                asked(large, large.overviews("", OVERVIEWS)).await?,
                asked(&small, small.overviews("", OVERVIEWS)).await?,
            ),
        ];
        // The first round warms up.
        for (all, one) in rounds.iter_mut().zip(of_round).filter(|_| round > 0) {
            all.push(one);
        }
    }
    product.stop()?;
    let names = ["POST /v1/cases", "a filtered list", "overview of a year"];
    let figure = |(name, rounds): (&str, &Vec<Round>)| {
        let p50 = |took: &[Duration]| millis(took, 500);
        let middle = |values: Vec<f64>| Spread::of(values).median;
        let of_large = middle(rounds.iter().map(|(large, _)| p50(large)).collect());
        let of_small = middle(rounds.iter().map(|(_, small)| p50(small)).collect());
        Figure::ratio(
            format!("growth from {} to {} cases: {name}, p50", arguments.small, arguments.cases),
            format!("{of_large:.2} ms"),
            format!("{of_small:.2} ms"),
            Spread::of(rounds.iter().map(|(large, small)| p50(large) / p50(small))),
            Bound::Watched,
        )
        .with(&[("large_ms", of_large), ("small_ms", of_small)])
    };
    Ok(names.into_iter().zip(&rounds).map(figure).collect())
}

async fn asked(of: &Asked<'_>, requests: Vec<Vec<u8>>) -> anyhow::Result<Vec<Duration>> {
    one_by_one(of.product.address, &requests).await
}
