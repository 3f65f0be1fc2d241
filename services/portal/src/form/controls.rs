//! The controls: label, hint, fault and control, each tied to the others.
//!
//! Invariants: whatever is wrong is said beside its control and once more at the top, with a link to it; a control that
//! must be filled needs no word, one that may be left empty says so.

use maud::{Markup, html};
use runtime::http::RequestId;

use super::{Faults, Typed};
use crate::lang::Lang;
use crate::visit::Visit;

/// A form that is being rendered: what was typed into it, and what is wrong with that.
#[derive(Clone, Copy)]
pub(crate) struct Form<'a> {
    pub(crate) lang: Lang,
    pub(crate) typed: &'a Typed,
    pub(crate) faults: &'a Faults,
}

/// How a form is sent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sending<'a> {
    /// Where it is sent to.
    pub(crate) action: &'a str,
    /// The version of the case that the person looks at.
    pub(crate) version: Option<u64>,
    /// Under which name its draft is kept.
    pub(crate) draft: Option<&'a str>,
    /// What its button says.
    pub(crate) button: &'a str,
    /// Whether the button undoes what cannot be done again.
    pub(crate) is_grave: bool,
}

/// One of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
}

impl Choice {
    pub(crate) fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self { value: value.into(), label: label.into() }
    }
}

/// A control, before it is rendered.
#[derive(Clone, Copy, Default)]
pub(crate) struct Field<'a> {
    /// Its name: the place that it fills, with dots.
    pub(crate) name: &'a str,
    /// What is asked for.
    pub(crate) label: &'a str,
    /// What helps to answer.
    pub(crate) hint: &'a str,
    /// Whether it may be left empty.
    pub(crate) is_optional: bool,
    /// Whether it narrows a list: it may be left empty, and nobody has to be told so.
    pub(crate) is_filter: bool,
    /// `text` unless it says otherwise: `password`, `tel`, `number`, `date`, `datetime-local`, `search`.
    pub(crate) kind: &'a str,
    /// `autocomplete`; `off` unless it says otherwise.
    pub(crate) complete: &'a str,
    /// Most characters.
    pub(crate) chars_max: Option<u32>,
    /// Whether the page begins here.
    pub(crate) is_first: bool,
    /// For few characters.
    pub(crate) is_short: bool,
    /// Lines of a text area.
    pub(crate) lines: u8,
}

impl<'a> Field<'a> {
    /// A control that must be filled.
    pub(crate) fn new(name: &'a str, label: &'a str) -> Self {
        Self { name, label, kind: "text", complete: "off", lines: 3, ..Self::default() }
    }

    /// May be left empty.
    pub(crate) fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// Narrows a list.
    pub(crate) fn filter(self) -> Self {
        Self { is_optional: true, is_filter: true, ..self }
    }

    pub(crate) fn hint(self, hint: &'a str) -> Self {
        Self { hint, ..self }
    }

    pub(crate) fn kind(self, kind: &'a str) -> Self {
        Self { kind, ..self }
    }

    pub(crate) fn complete(self, complete: &'a str) -> Self {
        Self { complete, ..self }
    }

    pub(crate) fn chars_max(self, chars_max: u32) -> Self {
        Self { chars_max: Some(chars_max), ..self }
    }

    /// The page begins here.
    pub(crate) fn first(self) -> Self {
        Self { is_first: true, ..self }
    }

    pub(crate) fn short(self) -> Self {
        Self { is_short: true, ..self }
    }

    pub(crate) fn lines(self, lines: u8) -> Self {
        Self { lines, ..self }
    }
}

impl<'a> Form<'a> {
    /// A form with what was typed into it.
    pub(crate) const fn new(lang: Lang, typed: &'a Typed, faults: &'a Faults) -> Self {
        Self { lang, typed, faults }
    }

    /// The whole form: what is wrong, the controls, one button. Its key is the one that it was sent with, so that
    /// sending it again after a failure is still the same wish.
    pub(crate) fn whole(&self, visit: &Visit, sending: &Sending<'_>, controls: Markup) -> Markup {
        let button = match sending.button {
            "" => self.lang.text("form-send"),
            button => button.to_owned(),
        };
        self.around(
            visit,
            sending,
            html! {
                (controls)
                div.buttons {
                    button.button.button-danger[sending.is_grave] type="submit" { (button) }
                }
            },
        )
    }

    /// The whole form, with buttons of its own.
    pub(crate) fn around(&self, visit: &Visit, sending: &Sending<'_>, body: Markup) -> Markup {
        let draft = sending.draft.map(|name| format!("/drafts/{name}"));
        html! {
            div.stack {
                (self.summary())
                // The browser keeps nothing that was typed: counters are shared, and a form that comes back by half is worse than none.
                form.form method="post" action=(sending.action) data-draft=[draft.as_deref()] autocomplete="off" novalidate {
                    (self.own_names(visit, sending.version))
                    // The first button is the one that Enter presses: to send, and nothing that stands before it on the page.
                    button type="submit" hidden {}
                    (body)
                    @if draft.is_some() {
                        p.draft-note data-draft-note role="status"
                            data-saved=(self.lang.text("draft-saved")) data-waiting=(self.lang.text("draft-waiting")) {}
                    }
                }
            }
        }
    }

    /// What a form carries of itself: its key, who filled it, what that person looked at.
    pub(crate) fn own_names(&self, visit: &Visit, version: Option<u64>) -> Markup {
        let key = match self.typed.key() {
            // A form that is changed after a refusal is another wish; a draft, and one that met a dead line, is the same.
            Some(key) if matches!(self.faults.status(), 200 | 503) => key.to_owned(),
            _ => fresh_key(),
        };
        html! {
            input type="hidden" name="_key" value=(key);
            @if let Some(person) = &visit.person {
                input type="hidden" name="_by" value=(person.username);
            }
            @if let Some(version) = version {
                input type="hidden" name="_version" value=(version);
            }
        }
    }

    /// What is wrong, at the top, each with a link to its control.
    pub(crate) fn summary(&self) -> Markup {
        // Nothing in the form is wrong when the house said no to all of it.
        let head = match self.faults.each().next() {
            Some(_) => self.lang.text("form-summary"),
            None => self.lang.text("form-summary-refused"),
        };
        html! {
            @if !self.faults.is_empty() {
                div.error-summary role="alert" tabindex="-1" autofocus {
                    h2 { (head) }
                    @for text in self.faults.whole() { p { (text) } }
                    @if self.faults.each().next().is_some() {
                        ul.list {
                            @for (name, text) in self.faults.each() {
                                li { a href={ "#" (id_of(name)) } { (text) } }
                            }
                        }
                    }
                }
            }
        }
    }

    /// A line of text, or whatever fits into one.
    pub(crate) fn line(&self, field: Field<'_>) -> Markup {
        let id = id_of(field.name);
        // What was typed into a password is never sent back.
        let value = (field.kind != "password").then(|| self.typed.get(field.name));
        self.field(&field, html! {
            input.short[field.is_short] id=(id) name=(field.name) type=(field.kind) value=[value]
                autocomplete=(field.complete) maxlength=[field.chars_max] required[!field.is_optional]
                autofocus[field.is_first && self.faults.is_empty()]
                inputmode=[input_mode(field.kind)]

                aria-invalid=[self.faults.get(field.name).map(|_| "true")]
                aria-describedby=[self.described_by(&field)];
        })
    }

    /// Several lines of text.
    pub(crate) fn area(&self, field: Field<'_>) -> Markup {
        self.field(
            &field,
            html! {
                textarea id=(id_of(field.name)) name=(field.name) rows=(field.lines)
                    maxlength=[field.chars_max] required[!field.is_optional]
                    autofocus[field.is_first && self.faults.is_empty()]

                    aria-invalid=[self.faults.get(field.name).map(|_| "true")]
                    aria-describedby=[self.described_by(&field)] { (self.typed.get(field.name)) }
            },
        )
    }

    /// One of many, in a list that opens.
    pub(crate) fn select(&self, field: Field<'_>, choices: &[Choice]) -> Markup {
        self.field(&field, html! {
            select id=(id_of(field.name)) name=(field.name) required[!field.is_optional]

                aria-invalid=[self.faults.get(field.name).map(|_| "true")]
                aria-describedby=[self.described_by(&field)] {
                option value="" { (self.lang.text(if field.is_filter { "form-any" } else { "choose" })) }
                @for choice in choices {
                    option value=(choice.value) selected[self.typed.has(field.name, &choice.value)] {
                        (choice.label)
                    }
                }
            }
        })
    }

    /// One of few, as buttons.
    pub(crate) fn chips(&self, field: Field<'_>, choices: &[Choice]) -> Markup {
        self.group(
            &field,
            html! {
                div.chips {
                    @for (place, choice) in choices.iter().enumerate() {
                        label.chip {
                            input type="radio" name=(field.name) value=(choice.value)
                                id=[(place == 0).then(|| id_of(field.name))]
                                required[!field.is_optional]
                                checked[self.typed.has(field.name, &choice.value)];
                            span { (choice.label) }
                        }
                    }
                }
            },
        )
    }

    /// Any of few, as buttons.
    pub(crate) fn many_chips(&self, field: Field<'_>, choices: &[Choice]) -> Markup {
        self.group(
            &field,
            html! {
                div.chips {
                    @for (place, choice) in choices.iter().enumerate() {
                        label.chip {
                            input type="checkbox" name=(field.name) value=(choice.value)
                                id=[(place == 0).then(|| id_of(field.name))]
                                checked[self.typed.has(field.name, &choice.value)];
                            span { (choice.label) }
                        }
                    }
                }
            },
        )
    }

    /// Label, hint and fault around a control of any kind.
    pub(crate) fn field(&self, field: &Field<'_>, control: Markup) -> Markup {
        let id = id_of(field.name);
        html! {
            div.field.field-faulty[self.faults.get(field.name).is_some()] {
                label for=(id) { (field.label) (self.optional(field)) }
                @if !field.hint.is_empty() { span.field-hint id={ (id) "-hint" } { (field.hint) } }
                (self.fault(field))
                (control)
            }
        }
    }

    /// Legend, hint and fault around several controls.
    pub(crate) fn group(&self, field: &Field<'_>, controls: Markup) -> Markup {
        let id = id_of(field.name);
        html! {
            fieldset.field.field-faulty[self.faults.get(field.name).is_some()]
                aria-describedby=[self.described_by(field)] {
                legend { (field.label) (self.optional(field)) }
                @if !field.hint.is_empty() { span.field-hint id={ (id) "-hint" } { (field.hint) } }
                (self.fault(field))
                (controls)
            }
        }
    }

    fn optional(&self, field: &Field<'_>) -> Markup {
        html! {
            @if field.is_optional && !field.is_filter { " " span.field-optional { (self.lang.text("form-optional")) } }
        }
    }

    fn fault(&self, field: &Field<'_>) -> Markup {
        html! {
            @if let Some(text) = self.faults.get(field.name) {
                span.field-fault id={ (id_of(field.name)) "-fault" } { (text) }
            }
        }
    }

    fn described_by(&self, field: &Field<'_>) -> Option<String> {
        let id = id_of(field.name);
        let hint = (!field.hint.is_empty()).then(|| format!("{id}-hint"));
        let fault = self.faults.get(field.name).map(|_| format!("{id}-fault"));
        match (hint, fault) {
            (Some(hint), Some(fault)) => Some(format!("{hint} {fault}")),
            (hint, fault) => hint.or(fault),
        }
    }
}

/// The id of a control on its page.
pub(crate) fn id_of(name: &str) -> String {
    format!("f-{}", name.replace('.', "-"))
}

/// A key that nobody used before.
pub(crate) fn fresh_key() -> String {
    RequestId::fresh().as_str().to_owned()
}

fn input_mode(kind: &str) -> Option<&'static str> {
    match kind {
        "tel" => Some("tel"),
        "number" => Some("numeric"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_comes_back_escaped_and_tied_to_its_fault() {
        let typed = Typed::of([("applicant.name", "<script>alert(1)</script>\"")]);
        let mut faults = Faults::none();
        faults.add("applicant.name", "too long");
        let form = Form::new(Lang::English, &typed, &faults);
        let html =
            form.line(Field::new("applicant.name", "Name").hint("as on the card")).into_string();
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"), "{html}");
        assert!(
            html.contains("aria-describedby=\"f-applicant-name-hint f-applicant-name-fault\""),
            "{html}"
        );
        assert!(form.summary().into_string().contains("href=\"#f-applicant-name\""));
    }

    #[test]
    fn a_password_is_never_sent_back() {
        let typed = Typed::of([("password", "secret words")]);
        let form_html = Form::new(Lang::Chinese, &typed, &Faults::none())
            .line(Field::new("password", "x").kind("password"))
            .into_string();
        assert!(!form_html.contains("secret words"));
    }

    #[test]
    fn a_choice_that_was_made_is_made_again() {
        let typed = Typed::of([("cause", "b")]);
        let choices = [Choice::new("a", "A"), Choice::new("b", "B")];
        let faults = Faults::none();
        let form = Form::new(Lang::Chinese, &typed, &faults);
        let chips = form.chips(Field::new("cause", "x"), &choices).into_string();
        assert!(chips.contains("value=\"b\" required checked"), "{chips}");
        let select = form.select(Field::new("cause", "x"), &choices).into_string();
        assert!(select.contains("<option value=\"b\" selected>"), "{select}");
    }
}
