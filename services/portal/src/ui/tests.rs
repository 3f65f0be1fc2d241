//! What stands around every page, and the colours that it stands in.

mod contrast;

use maud::html;
use proto_events::codes::Role;

use super::figures::percent;
use super::surroundings::nav_of;
use super::{Figure, Shown, Tone, facts, figure_tile, next_page, notice, quote, tag};
use crate::lang::Lang;

fn figure(shown: Shown, value: Option<f64>, numerator: u64, denominator: u64) -> Figure<'static> {
    Figure {
        name: "按时办结率",
        definition: "口径。",
        shown,
        value,
        numerator,
        denominator,
        interval: None,
        href: Some("/figures/on_time".to_owned()),
        is_alarm: false,
    }
}

#[test]
fn a_figure_without_a_count_is_said_to_be_missing_and_is_not_zero() {
    let tile = figure_tile(Lang::Chinese, &figure(Shown::Share, None, 0, 0)).into_string();
    assert!(tile.contains("暂无数据") && !tile.contains("0.0%"), "{tile}");
}

#[test]
fn a_share_stands_beside_its_counts_and_of_few_it_is_said() {
    let tile = figure_tile(Lang::Chinese, &figure(Shown::Share, Some(0.875), 7, 8)).into_string();
    for part in ["87.5%", "7 / 8", "样本少", "href=\"/figures/on_time\""] {
        assert!(tile.contains(part), "{part}: {tile}");
    }
}

#[test]
fn an_alarm_is_said_only_when_there_is_something() {
    let alarm = |value| {
        let figure = Figure { is_alarm: true, ..figure(Shown::Count, Some(value), 0, 1) };
        figure_tile(Lang::English, &figure).into_string().contains("figure-late")
    };
    assert!(alarm(3.0) && !alarm(0.0));
}

#[test]
fn what_is_not_all_is_never_written_as_all() {
    for (share, written) in
        [(1.0, "100%"), (0.9999, "99.9%"), (0.0004, "<0.1%"), (0.0, "0.0%"), (0.934, "93.4%")]
    {
        assert_eq!(percent(share), written);
    }
}

#[test]
fn words_from_outside_are_escaped_in_every_piece() {
    let bad = "<script>alert(1)</script>";
    let rendered = html! {
        (tag(Tone::Red, bad)) (quote(bad)) (notice(Tone::Amber, bad, &html! { (bad) }))
        (facts(&[(bad, Some(html! { (bad) })), ("none", None)]))
        (next_page(Lang::English, 3, Some("/cases?q=\"><script>"), None))
    }
    .into_string();
    assert!(!rendered.contains("<script>"), "{rendered}");
    assert!(!rendered.contains("none"), "{rendered}");
}

#[test]
fn every_role_but_the_system_has_a_place_to_begin() {
    for role in [
        Role::Clerk,
        Role::Director,
        Role::Handler,
        Role::DepartmentLead,
        Role::Coordinator,
        Role::Callback,
        Role::PrivacyOfficer,
        Role::Auditor,
        Role::Admin,
    ] {
        assert!(!nav_of(role).is_empty(), "{role:?}");
    }
}
