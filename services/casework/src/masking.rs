//! Masks of personal data for those who are not entitled to read it (脱敏).
//!
//! Invariants: what is shown never depends on what is hidden, beyond its shape; what does not have
//! the expected shape is hidden whole or nearly (fail closed); every input has a mask.

use alloc::{format, string::String, vec::Vec};

use crate::free_text::normalize_digits;

/// What stands for a value that has no shape we know.
const HIDDEN: &str = "******";

/// The fewest digits of a telephone number of which the last two may be shown.
const PHONE_DIGITS_MIN: usize = 7;

/// Masks a name: `*`, `张*`, `张*三`; of a longer one the first and the last character (`欧**娜`).
///
/// Spaces and invisible characters do not count, so that they shift nothing into view.
#[must_use]
pub fn mask_name(name: &str) -> String {
    let visible = |character: &char| !character.is_whitespace() && !character.is_control();
    let characters: Vec<char> = normalize_digits(name).chars().filter(visible).collect();
    match characters.as_slice() {
        [] | [_] => String::from("*"),
        [first, _] => format!("{first}*"),
        [first, _, last] => format!("{first}*{last}"),
        [first, .., last] => format!("{first}**{last}"),
    }
}

/// Masks a telephone number: `138****1234` when it has eleven digits, at most its last two digits
/// otherwise.
///
/// A number that came masked, as a register that was exported has it, stays as it is: there is nothing more in it. The
/// country code +86 is left out; digits of any width and spaces, dashes and brackets are read.
#[must_use]
pub fn mask_phone(phone: &str) -> String {
    let text = normalize_digits(phone);
    if is_mask_of_a_phone(&text) {
        return text;
    }
    let known = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '+');
    if !text.trim().chars().all(known) {
        return String::from(HIDDEN);
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let without_country = ["0086", "86"]
        .iter()
        .find_map(|code| digits.strip_prefix(code).filter(|rest| rest.len() == 11));
    let digits = without_country.unwrap_or(&digits);
    match digits.len() {
        11 => format!("{}****{}", &digits[..3], &digits[7..]),
        length if length >= PHONE_DIGITS_MIN => format!("{HIDDEN}{}", &digits[length - 2..]),
        _ => String::from(HIDDEN),
    }
}

/// Whether a text is a mask that [`mask_phone`] makes.
fn is_mask_of_a_phone(text: &str) -> bool {
    let of_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let of_eleven = text.split_once("****").is_some_and(|(start, end)| {
        start.len() == 3 && end.len() == 4 && of_digits(start) && of_digits(end)
    });
    let of_others =
        text.strip_prefix(HIDDEN).is_some_and(|end| matches!(end.len(), 0 | 2) && of_digits(end));
    of_eleven || of_others
}

/// Masks an identity number: `110***********1234` when it has 18 characters of the right kind,
/// whole otherwise.
#[must_use]
pub fn mask_id_number(id_number: &str) -> String {
    let text = normalize_digits(id_number);
    let id: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let is_digit_or_last_x = |(index, byte): (usize, u8)| {
        byte.is_ascii_digit() || (index == 17 && matches!(byte, b'X' | b'x'))
    };
    if id.len() == 18 && id.bytes().enumerate().all(is_digit_or_last_x) {
        format!("{}***********{}", &id[..3], &id[14..])
    } else {
        String::from(HIDDEN)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_shows_its_first_and_from_three_characters_its_last() {
        for (name, mask) in [
            ("", "*"),
            ("张", "*"),
            ("张三", "张*"),
            ("张 三", "张*"),
            (" 张三\u{200B} ", "张*"),
            ("张小三", "张*三"),
            ("欧阳小三", "欧**三"),
            ("阿卜杜拉·买买提", "阿**提"),
            ("𠮷野家", "𠮷*家"),
        ] {
            assert_eq!(mask_name(name), mask, "{name}");
        }
    }

    #[test]
    fn a_phone_number_shows_seven_of_eleven_digits_and_two_of_any_other() {
        for (phone, mask) in [
            ("13800001234", "138****1234"),
            ("１３８００００１２３４", "138****1234"),
            ("+86 138-0000-1234", "138****1234"),
            ("008613800001234", "138****1234"),
            ("(010)12345678", "010****5678"),
            ("65001234", "******34"),
            ("031112345678", "******78"),
            ("12345", "******"),
            ("138****1234", "138****1234"),
            ("******34", "******34"),
            ("1380****1234", "******"),
            ("******1234", "******"),
            ("", "******"),
            ("13800001234 wife", "******"),
            ("一三八", "******"),
        ] {
            assert_eq!(mask_phone(phone), mask, "{phone}");
        }
    }

    #[test]
    fn an_id_number_shows_seven_of_eighteen_characters_and_nothing_of_another_shape() {
        for (id, mask) in [
            ("110101190001011234", "110***********1234"),
            ("１１０１０１１９０００１０１１２３Ｘ", "110***********123X"),
            ("110101 19000101 1234", "110***********1234"),
            ("110101000101001", "******"),
            ("X10101190001011234", "******"),
            ("", "******"),
        ] {
            assert_eq!(mask_id_number(id), mask, "{id}");
        }
    }

    proptest! {
        #[test]
        fn a_mask_of_any_text_shows_no_more_than_its_ends(text in any::<String>()) {
            let stars = |mask: &str| mask.chars().filter(|character| *character == '*').count();
            let name = mask_name(&text);
            prop_assert!(name.chars().count() <= 4 && stars(&name) >= 1);
            let (phone, id) = (mask_phone(&text), mask_id_number(&text));
            prop_assert!(stars(&phone) >= 4 && phone.len() <= 11);
            prop_assert!(stars(&id) >= 6 && (id == HIDDEN || id.len() == 18));
        }

        #[test]
        fn masks_do_not_depend_on_what_they_hide(
            ends in "[0-9]{3}", a in "[0-9]{4}", b in "[0-9]{4}", long_a in "[0-9]{11}", long_b in "[0-9]{11}", last in "[0-9]{4}",
            middle_a in "\\p{Han}{2,6}", middle_b in "\\p{Han}{2,6}",
        ) {
            let of = |middle: &str| format!("{ends}{middle}{last}");
            prop_assert_eq!(mask_phone(&of(&a)), mask_phone(&of(&b)));
            prop_assert_eq!(mask_id_number(&of(&long_a)), mask_id_number(&of(&long_b)));
            prop_assert_eq!(mask_name(&format!("张{middle_a}三")), mask_name(&format!("张{middle_b}三")));
        }
    }
}
