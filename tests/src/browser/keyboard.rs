//! The keyboard: keys, typed text, and an input method that composes Chinese.

use serde_json::{Value, json};

use super::page::Page;

/// What keys are called, with the number that browsers still hand out.
const KEYS: &[(&str, &str, u32)] = &[
    ("Enter", "Enter", 13),
    ("Tab", "Tab", 9),
    ("Escape", "Escape", 27),
    ("Backspace", "Backspace", 8),
    ("Delete", "Delete", 46),
    (" ", "Space", 32),
    ("ArrowUp", "ArrowUp", 38),
    ("ArrowDown", "ArrowDown", 40),
    ("ArrowLeft", "ArrowLeft", 37),
    ("ArrowRight", "ArrowRight", 39),
    ("Home", "Home", 36),
    ("End", "End", 35),
    ("PageUp", "PageUp", 33),
    ("PageDown", "PageDown", 34),
];

/// The number that a key has while an input method works on it.
const COMPOSING: u32 = 229;

impl Page {
    /// Presses keys: `Enter`, `Tab`, `a`, or with others held down, `Shift+Tab`, `Control+Enter`, `Alt+1`.
    ///
    /// # Panics
    /// When there is no such key.
    #[track_caller]
    pub fn press(&self, keys: &str) {
        let mut parts: Vec<&str> = keys.split('+').collect();
        let key = if keys == "+" { "+" } else { parts.pop().expect("a split has a part") };
        let held = parts.iter().fold(0, |held, part| {
            held | match *part {
                "Alt" => 1,
                "Control" => 2,
                "Meta" => 4,
                "Shift" => 8,
                "" => 0,
                other => panic!("{other} is no key to hold"),
            }
        });
        let (code, number) = code_of(key);
        let mut event = json!({
            "type": "rawKeyDown", "key": key, "code": code, "modifiers": held,
            "windowsVirtualKeyCode": number,
        });
        // Keys that write: a held Control or Alt takes the text away.
        let text = if key == "Enter" { "\r" } else { key };
        if (key == "Enter" || key.chars().count() == 1) && held & !8 == 0 {
            event["type"] = json!("keyDown");
            event["text"] = json!(text);
        }
        self.key(event, key, &code, number, held);
    }

    #[track_caller]
    fn key(&self, down: Value, key: &str, code: &str, number: u32, held: u32) {
        self.call("Input.dispatchKeyEvent", down);
        self.call(
            "Input.dispatchKeyEvent",
            json!({
                "type": "keyUp", "key": key, "code": code, "modifiers": held,
                "windowsVirtualKeyCode": number,
            }),
        );
    }

    /// Types into what has the focus: letters and digits key by key, what no keyboard has at once, the way an
    /// input method hands it over.
    #[track_caller]
    pub fn type_text(&self, text: &str) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '\n' {
                self.press("Enter");
                rest = &rest[1..];
            } else if first.is_ascii_graphic() || first == ' ' {
                self.press(&rest[..1]);
                rest = &rest[1..];
            } else {
                let end = rest.find(|c: char| c.is_ascii()).unwrap_or(rest.len());
                self.call("Input.insertText", json!({ "text": &rest[..end] }));
                rest = &rest[end..];
            }
        }
    }

    /// Goes to the field that a selector finds and types, instead of what stands in it.
    ///
    /// # Panics
    /// When there is no such field.
    #[track_caller]
    pub fn fill(&self, selector: &str, text: &str) {
        self.click(selector);
        let selected = self.evaluate("document.activeElement.select?.() ?? true");
        assert_ne!(selected, json!(false));
        if text.is_empty() {
            self.press("Delete");
        }
        self.type_text(text);
    }

    /// Composes Chinese in what has the focus: `typed` key by key into an input method (`ban bu cheng`), and then, with
    /// Enter, takes `chosen`. That Enter belongs to the input method, and a page that hears it must not act on it.
    #[track_caller]
    pub fn compose(&self, typed: &str, chosen: &str) {
        self.compose_without_end(typed);
        self.press_while_composing("Enter");
        self.call("Input.insertText", json!({ "text": chosen }));
    }

    /// Starts to compose, and leaves the letters underlined.
    #[track_caller]
    pub fn compose_without_end(&self, typed: &str) {
        let mut shown = String::new();
        for letter in typed.chars() {
            shown.push(letter);
            let end = shown.encode_utf16().count();
            self.call(
                "Input.imeSetComposition",
                json!({ "text": shown, "selectionStart": end, "selectionEnd": end }),
            );
        }
    }

    /// Presses a key that the input method takes for itself.
    #[track_caller]
    pub fn press_while_composing(&self, key: &str) {
        let (code, _) = code_of(key);
        let down = json!({
            "type": "rawKeyDown", "key": key, "code": code, "windowsVirtualKeyCode": COMPOSING,
        });
        self.key(down, key, &code, COMPOSING, 0);
    }
}

#[track_caller]
fn code_of(key: &str) -> (String, u32) {
    if let Some((_, code, number)) = KEYS.iter().find(|(name, ..)| *name == key) {
        return ((*code).to_owned(), *number);
    }
    let mut letters = key.chars();
    let (Some(letter), None) = (letters.next(), letters.next()) else {
        panic!("{key} is no key");
    };
    let number = u32::from(letter.to_ascii_uppercase());
    match letter {
        'a'..='z' | 'A'..='Z' => (format!("Key{}", letter.to_ascii_uppercase()), number),
        '0'..='9' => (format!("Digit{letter}"), number),
        // Its number would be another key's: 46 is Delete and `.`.
        _ => (String::new(), 0),
    }
}
