//! Settings: flags, then `UNSTUCK_*` variables, then the file; all faults are said at once.
//!
//! Invariants: nothing is opened here; a setting has one name, from which its flag (`--nats-url`) and its
//! variable (`UNSTUCK_NATS_URL`) follow; a fault names the setting and where its value came from, and
//! never shows a secret's value.

mod parsers;

use std::collections::BTreeMap;
use std::fmt;

pub use parsers::{existing_file, folder, instant, listen_address, nats_url, one_of, whole_number};

/// The prefix of the variables.
pub const VARIABLE_PREFIX: &str = "UNSTUCK_";

/// The exit code of wrong settings (`EX_USAGE` of sysexits.h).
pub const EXIT_CODE_SETTINGS: u8 = 64;

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting and where its value came from.
    pub setting: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.problem)
    }
}

/// All that is wrong with the settings; prints one line per fault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The exit code of the process that ends with them.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        EXIT_CODE_SETTINGS
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Flag,
    Variable,
    File,
}

/// Resolves settings and collects faults.
///
/// ```
/// use runtime::settings::{Settings, listen_address};
///
/// let mut settings = Settings::of_variables([("UNSTUCK_LISTEN".to_owned(), "127.0.0.1:0".to_owned())]);
/// let listen = settings.required("listen", None, listen_address);
/// settings.finish().expect("nothing is wrong");
/// assert_eq!(listen, Some("127.0.0.1:0".parse().expect("an address")));
/// ```
#[derive(Debug, Default)]
pub struct Settings {
    variables: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    known: Vec<String>,
    faults: Vec<Fault>,
}

impl Settings {
    /// Reads the `UNSTUCK_*` variables of this process.
    #[must_use]
    pub fn of_environment() -> Self {
        // A variable that is not Unicode cannot be one of ours with a usable value.
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::of_variables(variables)
    }

    /// Takes variables; others than `UNSTUCK_*` are passed over.
    pub fn of_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables =
            variables.into_iter().filter(|(name, _)| name.starts_with(VARIABLE_PREFIX)).collect();
        Self { variables, ..Self::default() }
    }

    /// Adds the values of the file, by the setting's name (`nats-url`).
    #[must_use]
    pub fn with_file(mut self, values: impl IntoIterator<Item = (String, String)>) -> Self {
        self.file.extend(values);
        self
    }

    /// Resolves a setting that may be absent. `None` also after a fault, which [`Settings::finish`] says.
    pub fn optional<T>(
        &mut self,
        name: &str,
        flag: Option<String>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (source, text) = self.look_up(name, flag)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.fault_at(name, source, problem);
                None
            }
        }
    }

    /// Resolves a setting that must be there; its absence is a fault.
    pub fn required<T>(
        &mut self,
        name: &str,
        flag: Option<String>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Some((source, text)) = self.look_up(name, flag) else {
            let problem = format!("is missing; give --{name} or {}", variable(name));
            self.faults.push(Fault { setting: name.to_owned(), problem });
            return None;
        };
        match parse(&text) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.fault_at(name, source, problem);
                None
            }
        }
    }

    /// Resolves a setting with a default. After a fault the default is returned, and [`Settings::finish`]
    /// refuses.
    pub fn or_default<T>(
        &mut self,
        name: &str,
        flag: Option<String>,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        self.optional(name, flag, parse).unwrap_or(default)
    }

    /// Adds a fault that only the caller can see, for example two settings that exclude each other.
    pub fn fault(&mut self, setting: impl Into<String>, problem: impl Into<String>) {
        self.faults.push(Fault { setting: setting.into(), problem: problem.into() });
    }

    /// Says that a variable is read elsewhere (`UNSTUCK_MASTER_KEY`), so that it is not called unknown.
    pub fn is_read_elsewhere(&mut self, variable: &str) {
        self.known.push(variable.to_owned());
    }

    /// Adds a fault for each `UNSTUCK_*` variable that nobody asked for: a misspelt one must not be
    /// passed over in silence. Call it after all settings were resolved.
    pub fn refuse_unknown_variables(&mut self) {
        for name in self.variables.keys() {
            if !self.known.contains(name) {
                let problem = "is not the name of a setting".to_owned();
                self.faults.push(Fault { setting: name.clone(), problem });
            }
        }
    }

    /// Ends the resolution.
    ///
    /// # Errors
    /// All faults, in the order in which they were found.
    pub fn finish(self) -> Result<(), Faults> {
        if self.faults.is_empty() { Ok(()) } else { Err(Faults(self.faults)) }
    }

    fn look_up(&mut self, name: &str, flag: Option<String>) -> Option<(Source, String)> {
        let variable = variable(name);
        let from_variable = self.variables.get(&variable).filter(|text| !text.is_empty()).cloned();
        self.known.push(variable);
        flag.map(|text| (Source::Flag, text))
            .or_else(|| from_variable.map(|text| (Source::Variable, text)))
            .or_else(|| self.file.get(name).map(|text| (Source::File, text.clone())))
    }

    fn fault_at(&mut self, name: &str, source: Source, problem: String) {
        let setting = match source {
            Source::Flag => format!("--{name}"),
            Source::Variable => variable(name),
            Source::File => format!("{name} in the district file"),
        };
        self.faults.push(Fault { setting, problem });
    }
}

/// The variable of a setting: `nats-url` is `UNSTUCK_NATS_URL`.
fn variable(name: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", name.replace('-', "_").to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        Settings::of_variables(variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn a_flag_beats_a_variable_and_a_variable_beats_the_file() {
        let text = |text: &str| Ok(text.to_owned());
        let mut settings = settings(&[("UNSTUCK_A", "variable"), ("UNSTUCK_B", "variable")])
            .with_file(["a", "b", "c"].map(|name| (name.to_owned(), "file".to_owned())));
        assert_eq!(settings.optional("a", Some("flag".to_owned()), text).as_deref(), Some("flag"));
        assert_eq!(settings.optional("b", None, text).as_deref(), Some("variable"));
        assert_eq!(settings.optional("c", None, text).as_deref(), Some("file"));
        assert_eq!(settings.or_default("d", None, "default".to_owned(), text), "default");
    }

    #[test]
    fn all_faults_are_said_at_once_one_line_each() {
        let mut settings =
            settings(&[("UNSTUCK_NATS_URL", "ftp://x"), ("UNSTUCK_LISTN", "typo"), ("HOME", "/")]);
        assert_eq!(settings.required("listen", Some("nowhere".to_owned()), listen_address), None);
        assert_eq!(settings.required("nats-url", None, nats_url), None);
        assert_eq!(settings.required("district", None, existing_file), None);
        settings.refuse_unknown_variables();
        let faults = settings.finish().unwrap_err();
        assert_eq!(faults.exit_code(), 64);
        let lines: Vec<_> = faults.to_string().lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert!(lines[0].starts_with("--listen: "));
        assert!(lines[1].starts_with("UNSTUCK_NATS_URL: "));
        assert!(lines[2].starts_with("district: is missing"));
        assert!(lines[3].starts_with("UNSTUCK_LISTN: "));
    }
}
