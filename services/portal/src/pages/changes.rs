//! What has happened to a case since somebody looked at it, for whoever wrote about an older version.
//!
//! Invariant: everything that came since is told, or that there is more.

use maud::{Markup, html};

use super::case::model::{Event, Timeline};
use crate::api::segment;
use crate::ui::{Tone, notice};
use crate::visit::Visit;

/// Events that are asked for at once: what the API gives.
const AT_ONCE: &str = "200";

/// Most questions: nobody reads a thousand lines before he sends a form again.
const QUESTIONS_MAX: usize = 5;

/// What has happened since a version.
pub(crate) async fn since(visit: &Visit, case_id: &str, version: u64) -> Markup {
    let (events, is_whole) = read(visit, case_id, version).await;
    let mut visit = visit.clone();
    let actors = events.iter().filter(|one| !one.is_of_the_house());
    visit.meet(actors.map(|one| one.actor.as_str())).await;
    told(&visit, &events, is_whole)
}

async fn read(visit: &Visit, case_id: &str, version: u64) -> (Vec<Event>, bool) {
    let path = format!("/v1/cases/{}/timeline", segment(case_id));
    let (mut events, mut cursor) = (Vec::new(), None::<String>);
    let after = version.to_string();
    for _ in 0..QUESTIONS_MAX {
        let place = cursor.as_deref().map_or(("after", after.as_str()), |place| ("cursor", place));
        let Ok(page) = visit.api().get::<Timeline>(&path, &[("limit", AT_ONCE), place]).await
        else {
            return (events, false);
        };
        events.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return (events, true);
        }
    }
    (events, false)
}

fn told(visit: &Visit, events: &[Event], is_whole: bool) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    let list = html! {
        ul.list {
            @for event in events {
                li {
                    (event.sentence.text(lang)) " "
                    span.soft.small {
                        (lang.moment_near(&event.time, &now))
                        @if !event.is_of_the_house() { " " (visit.known_people.name(&event.actor)) }
                    }
                }
            }
        }
        @if !is_whole { p.soft.small { (lang.text("act-changed-more")) } }
    };
    notice(Tone::Amber, &lang.text("act-changed"), &list)
}

#[cfg(test)]
mod tests {
    use proto_events::codes::Role;
    use serde_json::json;

    use super::*;
    use crate::lang::Lang;
    use crate::people::tests::people;
    use crate::visit::tests::visit;

    #[test]
    fn every_change_is_told_by_whom_and_a_list_that_is_not_whole_says_so() {
        let events: Vec<Event> = serde_json::from_value(json!([
            { "sequence": 7, "time": "2026-03-04T09:00:00+08:00", "actor": "yang.li", "role": "handler",
              "sentence": { "zh": "已签收", "en": "Signed for" } },
            { "sequence": 9, "time": "2026-03-04T09:30:00+08:00", "actor": "routing", "role": "system",
              "sentence": { "zh": "自动转办", "en": "Handed on" } },
        ]))
        .unwrap();
        let mut visit = visit(Lang::Chinese, Role::Handler);
        visit.known_people = people(json!([{ "username": "yang.li", "name": "样例" }])).into();
        let whole = told(&visit, &events, true).into_string();
        assert!(whole.contains("已签收") && whole.contains("样例"), "{whole}");
        assert!(whole.contains("自动转办") && !whole.contains("routing"), "{whole}");
        let more = Lang::Chinese.text("act-changed-more");
        assert!(!whole.contains(&more), "{whole}");
        assert!(told(&visit, &events, false).into_string().contains(&more));
    }
}
