//! What is drawn, and what never is.

use super::scale::Scale;
use super::{Bars, Lines, Point, Series};
use crate::lang::Lang;

fn months(count: usize) -> Vec<String> {
    (1..=count).map(|month| format!("{month}月")).collect()
}

fn lines(points: Vec<Option<Point>>) -> Lines {
    Lines {
        name: "三率".to_owned(),
        head: "月份".to_owned(),
        columns: months(points.len()),
        series: vec![Series { name: "响应率".to_owned(), points }],
    }
}

const fn point(numerator: u64, denominator: u64) -> Option<Point> {
    Some(Point { numerator, denominator })
}

#[test]
fn a_month_without_a_number_is_a_gap_and_not_a_zero() {
    let drawn = lines(vec![point(9, 10), None, point(10, 10)]).draw(Lang::Chinese).into_string();
    let path = drawn.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(path.matches('M').count(), 2, "{path}");
    assert!(!path.contains('L'), "{path}");
    assert!(drawn.contains("<td class=\"num\">–</td>"), "{drawn}");
}

#[test]
fn a_share_of_nothing_is_a_gap() {
    let drawn = lines(vec![point(0, 0)]).draw(Lang::Chinese).into_string();
    assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
}

#[test]
fn a_share_of_few_has_a_hollow_mark() {
    let drawn = lines(vec![point(4, 9), point(10, 10)]).draw(Lang::Chinese).into_string();
    assert_eq!(drawn.matches("mark-hollow").count(), 1);
}

#[test]
fn the_table_says_every_number_with_its_n() {
    let drawn = lines(vec![point(9, 12)]).draw(Lang::English).into_string();
    assert!(drawn.contains("75.0%") && drawn.contains("9/12"), "{drawn}");
}

#[test]
fn a_name_from_outside_is_escaped() {
    let bars = Bars {
        name: "<script>alert(1)</script>".to_owned(),
        head: String::new(),
        columns: vec!["<b>".to_owned()],
        counts: vec![Some(3)],
    };
    let drawn = bars.draw(Lang::English).into_string();
    assert!(!drawn.contains("<script>") && !drawn.contains("<b>"), "{drawn}");
}

#[test]
fn nothing_at_all_is_drawn_without_a_panic() {
    let bars = |counts: Vec<Option<u64>>| Bars {
        name: String::new(),
        head: String::new(),
        columns: months(counts.len()),
        counts,
    };
    for counts in [vec![], vec![None], vec![Some(0)], vec![Some(u64::MAX), None]] {
        let drawn = bars(counts).draw(Lang::Chinese).into_string();
        assert!(!drawn.contains("NaN"), "{drawn}");
    }
}

#[test]
fn ticks_are_round_and_reach_above_the_greatest() {
    for (most, greatest) in [(0, 1.0), (1, 1.0), (7, 8.0), (43, 60.0), (1999, 2000.0)] {
        let ticks = Scale::of_counts(most).ticks();
        assert_eq!(ticks.last().copied(), Some(greatest), "{most}: {ticks:?}");
        assert!((2..=7).contains(&ticks.len()), "{most}: {ticks:?}");
    }
    let ticks = Scale::of_shares([0.93, 0.71].into_iter()).ticks();
    assert!((ticks[0] - 0.6).abs() < 1e-9 && ticks.len() == 5, "{ticks:?}");
    assert_eq!(Scale::of_shares([].into_iter()).ticks().len(), 3);
}
