//! The applicant, in clear only inside this service's handler.
//!
//! Invariant: `Debug` says nothing about the person; what leaves is sealed.

use std::fmt;

use casework::free_text::{normalize_digits, valid_id_number, valid_phone};
use proto_events::codes::{ApplicantKind, Care};
use proto_events::events::SealedApplicant;
use proto_events::ids::CaseId;
use runtime::http::FieldError;
use runtime::vault::{DataKey, SealError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest name of an applicant in characters: a company's name is long.
const NAME_CHARS_MAX: usize = 60;
/// Shortest name or address that is looked for in a text, in characters.
const NAMED_CHARS_MIN: usize = 3;
/// Longest address in characters.
const ADDRESS_CHARS_MAX: usize = 200;

/// Whose matter got stuck.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Applicant {
    /// What kind of applicant.
    pub kind: ApplicantKind,
    /// The name.
    pub name: String,
    /// The telephone: a mainland mobile, or a landline with its area code.
    pub phone: String,
    /// The ID number.
    #[serde(default)]
    pub id_number: Option<String>,
    /// The address.
    #[serde(default)]
    pub address: Option<String>,
    /// What to take care of.
    #[serde(default)]
    pub care: Vec<Care>,
}

impl fmt::Debug for Applicant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Applicant").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What is sealed: everything that tells who the applicant is.
#[derive(Serialize)]
struct Personal<'a> {
    name: &'a str,
    phone: &'a str,
    id_number: Option<&'a str>,
    address: Option<&'a str>,
    care: &'a [Care],
}

/// What is read back; strict enough to notice another form, lenient with fields of a later version.
#[derive(Deserialize)]
struct Opened {
    name: String,
    phone: String,
    #[serde(default)]
    id_number: Option<String>,
    #[serde(default)]
    address: Option<String>,
    #[serde(default)]
    care: Vec<Care>,
}

/// Why a sealed applicant could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key does not fit, or the ciphertext was changed.
    #[error("the applicant does not open under the case's key")]
    Sealed(#[from] SealError),
    /// It opened, and is no applicant.
    #[error("what was sealed is no applicant")]
    Form,
}

impl Applicant {
    /// Checks the applicant and brings digits and blanks into one form.
    ///
    /// # Errors
    /// Every field that is wrong; the value itself is not repeated.
    pub fn checked(mut self) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        let mut fault = |pointer: &str, detail: &str| {
            faults.push(FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() });
        };
        self.name = self.name.trim().to_owned();
        let name_chars = self.name.chars().count();
        if name_chars == 0 || name_chars > NAME_CHARS_MAX || self.name.chars().any(char::is_control)
        {
            fault("/applicant/name", "1 to 60 characters (姓名或名称，1至60字)");
        }
        self.phone = compact(&self.phone);
        if !valid_phone(&self.phone) {
            fault("/applicant/phone", "is no telephone number (电话号码不正确)");
        }
        self.id_number = self
            .id_number
            .map(|number| compact(&number).to_uppercase())
            .filter(|number| !number.is_empty());
        if self.id_number.as_deref().is_some_and(|number| !valid_id_number(number)) {
            fault("/applicant/id_number", "is no ID number (身份证号不正确)");
        }
        self.address =
            self.address.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        if self.address.as_deref().is_some_and(|text| text.chars().count() > ADDRESS_CHARS_MAX) {
            fault("/applicant/address", "at most 200 characters");
        }
        self.care.sort_unstable();
        self.care.dedup();
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    /// Takes the applicant as an earlier register has him: perhaps masked, perhaps without a telephone. Digits and blanks
    /// are brought into one form where that is possible.
    ///
    /// # Errors
    /// The field that no register of people has.
    pub(crate) fn of_register(mut self) -> Result<Self, &'static str> {
        let fits = |text: &str, chars_max: usize| {
            text.chars().count() <= chars_max && !text.chars().any(char::is_control)
        };
        self.name = self.name.trim().to_owned();
        let compact_phone = compact(&self.phone);
        self.phone = match valid_phone(&compact_phone) {
            true => compact_phone,
            false => self.phone.trim().to_owned(),
        };
        let fits_if_there =
            |text: &Option<String>| text.as_ref().is_none_or(|text| fits(text, ADDRESS_CHARS_MAX));
        let fields = [
            ("name", fits(&self.name, NAME_CHARS_MAX)),
            ("phone", fits(&self.phone, NAME_CHARS_MAX)),
            ("id_number", fits_if_there(&self.id_number)),
            ("address", fits_if_there(&self.address)),
        ];
        match fields.into_iter().find(|(_, fits)| !fits) {
            Some((field, _)) => Err(field),
            None => Ok(self),
        }
    }

    /// Nobody: of whom nothing is kept.
    pub(crate) fn nobody(kind: ApplicantKind) -> Self {
        let (name, phone) = (String::new(), String::new());
        Self { kind, name, phone, id_number: None, address: None, care: Vec::new() }
    }

    /// Seals the person under the case's key.
    ///
    /// # Errors
    /// When the cipher refuses, which it does not for texts of this size.
    pub fn seal(&self, key: &DataKey, case_id: CaseId) -> Result<SealedApplicant, SealError> {
        let personal = Personal {
            name: &self.name,
            phone: &self.phone,
            id_number: self.id_number.as_deref(),
            address: self.address.as_deref(),
            care: &self.care,
        };
        let plain = serde_json::to_vec(&personal).expect("texts and codes are always JSON");
        let sealed = key.seal(&plain, case_id.to_string().as_bytes())?;
        Ok(SealedApplicant { kind: self.kind, sealed })
    }

    /// Opens a sealed applicant.
    ///
    /// # Errors
    /// When the key does not fit; no word of what stands in it.
    pub fn open(
        applicant: &SealedApplicant,
        key: &DataKey,
        case_id: CaseId,
    ) -> Result<Self, OpenError> {
        let plain = key.open(&applicant.sealed, case_id.to_string().as_bytes())?;
        let Opened { name, phone, id_number, address, care } =
            serde_json::from_slice(&plain).map_err(|_| OpenError::Form)?;
        Ok(Self { kind: applicant.kind, name, phone, id_number, address, care })
    }

    /// Whether a text that is kept in clear names the person, by name or by address. A name of two characters is not looked
    /// for: 高兴 and 方便 are names, and words. Nor is that of an enterprise, which is no personal data, nor what is neither
    /// letters nor digits: nobody is found by it.
    pub(crate) fn is_named_in(&self, text: &str) -> bool {
        let names = |letter: char| letter.is_alphanumeric() || " ·-#()（）".contains(letter);
        let stands = |part: &str| {
            part.chars().count() >= NAMED_CHARS_MIN
                && part.chars().all(names)
                && text.contains(part)
        };
        self.kind == ApplicantKind::Person
            && (stands(&self.name) || self.address.as_deref().is_some_and(stands))
    }

    /// What tells two applicants apart: name and telephone.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("{}\u{0}{}", self.name, self.phone)
    }
}

/// Full-width digits to ASCII; blanks and dashes between digits away.
fn compact(text: &str) -> String {
    let text = normalize_digits(text.trim());
    let digits = text.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{3000}' | '—' | '－'));
    let compact: String = digits.collect();
    compact.strip_prefix("+86").map(str::to_owned).unwrap_or(compact)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applicant(phone: &str) -> Applicant {
        Applicant {
            kind: ApplicantKind::Person,
            name: " 样例 ".to_owned(),
            phone: phone.to_owned(),
            id_number: None,
            address: None,
            care: vec![Care::Veteran, Care::Veteran],
        }
    }

    #[test]
    fn full_width_digits_and_blanks_lead_to_one_telephone_number() {
        for phone in ["13800000000", "１３８００００００００", "138 0000 0000", "+86 138-0000-0000"]
        {
            let checked = applicant(phone).checked().unwrap();
            assert_eq!(checked.phone, "13800000000", "{phone}");
            assert_eq!(checked.name, "样例");
            assert_eq!(checked.care.len(), 1);
        }
    }

    #[test]
    fn a_wrong_number_is_named_by_its_field_and_not_repeated() {
        let faults = applicant("12").checked().unwrap_err();
        assert_eq!(faults[0].pointer, "/applicant/phone");
        assert!(!faults[0].detail.contains("12"));
    }

    #[test]
    fn a_person_is_found_in_a_text_by_name_and_by_address() {
        let person = Applicant {
            name: "样例甲".to_owned(),
            address: Some("样例路七号院".to_owned()),
            ..applicant("13800000000")
        };
        assert!(person.is_named_in("样例甲要求办理退休手续"));
        assert!(person.is_named_in("请寄到样例路七号院"));
        assert!(!person.is_named_in("样例路在修路"));
        let short = Applicant { name: "高兴".to_owned(), ..person.clone() };
        assert!(!short.is_named_in("办成了很高兴"));
        let markup = Applicant { name: "<b>样例</b>".to_owned(), ..person.clone() };
        assert!(!markup.is_named_in("<b>样例</b>"));
        let enterprise = Applicant { kind: ApplicantKind::Enterprise, ..person };
        assert!(!enterprise.is_named_in("样例甲的营业执照"));
    }

    #[test]
    fn debug_says_nothing_about_the_person() {
        let text = format!("{:?}", applicant("13800000000"));
        assert!(!text.contains("138") && !text.contains("样例"), "{text}");
    }
}
