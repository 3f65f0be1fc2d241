//! Numbers that must be found, numbers that must not, and laws of both. All numbers are samples.

use alloc::format;

use proptest::prelude::*;

use super::*;

/// An ID number of nobody: the sequence number 000 is never given out.
const SAMPLE_ID: &str = "110101190001010006";

fn with_check_character(digits: &str) -> String {
    format!("{digits}{}", check_character_of_id(digits).unwrap())
}

#[test]
fn a_phone_number_is_found_however_it_is_written() {
    for text in [
        "电话13800000000",
        "请打１３８００００００００联系",
        "138 0000 0000",
        "138-0000-0000",
        "138–0000–0000",
        "138.0000.0000",
        "138  0000  0000",
        "1380000 0000",
        "1380 0000 000",
        "+86 138 0000 0000",
        "+8613800000000",
        "008613800000000",
        "013800000000",
        "86-138-0000-0000",
        "138\u{200B}0000\u{200B}0000",
        "tel13800000000x",
        "138 0000 0000x",
        "2021-01-26 13800000000",
        "2021-01-26 138 0000 0000",
        "5次 13800000000 3次",
    ] {
        assert_eq!(find_personal_data(text), Some(PersonalDataKind::MobilePhone), "{text}");
    }
    for text in [
        "010-12345678",
        "（010）12345678",
        "(0311) 1234567",
        "0311-12345678",
        "01012345678",
        "010 6500 0000",
        "(010) 6500-0000",
    ] {
        assert_eq!(find_personal_data(text), Some(PersonalDataKind::Landline), "{text}");
    }
}

#[test]
fn a_number_is_found_digit_by_digit_and_in_chinese() {
    use PersonalDataKind::{BankCard, IdNumber, Landline, MobilePhone};
    for (text, kind) in [
        ("1 3 8 0 0 0 0 0 0 0 0", MobilePhone),
        ("1-3-8-0-0-0-0-0-0-0-0", MobilePhone),
        ("138 00 00 00 00", MobilePhone),
        ("138\t0000\t0000", MobilePhone),
        ("138    0000    0000", MobilePhone),
        ("１３８　００００　００００", MobilePhone),
        ("电话一三八零零零零零零零零，请联系", MobilePhone),
        ("电话幺三八〇〇〇〇〇〇〇〇", MobilePhone),
        ("壹叁捌零零零零零零零零", MobilePhone),
        ("一三八 零零零零 零零零零", MobilePhone),
        ("一三八-零零零零-零零零零", MobilePhone),
        ("一 三 八 零 零 零 零 零 零 零 零", MobilePhone),
        ("138零零零零零零零零", MobilePhone),
        ("一3八0000００００", MobilePhone),
        // Beside a number, a Chinese digit is a word.
        ("其一13800000000", MobilePhone),
        ("零一零 六五零零 零零零零", Landline),
        ("一一零一零一一九零零零一零一零零零六", IdNumber),
        ("一一〇一〇一 一九〇〇〇一〇一 〇〇〇六", IdNumber),
        ("1 1 0 1 0 1 1 9 0 0 0 1 0 1 0 0 0 6", IdNumber),
        ("1 1 0 1 0 1 1 9 0 0 0 1 0 1 0 0 9X", IdNumber),
        ("110101 19000101 000 6", IdNumber),
        ("1101 0119 0001 010006", IdNumber),
        ("4 0 0 0 0 0 0 0 0 0 0 0 0 0 0 2", BankCard),
    ] {
        assert_eq!(find_personal_data(text), Some(kind), "{text}");
    }
}

#[test]
fn chinese_that_counts_or_dates_is_no_personal_data() {
    for text in [
        "京政发〔二〇二四〕十二号",
        "京人社发〔二〇一九〕一三八号第一、三、五条",
        "二〇二六年二月十三日十时三十分",
        "二〇二六〇二一三",
        "一千三百八十元整",
        "人民币壹万叁仟捌佰元",
        "一二三四五六七八九十",
        "三三两两，一五一十，七七八八",
        "其一、其二、其三",
        "选1 3 5 7 9 11 13项",
        "第1 2 3 4 5 6 7 8 9条",
        "一楼三号窗口八点开门",
        "排队号 1 3 8",
        "138元 0000",
    ] {
        assert_eq!(find_personal_data(text), None, "{text}");
    }
}

#[test]
fn an_id_number_is_found_however_it_is_written() {
    let with_x = "11010119000101009X";
    for text in [
        SAMPLE_ID,
        "身份证１１０１０１１９０００１０１０００６。",
        "110101 19000101 0006",
        "110101-1900-0101-0006",
        with_x,
        "号码11010119000101009x，请核对",
        "110101 19000101 009X",
        // A slip in the check character.
        "110101190001010001",
        // The old kind.
        "110101000101001",
    ] {
        assert_eq!(find_personal_data(text), Some(PersonalDataKind::IdNumber), "{text}");
    }
}

#[test]
fn a_bank_card_is_found_by_its_check_digit() {
    for text in [
        "4000000000000002",
        "卡号6200 0000 0000 0000 000",
        "6200000000000000000",
        "6200-0000-0000-0005",
    ] {
        assert_eq!(find_personal_data(text), Some(PersonalDataKind::BankCard), "{text}");
    }
    assert_eq!(find_personal_data("4000000000000003"), None);
}

#[test]
fn dates_amounts_and_numbers_of_documents_and_cases_are_no_personal_data() {
    for text in [
        "",
        "2021-01-26 15:10至2021-01-27 16:30",
        "2020-12-13 2021-01-26 13 14",
        "20260213100000",
        "2026021310000012345",
        "京政发〔2021〕12号",
        "京人社发〔2019〕1380号第13条",
        "DHS-20260213-0001",
        "DHS2026-000138",
        "金额1,380,000.00元",
        "补贴1500-2000元，300人",
        "1500 2000 3000元",
        "行政区划代码110101",
        "事项编码000140014000",
        "统一社会信用代码91110101MA0000000A",
        "统一社会信用代码12110101400000000X",
        "12345",
        "12345热线",
        // Eleven digits inside a longer run.
        "20138000000001234567",
        "913800000000",
        "138000000001",
        "K7P2-1380-0000",
        "138 0000",
        "三次来窗口，等了40分钟",
        "2018-2019-2020-2021",
        "第1-3-5-7条",
    ] {
        assert_eq!(find_personal_data(text), None, "{text}");
    }
}

#[test]
fn a_phone_number_is_valid_when_somebody_can_be_called_on_it() {
    for text in [
        "13800000000",
        " １３８００００００００ ",
        "+86 138-0000-0000",
        "010-12345678",
        "（010）12345678",
        "+86 10 12345678",
        "65000000",
        "400-000-0000",
        "+852 2000 0000",
    ] {
        assert!(valid_phone(text), "{text}");
    }
    for text in [
        "",
        "abc",
        "12345",
        "1380000000",
        "138000000000",
        "12800000000",
        "13800000000 ext",
        "+0000000000",
        "+86 1",
    ] {
        assert!(!valid_phone(text), "{text}");
    }
}

#[test]
fn an_id_number_is_valid_with_a_province_a_date_and_the_right_check_character() {
    assert_eq!(with_check_character("11010119000101000"), SAMPLE_ID);
    assert!(valid_id_number(SAMPLE_ID));
    assert!(valid_id_number(" １１０１０１１９０００１０１０００６"));
    let with_x = "11010119000101009x";
    assert!(valid_id_number(with_x), "{}", with_check_character("11010119000101009"));
    for text in [
        "",
        "110101190001010001",
        "110101000101001",
        &with_check_character("99010119000101000"),
        &with_check_character("11010119000230000"),
        &with_check_character("11010118000101000"),
        "１１０１０１一九００",
    ] {
        assert!(!valid_id_number(text), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_can_be_scanned(text in any::<String>()) {
        let _ = (find_personal_data(&text), valid_phone(&text), valid_id_number(&text));
    }

    #[test]
    fn a_mobile_number_is_found_in_any_text_without_digits(
        before in "[^0-9０-９\\p{N}\\p{Cf}]{0,20}", second in 3_u8..=9, rest in 0_u32..1_000_000_000, after in "[\\p{Han}，。]{0,20}",
    ) {
        let number = format!("1{second}{rest:09}");
        prop_assert!(valid_phone(&number));
        let text = format!("{before}{number}{after}");
        prop_assert_eq!(find_personal_data(&text), Some(PersonalDataKind::MobilePhone));
    }

    #[test]
    fn a_mobile_number_is_found_in_chinese_digits(second in 3_usize..=9, rest in prop::collection::vec(0_usize..10, 9), blanks in 0_usize..3) {
        const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
        let spelled: Vec<String> =
            [1, second].into_iter().chain(rest).map(|digit| String::from(DIGITS[digit])).collect();
        let text = format!("请打{}联系", spelled.join(&" ".repeat(blanks)));
        prop_assert_eq!(find_personal_data(&text), Some(PersonalDataKind::MobilePhone));
    }

    #[test]
    fn an_id_number_of_any_day_is_found_and_valid(days in 0_u64..73_000, sequence in 0_u32..1000, province in 0..PROVINCES.len()) {
        let birth = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap() + chrono::Days::new(days);
        let digits = format!("{}0101{}{sequence:03}", PROVINCES[province], birth.format("%Y%m%d"));
        let id = with_check_character(&digits);
        prop_assert!(valid_id_number(&id));
        prop_assert_eq!(find_personal_data(&id), Some(PersonalDataKind::IdNumber));
    }

    #[test]
    fn a_date_is_never_personal_data(days in 0_u64..73_000, minute in 0_u32..1440, style in 0_usize..5) {
        let at = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap() + chrono::Days::new(days);
        let at = at.and_hms_opt(minute / 60, minute % 60, 0).unwrap();
        let style = ["%Y-%m-%d %H:%M:%S", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d", "%Y-%m-%dT%H:%M:%S+08:00"][style];
        let text = format!("{} {}", at.format(style), at.format(style));
        prop_assert_eq!(find_personal_data(&text), None);
    }
}
