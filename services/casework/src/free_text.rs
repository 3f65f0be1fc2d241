//! Finds personal data that slipped into free text, and judges phone and ID numbers.
//!
//! Invariants:
//! - A number is judged whole: eleven digits inside a longer run of digits are no phone number.
//! - Digits count in whatever width they were typed and also when they are written in Chinese (一三八);
//!   invisible characters between them do not hide them.
//! - In doubt a number with the shape of personal data is personal data; dates, amounts, document
//!   and case numbers are not in doubt.
//!
//! A scan is linear in the length of the text: a number is looked for in a few neighbouring groups of digits.

use alloc::{string::String, vec::Vec};

use chrono::NaiveDate;

#[cfg(test)]
mod tests;

/// The most digits of one number: a card of 19; the country code before a mobile number takes fewer.
const DIGITS_MAX: usize = 19;

/// The provinces of the mainland, Taiwan, Hong Kong and Macao, as the first two digits of an ID
/// number (GB/T 2260), and 83 for residents from Taiwan.
const PROVINCES: &[u8] = &[
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52,
    53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83,
];

/// The kind of personal data that a text contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalDataKind {
    /// A mobile number (手机号码).
    MobilePhone,
    /// A fixed-line number with its area code (固定电话).
    Landline,
    /// A citizen's identity number (公民身份号码), of 18 digits or the old 15.
    IdNumber,
    /// A bank card number (银行卡号).
    BankCard,
}

impl PersonalDataKind {
    /// The Chinese label.
    #[must_use]
    pub const fn label_zh(self) -> &'static str {
        match self {
            Self::MobilePhone => "手机号码",
            Self::Landline => "固定电话",
            Self::IdNumber => "身份证号",
            Self::BankCard => "银行卡号",
        }
    }

    /// The English label.
    #[must_use]
    pub const fn label_en(self) -> &'static str {
        match self {
            Self::MobilePhone => "mobile number",
            Self::Landline => "telephone number",
            Self::IdNumber => "ID number",
            Self::BankCard => "bank card number",
        }
    }
}

/// Finds the first number in a text that is personal data.
#[must_use]
pub fn find_personal_data(text: &str) -> Option<PersonalDataKind> {
    let text = normalize_digits(text);
    // As it stands first: a Chinese digit beside a number is most often just a word (其一13800000000).
    find_in(&text).or_else(|| find_in(&in_arabic_digits(&text)?))
}

fn find_in(text: &str) -> Option<PersonalDataKind> {
    let groups = groups_of(text);
    (0..groups.len()).find_map(|start| {
        let mut digits = 0;
        let fits = groups[start..].iter().take_while(|group| {
            digits += group.digits.len();
            digits <= DIGITS_MAX
        });
        (1..=fits.count()).find_map(|count| judge(&groups[start..start + count]))
    })
}

/// Writes the Chinese digits of a text as Arabic ones; none when there is none to write.
fn in_arabic_digits(text: &str) -> Option<String> {
    text.contains(|character| arabic_digit(character).is_some()).then(|| {
        text.chars().map(|character| arabic_digit(character).unwrap_or(character)).collect()
    })
}

/// The value of a Chinese digit, plain or as on a cheque. 十, 百 and their like are none: with them a text counts,
/// and whoever spells a number out does not count.
const fn arabic_digit(character: char) -> Option<char> {
    Some(match character {
        '〇' | '零' | '○' => '0',
        '一' | '壹' | '幺' => '1',
        '二' | '贰' | '貳' => '2',
        '三' | '叁' | '參' => '3',
        '四' | '肆' => '4',
        '五' | '伍' => '5',
        '六' | '陆' | '陸' => '6',
        '七' | '柒' => '7',
        '八' | '捌' => '8',
        '九' | '玖' => '9',
        _ => return None,
    })
}

/// Brings full-width digits, letters and signs to ASCII, every kind of dash to `-`, and drops
/// invisible characters.
#[must_use]
pub fn normalize_digits(text: &str) -> String {
    let normal = |character| match character {
        // Zero-width characters, directional marks, the soft hyphen and the byte order mark.
        '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}'
        | '\u{AD}'
        | '\u{FEFF}' => None,
        // Full-width forms stand at a fixed distance from ASCII.
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(character) - 0xFEE0),
        '\u{3000}' | '\u{A0}' | '\u{2002}'..='\u{200A}' | '\u{202F}' => Some(' '),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' => Some('-'),
        _ => Some(character),
    };
    text.chars().filter_map(normal).collect()
}

/// Tells whether a text is a telephone number on which somebody may be called.
///
/// Mobile numbers of the mainland, fixed lines with or without area code, 400 and 800 numbers, and
/// numbers of other countries that begin with `+`; spaces, dashes and brackets may stand between
/// the digits.
#[must_use]
pub fn valid_phone(text: &str) -> bool {
    let text = normalize_digits(text);
    let text = text.trim();
    let (abroad, rest) = text.strip_prefix('+').map_or((false, text), |rest| (true, rest));
    if !rest.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')')) {
        return false;
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    if let Some(national) = digits.strip_prefix("86").filter(|_| abroad) {
        return is_mobile(national) || is_landline(national) || is_landline_without_zero(national);
    }
    if abroad {
        // E.164: a country code without zero, 15 digits at most.
        return (8..=15).contains(&digits.len()) && !digits.starts_with('0');
    }
    let local = matches!(digits.len(), 7 | 8) && matches!(digits.as_bytes()[0], b'2'..=b'9');
    let service = digits.len() == 10 && (digits.starts_with("400") || digits.starts_with("800"));
    local || service || is_mobile_with_prefix(&digits) || is_landline(&digits)
}

/// Tells whether a text is an identity number of 18 characters with a known province, a date of
/// birth that exists and the right check character (GB 11643).
#[must_use]
pub fn valid_id_number(text: &str) -> bool {
    let text = normalize_digits(text);
    let id = text.trim().to_ascii_uppercase();
    has_shape_of_id(&id) && id.len() == 18 && check_character_of_id(&id) == id.chars().next_back()
}

/// A maximal run of digits, with what stands between it and the run before.
struct Group {
    /// The digits; an `X` at the end of an ID number belongs to them.
    digits: String,
    /// The separator before it, when it is one that people put into a number; all characters of it
    /// are the same.
    joint: Option<char>,
}

fn groups_of(text: &str) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut between = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if !character.is_ascii_digit() {
            between.push(character);
            continue;
        }
        let mut digits = String::from(character);
        while let Some(digit) = characters.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        // The X of an ID number ends it; a letter after it would make it part of a word.
        if let Some('x' | 'X') = characters.peek() {
            let mut ahead = characters.clone();
            ahead.next();
            if ahead.peek().is_none_or(|next| !next.is_ascii_alphanumeric()) {
                digits.push('X');
            }
        }
        let joint = if groups.is_empty() { None } else { joint_of(&between) };
        groups.push(Group { digits, joint });
        between.clear();
    }
    groups
}

/// Reads what stands between two groups as one separator: blanks, a dash or a dot, or brackets.
fn joint_of(between: &str) -> Option<char> {
    if !between.is_empty() && between.chars().all(|character| matches!(character, ' ' | '\t')) {
        return Some(' ');
    }
    match between {
        "-" | "--" | " - " => Some('-'),
        "." => Some('.'),
        ")" | ") " | ")-" => Some(')'),
        _ => None,
    }
}

/// Judges neighbouring groups as one number.
fn judge(groups: &[Group]) -> Option<PersonalDataKind> {
    let (first, others) = groups.split_first()?;
    let joints: Vec<char> = others.iter().map(|group| group.joint).collect::<Option<_>>()?;
    let is_even = |joints: &[char]| joints.windows(2).all(|pair| pair[0] == pair[1]);
    let number: String = groups.iter().map(|group| group.digits.as_str()).collect();
    let mut lengths: Vec<usize> = groups.iter().map(|group| group.digits.len()).collect();
    if is_even(&joints) && has_shape_of_id(&number) && is_grouped_like_id(&lengths) {
        return Some(PersonalDataKind::IdNumber);
    }
    // The letter after a number that cannot be an ID number is just a letter.
    let digits = number.strip_suffix('X').unwrap_or(&number);
    if let Some(last) = lengths.last_mut() {
        *last -= number.len() - digits.len();
    }
    // An area code is often set apart by another sign than the rest: (010) 6500 0000.
    let is_local = others.is_empty() || is_area_code(&first.digits) && is_grouped_locally(&lengths);
    if joints.get(1..).is_none_or(is_even) && is_landline(digits) && is_local {
        Some(PersonalDataKind::Landline)
    } else if !is_even(&joints) {
        None
    } else if is_mobile_with_prefix(digits) && is_grouped_like_mobile(&lengths) {
        Some(PersonalDataKind::MobilePhone)
    } else if is_bank_card(digits) && is_grouped_like_card(&lengths) {
        Some(PersonalDataKind::BankCard)
    } else {
        None
    }
}

/// Written digit by digit.
fn is_spelled_out(lengths: &[usize]) -> bool {
    lengths.iter().all(|length| *length == 1)
}

/// Written whole or digit by digit, or cut after the region, the year, the date, or every three or four digits.
fn is_grouped_like_id(lengths: &[usize]) -> bool {
    // The X at the end stands with the digit before it or alone.
    let but_last = &lengths[..lengths.len().saturating_sub(1)];
    let is_spelled = is_spelled_out(but_last) && lengths.last().is_some_and(|last| *last <= 2);
    is_spelled
        || matches!(
            lengths,
            [_] | [6, 8, 4]
                | [6, 4, 4, 4]
                | [6, 4, 2, 2, 4]
                | [6, 12]
                | [14, 4]
                | [6, 6, 6]
                | [6, 8, 3, 1]
                | [3, 3, 4, 4, 4]
                | [3, 3, 8, 4]
                | [3, 3, 4, 2, 2, 4]
                | [4, 4, 4, 4, 2]
                | [4, 4, 4, 6]
                | [6, 6, 3]
        )
}

/// Written whole or digit by digit, or cut as people say it; the country code may stand apart.
fn is_grouped_like_mobile(lengths: &[usize]) -> bool {
    let lengths = match lengths {
        [2 | 4, rest @ ..] if !rest.is_empty() && rest.iter().sum::<usize>() == 11 => rest,
        whole => whole,
    };
    is_spelled_out(lengths)
        || matches!(
            lengths,
            [_] | [3, 4, 4]
                | [3, 8]
                | [7, 4]
                | [4, 4, 3]
                | [4, 3, 4]
                | [3, 3, 5]
                | [5, 6]
                | [3, 2, 2, 2, 2]
        )
}

/// The area code, then the number whole or cut once.
fn is_grouped_locally(lengths: &[usize]) -> bool {
    matches!(lengths, [_, 7 | 8] | [_, 3 | 4, 4])
}

/// Written whole, four by four, or the bank's six digits and the rest.
fn is_grouped_like_card(lengths: &[usize]) -> bool {
    match lengths {
        [_] | [6, 10..=13] => true,
        spelled if is_spelled_out(spelled) => true,
        [groups @ .., last] => {
            groups.len() >= 3 && groups.iter().all(|length| *length == 4) && *last <= 4
        }
        [] => false,
    }
}

fn is_mobile(digits: &str) -> bool {
    matches!(digits.as_bytes(), [b'1', b'3'..=b'9', rest @ ..] if rest.len() == 9 && rest.iter().all(u8::is_ascii_digit))
}

/// A mobile number alone, with the country code, or with the zero once dialled for another city.
fn is_mobile_with_prefix(digits: &str) -> bool {
    let without = |prefix| digits.strip_prefix(prefix).is_some_and(is_mobile);
    is_mobile(digits) || without("86") || without("0086") || without("0")
}

fn is_area_code(digits: &str) -> bool {
    matches!(
        digits.as_bytes(),
        b"010" | [b'0', b'2', b'0'..=b'9'] | [b'0', b'3'..=b'9', b'0'..=b'9', b'0'..=b'9']
    )
}

/// A fixed line with its area code; a local number does not begin with 0.
fn is_landline(digits: &str) -> bool {
    [3, 4].into_iter().any(|cut| {
        let parts = digits.split_at_checked(cut);
        parts.is_some_and(|(area, local)| {
            // Cities with three-digit codes have eight digits (工信部 numbering plan); the others
            // seven or eight.
            let length_fits = local.len() == 8 || (cut == 4 && local.len() == 7);
            is_area_code(area) && length_fits && !local.starts_with('0')
        })
    })
}

/// A fixed line after the country code, where the zero of the area code falls away.
fn is_landline_without_zero(digits: &str) -> bool {
    let mut with_zero = String::from("0");
    with_zero.push_str(digits);
    is_landline(&with_zero)
}

/// The shape of an identity number: a known province and a date of birth that exists; the check
/// character is not asked, because a number with a slip in it still points at a person.
fn has_shape_of_id(id: &str) -> bool {
    let (digits, date_from, century) = match id.len() {
        18 => (&id.as_bytes()[..17], 6, None),
        15 => (id.as_bytes(), 6, Some(1900)),
        _ => return false,
    };
    let ends_well = id
        .bytes()
        .next_back()
        .is_some_and(|last| last.is_ascii_digit() || (last == b'X' && id.len() == 18));
    if !ends_well || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let number = |from: usize, length: usize| {
        digits[from..from + length]
            .iter()
            .fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'))
    };
    let (year, month_from) = match century {
        Some(century) => (century + number(date_from, 2), date_from + 2),
        None => (number(date_from, 4), date_from + 4),
    };
    let date = i32::try_from(year).ok().and_then(|year| {
        NaiveDate::from_ymd_opt(year, number(month_from, 2), number(month_from + 2, 2))
    });
    let province = PROVINCES.iter().any(|province| u32::from(*province) == number(0, 2));
    province && (1900..2100).contains(&year) && date.is_some()
}

/// Computes the check character over the first 17 digits (GB 11643, ISO 7064 MOD 11-2).
fn check_character_of_id(id: &str) -> Option<char> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHARACTERS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    let sum = id
        .chars()
        .zip(WEIGHTS)
        .try_fold(0, |sum, (digit, weight)| Some(sum + digit.to_digit(10)? * weight))?;
    CHARACTERS.get(usize::try_from(sum % 11).ok()?).copied()
}

/// A card number as cards used here begin (ISO/IEC 7812: 3 to 6, and 9558 of one bank), with the
/// right Luhn digit.
fn is_bank_card(digits: &str) -> bool {
    let issuer =
        matches!(digits.as_bytes().first(), Some(b'3'..=b'6')) || digits.starts_with("9558");
    issuer && (16..=19).contains(&digits.len()) && luhn_holds(digits)
}

fn luhn_holds(digits: &str) -> bool {
    let doubled = |digit: u32| if digit > 4 { digit * 2 - 9 } else { digit * 2 };
    let sum = digits.chars().rev().enumerate().try_fold(0, |sum, (index, digit)| {
        let digit = digit.to_digit(10)?;
        Some(sum + if index % 2 == 1 { doubled(digit) } else { digit })
    });
    sum.is_some_and(|sum| sum % 10 == 0)
}
