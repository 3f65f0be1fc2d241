//! Contrast, counted from the colours of the style sheet: 4.5 to 1 for text in both themes (WCAG 2.2, 1.4.3), 3 to 1 for
//! what only bounds a control (1.4.11).

use std::collections::BTreeMap;

const TOKENS: &str = include_str!("../../../assets/css/10-tokens.css");

/// The colours of the block that begins with this line.
fn colours(begins: &str) -> BTreeMap<&'static str, [f64; 3]> {
    let block = TOKENS.split(begins).nth(1).unwrap().split("\n}").next().unwrap();
    block
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--")?.strip_suffix(';')?.split_once(": #"))
        .map(|(name, hex)| {
            let part = |at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
            (name, [part(0), part(2), part(4)])
        })
        .collect()
}

fn luminance(colour: [f64; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = part / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Text and what it stands on.
const TEXTS: &[(&str, &[&str])] = &[
    ("ink", &["paper", "ground", "sunken", "wash", "red-wash", "amber-wash", "green-wash"]),
    ("ink-soft", &["paper", "ground", "sunken", "wash", "red-wash", "amber-wash", "green-wash"]),
    ("accent", &["paper", "ground", "sunken", "wash", "amber-wash", "red-wash", "green-wash"]),
    ("accent-deep", &["paper", "ground", "wash"]),
    ("on-accent", &["accent", "accent-deep"]),
    ("red", &["paper", "ground", "red-wash"]),
    ("on-red", &["red"]),
    ("amber", &["paper", "ground", "amber-wash"]),
    ("green", &["paper", "ground", "green-wash"]),
    ("on-heat-low", &["heat-1", "heat-2", "heat-3"]),
    ("on-heat-high", &["heat-4", "heat-5"]),
];

/// What bounds a control or draws a line.
const BOUNDS: &[(&str, &[&str])] = &[
    ("line-strong", &["paper", "ground"]),
    ("series-1", &["paper"]),
    ("series-2", &["paper"]),
    ("series-3", &["paper"]),
];

#[test]
fn every_text_can_be_read_in_both_themes() {
    let themes = [colours(":root {"), colours(":root[data-theme=\"dark\"] {")];
    let mut faults = Vec::new();
    for (theme, name) in themes.iter().zip(["light", "dark"]) {
        for (pairs, least) in [(TEXTS, 4.5), (BOUNDS, 3.0)] {
            for (text, grounds) in pairs {
                for ground in *grounds {
                    let found = contrast(theme[text], theme[ground]);
                    if found < least {
                        faults.push(format!("{name}: {text} on {ground} is {found:.2}"));
                    }
                }
            }
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn the_dark_colours_are_the_same_for_the_system_and_for_the_visitor() {
    let system = colours(":root:not([data-theme=\"light\"]) {");
    // The block of the media query is indented, so that it ends with its own brace.
    let visitor = colours(":root[data-theme=\"dark\"] {");
    for (name, colour) in &visitor {
        assert_eq!(system.get(name), Some(colour), "{name}");
    }
    assert_eq!(colours(":root {").len(), visitor.len(), "a colour lacks its dark value");
}
