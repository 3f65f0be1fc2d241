//! When: the promise in words with its computation, and what happened when.

use maud::{Markup, html};

use super::Told;
use super::model::{At, Case, Clock, Clocks, Event};
use crate::ui::{Tone, moment, tag};
use crate::visit::Visit;

/// How far a due instant is, by the days that the house counted for one of its clocks; nothing when none fits.
pub(super) fn in_words(visit: &Visit, due: &At, clocks: Option<&Clocks>) -> Option<String> {
    let clock = clocks?.items.iter().find(|clock| clock.due_at == *due)?;
    Some(words(visit, clock))
}

fn words(visit: &Visit, clock: &Clock) -> String {
    let (lang, now) = (visit.lang, visit.now());
    let today = now.date_naive();
    match clock.state.as_str() {
        "paused" => lang.text("state-paused"),
        "stopped" => clock.state_label.text(lang).to_owned(),
        _ if clock.overdue_working_days > 0 => {
            lang.with("deadline-late", &[("days", &clock.overdue_working_days)])
        }
        _ if now > clock.due_at => lang.text("deadline-late-today"),
        _ if clock.due_at.date_naive() == today => {
            lang.with("deadline-today", &[("hour", &lang.hour(&clock.due_at))])
        }
        _ => {
            let left = clock.counted.days.iter().filter(|day| day.date > today && !day.paused);
            lang.with("deadline-left", &[("days", &left.count())])
        }
    }
}

/// The promise, and on demand why it is that day.
pub(super) fn deadline(visit: &Visit, case: &Case, clocks: Option<&Clocks>) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    let handling = clocks.and_then(|all| all.items.iter().find(|one| one.clock == "handling"));
    let is_late = case.rest.flags.overdue;
    html! {
        section.card.stack aria-labelledby="case-deadline" {
            h2.card-title id="case-deadline" { (lang.text("case-deadline")) }
            p {
                @if let Some(clock) = handling {
                    span class=(if is_late { "deadline deadline-late" } else { "deadline" }) { (words(visit, clock)) }
                    br;
                }
                span.deadline-at { (moment(lang, &case.due_at, &now)) }
            }
            @if case.rest.original_due_at.is_some_and(|first| first != case.due_at) {
                p.soft.small {
                    (lang.text("case-first-promise")) " "
                    @if let Some(first) = &case.rest.original_due_at { (moment(lang, first, &now)) }
                }
            }
            @if case.rest.flags.provisional_due { p.soft.small { (lang.text("case-provisional")) } }
            @if let Some(pause) = &case.rest.pause {
                p.small {
                    (tag(Tone::Amber, &lang.text("state-paused"))) " "
                    (pause.label.text(lang)) " · " (lang.text("case-paused-since")) " " (moment(lang, &pause.since, &now))
                    " · " (lang.with("case-by", &[("at", &lang.moment_near(&pause.until, &now))]))
                }
            }
            @if let Some(extension) = &case.rest.extension {
                p.soft.small {
                    (lang.with("case-extended", &[("days", &extension.working_days)])) " · " (extension.reason)
                }
            }
            @if let Some(clocks) = clocks {
                details {
                    summary { (lang.text("case-why")) }
                    div.stack { @for clock in &clocks.items { (computation(visit, clock)) } }
                }
            }
        }
    }
}

/// Why a clock is due when it is: a sentence, and the days that it passed over.
fn computation(visit: &Visit, clock: &Clock) -> Markup {
    let lang = visit.lang;
    let make_ups: Vec<String> =
        clock.counted.days.iter().filter(|day| day.make_up).map(|day| lang.day(day.date)).collect();
    let offs: Vec<String> = clock
        .skipped
        .days
        .iter()
        .map(|off| format!("{} {}", lang.day(off.date), off.name.text(lang)))
        .collect();
    html! {
        div {
            p.small { strong { (clock.label.text(lang)) } " · " (clock.state_label.text(lang)) }
            p.small { (clock.sentence.text(lang)) }
            @if !offs.is_empty() { p.small.soft { (lang.with("case-days-off", &[("days", &offs.join(&lang.text("list-comma")))])) } }
            @if !make_ups.is_empty() {
                p.small.soft { (lang.with("case-make-up", &[("days", &make_ups.join(&lang.text("list-comma")))])) }
            }
            @if !clock.calendar.is_empty() { p.small.soft { (lang.text("case-calendar")) " " (clock.calendar) } }
        }
    }
}

/// What happened, the newest first.
pub(super) fn history(visit: &Visit, told: &Told) -> Markup {
    let lang = visit.lang;
    html! {
        section.card.stack aria-labelledby="case-history" {
            h2.card-title id="case-history" { (lang.text("case-history")) }
            @match &told.timeline {
                None => p.soft { (lang.text("case-history-away")) },
                Some(timeline) => {
                    ol.timeline { @for event in timeline.items.iter().rev() { (line(visit, event)) } }
                    @if timeline.next_cursor.is_some() { p.soft.small { (lang.text("case-history-cut")) } }
                }
            }
        }
    }
}

fn line(visit: &Visit, event: &Event) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    // `cn.unstuck.case.escalated.v1`
    let is_late = event.kind.split('.').any(|part| part == "escalated");
    html! {
        li.timeline-late[is_late] id={ "event-" (event.sequence) } {
            p { (event.sentence.text(lang)) }
            p {
                (moment(lang, &event.time, &now))
                span.who {
                    " · " (visit.known_names.label(lang, "role", &event.role))
                    @if !event.is_of_the_house() { " " (visit.known_people.name(&event.actor)) }
                }
            }
        }
    }
}
