//! The form of an opening: six things that must be said, and the rest with a sensible beginning.

use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::DRAFT;
use crate::api::Failure;
use crate::form::{Choice, Faults, Field, Form, Sending, Typed, id_of, narrow};
use crate::visit::Visit;

/// The notice about personal data that clerks read out; its text is `counter-notice`.
const NOTICE_VERSION: &str = "2026-01";

/// What a new form begins with.
const BEGINNING: [(&str, &str); 5] = [
    ("channel", "window"),
    ("complexity", "simple"),
    ("attempts_before", "0"),
    ("applicant.kind", "person"),
    ("notice.mode", "oral"),
];

/// What must be said: the name of the control, and the text when it is not.
const WANTED: [(&str, &str); 6] = [
    ("matter", "counter-matter-missing"),
    ("demand", "counter-demand-missing"),
    ("cause", "counter-cause-missing"),
    ("blocked_stage", "counter-stage-missing"),
    ("applicant.name", "counter-name-missing"),
    ("applicant.phone", "counter-phone-missing"),
];

/// Most characters of a demand and of a summary, as the API takes them.
const WORDS_CHARS_MAX: u32 = 2000;

/// What an opening led to.
#[derive(Deserialize)]
pub(super) struct Opened {
    pub(super) case_id: String,
    pub(super) version: u64,
}

/// A form before anything was typed.
pub(super) fn beginning() -> Typed {
    Typed::of(BEGINNING)
}

/// The whole form.
pub(super) fn fields(visit: &Visit, form: &Form<'_>) -> Markup {
    let lang = visit.lang;
    let sending = Sending { action: "/counter", draft: Some(DRAFT), ..Sending::default() };
    form.around(visit, &sending, html! {
        // Enter in a line sends nothing: a name that an input method was about to finish is no registration.
        button type="submit" disabled hidden {}
        (matter(visit, form))
        (demand(visit, form))
        (causes(visit, form))
        (chips(visit, form, "blocked_stage", "counter-stage", "blocked_stage"))
        div.form-row {
            (line(visit, form, "applicant.name", "counter-name", "text", 60))
            (line(visit, form, "applicant.phone", "counter-phone", "tel", 30))
        }
        details open[has_more(form.typed, form.faults)] {
            summary { (lang.text("counter-more")) }
            div.form { (more(visit, form)) }
        }
        p.soft { (lang.text("counter-notice")) }
        div.buttons.buttons-at-hand {
            button.button type="submit" data-key="Ctrl+Enter" { (lang.text("counter-send")) " " kbd { "Ctrl+Enter" } }
            // With script it is found while typing.
            noscript {
                button.button.button-plain type="submit" name="_look" value="1" { (lang.text("counter-look")) }
            }
        }
    })
}

fn matter(visit: &Visit, form: &Form<'_>) -> Markup {
    let (label, hint) = (visit.lang.text("counter-matter"), visit.lang.text("counter-matter-hint"));
    let field = Field::new("matter", &label).hint(&hint);
    let is_faulty = form.faults.get("matter").is_some();
    form.field(&field, html! {
        input id=(id_of("matter")) name="matter" type="text" required maxlength="100" autocomplete="off"
            autofocus[form.faults.is_empty()] value=(form.typed.get("matter"))
            role="combobox" aria-autocomplete="list" aria-expanded="false" aria-controls="matter-list"
            aria-describedby=(if is_faulty { "f-matter-hint f-matter-fault" } else { "f-matter-hint" })
            aria-invalid=[is_faulty.then_some("true")] data-key="F2"
            data-suggest="/counter/matters" data-suggest-into="#matter-list";
        div.suggestion-list id="matter-list" role="listbox" aria-label=(label) {}
    })
}

fn demand(visit: &Visit, form: &Form<'_>) -> Markup {
    let (label, hint) = (visit.lang.text("counter-demand"), visit.lang.text("counter-demand-hint"));
    let field = Field::new("demand", &label).hint(&hint);
    let is_faulty = form.faults.get("demand").is_some();
    form.field(&field, html! {
        textarea id=(id_of("demand")) name="demand" rows="3" required maxlength=(WORDS_CHARS_MAX)
            aria-describedby=(if is_faulty { "f-demand-hint f-demand-fault" } else { "f-demand-hint" })
            aria-invalid=[is_faulty.then_some("true")]
            data-suggest="/counter/similar" data-suggest-into="#similar" data-suggest-with="matter" data-suggest-min="4" {
            (form.typed.get("demand"))
        }
    })
}

/// Why it is stuck: the category is enough, the cause itself is better.
fn causes(visit: &Visit, form: &Form<'_>) -> Markup {
    let label = visit.lang.text("counter-cause");
    let (names, lang) = (&visit.known_names, visit.lang);
    let field = Field::new("cause", &label);
    let chosen = form.typed.get("cause");
    form.group(&field, html! {
        div.chips {
            @for (place, code) in names.codes("cause_category").iter().enumerate() {
                label.chip {
                    input type="radio" name="cause" value=(code.code) required
                        id=[(place == 0).then(|| id_of("cause"))] checked[chosen == code.code];
                    span { (code.label(lang)) }
                }
            }
        }
        details open[chosen.len() > 1] {
            summary { (lang.text("counter-cause-exact")) }
            div.stack {
                @for category in names.codes("cause_category") {
                    div.chips {
                        @for code in names.codes("cause").iter().filter(|code| code.code.len() > 1 && code.code.starts_with(&category.code)) {
                            label.chip {
                                input type="radio" name="cause" value=(code.code) checked[chosen == code.code];
                                span { (code.code) " " (code.label(lang)) }
                            }
                        }
                    }
                }
            }
        }
    })
}

/// What usually stays as it begins.
fn more(visit: &Visit, form: &Form<'_>) -> Markup {
    let lang = visit.lang;
    let text = |key| lang.text(key);
    let (attempts, summary) = (text("counter-attempts"), text("counter-summary"));
    let (summary_hint, care) = (text("counter-summary-hint"), text("counter-care"));
    html! {
        (chips(visit, form, "channel", "counter-channel", "channel"))
        (chips(visit, form, "complexity", "counter-complexity", "complexity"))
        (form.line(Field::new("attempts_before", &attempts).kind("number").short()))
        (form.area(Field::new("summary", &summary).hint(&summary_hint).optional().chars_max(WORDS_CHARS_MAX)))
        (chips(visit, form, "applicant.kind", "counter-kind", "applicant_kind"))
        div.form-row {
            (optional(visit, form, "applicant.id_number", "counter-id-number", 18))
            (optional(visit, form, "applicant.address", "counter-address", 200))
        }
        (form.many_chips(Field::new("applicant.care", &care).optional(), &choices(visit, "care")))
        (chips(visit, form, "notice.mode", "counter-notice-mode", "mode"))
    }
}

fn chips(visit: &Visit, form: &Form<'_>, name: &str, label: &str, list: &str) -> Markup {
    let label = visit.lang.text(label);
    form.chips(Field::new(name, &label), &choices(visit, list))
}

fn line(
    visit: &Visit,
    form: &Form<'_>,
    name: &str,
    label: &str,
    kind: &str,
    chars_max: u32,
) -> Markup {
    let label = visit.lang.text(label);
    form.line(Field::new(name, &label).kind(kind).chars_max(chars_max))
}

fn optional(visit: &Visit, form: &Form<'_>, name: &str, label: &str, chars_max: u32) -> Markup {
    let label = visit.lang.text(label);
    form.line(Field::new(name, &label).optional().chars_max(chars_max))
}

/// The codes of a list as choices.
pub(crate) fn choices(visit: &Visit, list: &str) -> Vec<Choice> {
    let codes = visit.known_names.codes(list).iter();
    codes.map(|code| Choice::new(code.code.as_str(), code.label(visit.lang))).collect()
}

/// Whether something stands behind the fold that must be seen.
fn has_more(typed: &Typed, faults: &Faults) -> bool {
    let is_wanted = |name: &str| WANTED.iter().any(|(wanted, _)| *wanted == name);
    let is_changed =
        BEGINNING.iter().any(|(name, value)| typed.some(name).is_some_and(|typed| typed != *value));
    let is_filled = ["summary", "applicant.id_number", "applicant.address", "applicant.care"]
        .iter()
        .any(|name| typed.some(name).is_some());
    is_changed || is_filled || faults.each().any(|(name, _)| !is_wanted(name))
}

/// What can be seen without asking the house.
pub(super) fn check(visit: &Visit, typed: &Typed) -> Faults {
    let mut faults = Faults::none();
    for (name, missing) in WANTED {
        if typed.some(name).is_none() {
            faults.add(name, &visit.lang.text(missing));
        }
    }
    if typed.some("attempts_before").is_some() && typed.number::<u32>("attempts_before").is_none() {
        faults.add("attempts_before", &visit.lang.text("counter-attempts-wrong"));
    }
    faults
}

/// What the house found wrong, at the controls of this form.
pub(super) fn faults_of(visit: &Visit, failure: &Failure) -> Faults {
    let found = Faults::of(failure, visit.lang);
    match failure.code() {
        "idempotency_mismatch" => {
            let mut faults = Faults::none();
            faults.add_whole(visit.lang.text("counter-sent-already"));
            faults
        }
        _ => found.renamed(&[("matter.name", "matter")]),
    }
}

/// The case that is open already for the same person and matter.
pub(super) fn twin_of(failure: &Failure) -> Option<(&str, &str)> {
    let extra = &failure.problem().filter(|problem| problem.code == "duplicate_case")?.extra;
    Some((extra.get("case_id")?.as_str()?, extra.get("case_no")?.as_str()?))
}

/// Sends it.
pub(super) async fn send(visit: &Visit, center: &str, typed: &Typed) -> Result<Opened, Failure> {
    let body = body_of(center, typed);
    visit.api().post("/v1/cases", &body, typed.key()).await
}

fn body_of(center: &str, typed: &Typed) -> Value {
    let value = |name: &str| {
        let beginning = BEGINNING.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        typed.some(name).or(beginning).unwrap_or_default().to_owned()
    };
    let mut applicant = Map::new();
    applicant.insert("kind".to_owned(), value("applicant.kind").into());
    applicant.insert("name".to_owned(), value("applicant.name").into());
    applicant.insert("phone".to_owned(), narrow(&value("applicant.phone")).into());
    for name in ["id_number", "address"] {
        if let Some(text) = typed.some(&format!("applicant.{name}")) {
            let text = if name == "id_number" { narrow(text) } else { text.to_owned() };
            applicant.insert(name.to_owned(), text.into());
        }
    }
    applicant.insert("care".to_owned(), typed.all("applicant.care").into());
    json!({
        "center": center,
        "channel": value("channel"),
        "matter": { "name": value("matter") },
        "blocked_stage": value("blocked_stage"),
        "cause": value("cause"),
        "demand": value("demand"),
        "summary": typed.some("summary"),
        "attempts_before": typed.number::<u32>("attempts_before").unwrap_or(0),
        "complexity": value("complexity"),
        "applicant": applicant,
        "notice": { "version": NOTICE_VERSION, "mode": value("notice.mode") },
    })
}

#[cfg(test)]
mod tests {
    use proto_events::codes::Role;

    use super::*;
    use crate::lang::Lang;
    use crate::visit::tests::visit;

    #[test]
    fn what_nobody_touched_has_its_beginning() {
        let typed = Typed::of([
            ("matter", "低保"),
            ("demand", "x"),
            ("blocked_stage", "accept"),
            ("cause", "M"),
            ("applicant.name", "样例"),
            ("applicant.phone", "１３８ ００００ ００００"),
        ]);
        let body = body_of("donghuashi", &typed);
        assert_eq!(body["channel"], "window");
        assert_eq!(body["complexity"], "simple");
        assert_eq!(body["notice"]["mode"], "oral");
        assert_eq!(body["applicant"]["kind"], "person");
        assert_eq!(body["applicant"]["phone"], "138 0000 0000");
        assert_eq!(body["attempts_before"], 0);
    }

    #[test]
    fn six_things_must_be_said_and_the_rest_is_folded_away() {
        let visit = visit(Lang::Chinese, Role::Clerk);
        let (typed, faults) = (beginning(), Faults::none());
        let html = fields(&visit, &Form::new(visit.lang, &typed, &faults)).into_string();
        let shown = html.split("<summary>更多").next().unwrap();
        for (name, _) in WANTED {
            assert!(shown.contains(&format!("name=\"{name}\"")), "{name}: {shown}");
        }
        for (name, _) in BEGINNING {
            assert!(!shown.contains(&format!("name=\"{name}\"")), "{name} has a beginning");
        }
        assert!(html.contains("data-draft=\"/drafts/opening\"") && html.contains("name=\"_key\""));
    }

    #[test]
    fn what_is_wrong_behind_the_fold_opens_it() {
        let visit = visit(Lang::English, Role::Clerk);
        let mut faults = Faults::none();
        let typed = beginning();
        let is_open = |faults: &Faults| {
            let html = fields(&visit, &Form::new(visit.lang, &typed, faults)).into_string();
            html.contains("<details open><summary>More")
        };
        assert!(!is_open(&faults));
        faults.add("applicant.id_number", "is no ID number");
        assert!(is_open(&faults));
    }
}
