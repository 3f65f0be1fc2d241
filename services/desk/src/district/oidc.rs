//! `[oidc]` of the district file: the identity provider (统一身份认证) with whom people may sign in.
//!
//! Invariants: no secret stands in the district file, only where it is: in a file that nobody but its owner may read,
//! or in a credential that systemd lends; nothing crosses a network in clear, loopback excepted; the provider is not
//! asked here.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use axum::http::Uri;

use super::reader::Reader;

/// Largest file of a secret, in bytes; providers give some 40 characters.
const SECRET_BYTES_MAX: u64 = 1024;

/// The claim that names an account, unless the file says another.
const CLAIM_DEFAULT: &str = "preferred_username";

/// An identity provider, as the district file states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// The issuer, letter by letter as the provider says it.
    pub issuer: String,
    /// As what the provider knows this house.
    pub client_id: String,
    /// What proves to the provider that it is this house; absent for a public client.
    pub client_secret: Option<Secret>,
    /// Under which address people reach this house: scheme and host, no slash at the end.
    pub public_url: String,
    /// The claim whose value is the username of an account here.
    pub claim: String,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Values of the claim `acr` that say that the provider has asked for a second factor.
    pub second_factor_acr: Vec<String>,
    /// Values in the claim `amr` that say so.
    pub second_factor_amr: Vec<String>,
}

/// A text that does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one call that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Reads `[oidc]`, when the file has it. `place` is where the district file lies: the secret lies relative to it.
pub(super) fn oidc(file: &mut Reader, place: Option<&Path>) -> Option<OidcSettings> {
    let table = file.optional_nested("oidc")?;
    let mut oidc = Reader::nested(table, "oidc", file);
    let issuer = oidc.text("issuer");
    let client_id = oidc.text("client_id");
    let public_url = oidc.text("public_url").trim_end_matches('/').to_owned();
    let claim = oidc.optional_text("claim").unwrap_or_else(|| CLAIM_DEFAULT.to_owned());
    let scopes = match oidc.optional_texts("scopes") {
        none if none.is_empty() => vec!["profile".to_owned()],
        scopes => scopes,
    };
    let second_factor_acr = oidc.optional_texts("second_factor_acr");
    let second_factor_amr = oidc.optional_texts("second_factor_amr");
    check_address(&mut oidc, "issuer", &issuer, true);
    check_address(&mut oidc, "public_url", &public_url, false);
    let is_word = |text: &&String| text.bytes().all(|byte| byte.is_ascii_graphic());
    if let Some(scope) = scopes.iter().find(|scope| scope.is_empty() || !is_word(scope)) {
        oidc.fault(format!("scopes: {scope:?} is no scope"));
    }
    let client_secret = client_secret(&mut oidc, place);
    oidc.no_more();
    file.take_faults(&mut oidc);
    Some(OidcSettings {
        issuer,
        client_id,
        client_secret,
        public_url,
        claim,
        scopes,
        second_factor_acr,
        second_factor_amr,
    })
}

/// A code that crosses a network in clear is somebody else's session.
fn check_address(oidc: &mut Reader, name: &str, text: &str, may_have_path: bool) {
    if text.is_empty() {
        return;
    }
    let uri = text.parse::<Uri>().ok();
    let is_fine = uri.as_ref().is_some_and(|uri| {
        let is_bare = uri.query().is_none() && !text.contains('#');
        let is_short = may_have_path || matches!(uri.path(), "" | "/");
        let has_user = uri.authority().is_none_or(|authority| authority.as_str().contains('@'));
        is_bare && is_short && !has_user && is_safe(uri)
    });
    if !is_fine {
        let form = if may_have_path { "" } else { ", with no path" };
        oidc.fault(format!(
            "{name} {text:?}: is no address like https://id.example{form}; http is for loopback only"
        ));
    }
}

fn is_safe(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => is_here,
        _ => false,
    }
}

fn client_secret(oidc: &mut Reader, place: Option<&Path>) -> Option<Secret> {
    let file = oidc.optional_text("client_secret_file");
    let credential = oidc.optional_text("client_secret_credential");
    let read = match (file, credential) {
        (None, None) => return None,
        (Some(_), Some(_)) => {
            Err("client_secret_file, client_secret_credential: only one of them \
             says where the secret is"
                .to_owned())
        }
        (Some(file), None) => {
            let folder = match place {
                Some(folder) if folder.is_dir() => Some(folder),
                place => place.and_then(Path::parent),
            };
            let path = folder.unwrap_or(Path::new("")).join(&file);
            of_file(&path, true).map_err(|fault| format!("client_secret_file {file:?}: {fault}"))
        }
        (None, Some(name)) => of_credential(&name)
            .map_err(|fault| format!("client_secret_credential {name:?}: {fault}")),
    };
    read.map_err(|fault| oidc.fault(fault)).ok()
}

fn of_credential(name: &str) -> Result<Secret, String> {
    if name.contains('/') {
        return Err("is the name of a credential, and no path".to_owned());
    }
    let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
        return Err("systemd has lent no credentials to this process".to_owned());
    };
    // Who may read it is systemd's matter.
    of_file(&PathBuf::from(folder).join(name), false)
}

fn of_file(path: &Path, must_be_private: bool) -> Result<Secret, String> {
    let about = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !about.is_file() || about.len() > SECRET_BYTES_MAX {
        return Err(format!("is no file of at most {SECRET_BYTES_MAX} bytes"));
    }
    if must_be_private && about.permissions().mode() & 0o077 != 0 {
        return Err("may be read by others; chmod 600".to_owned());
    }
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    match secret.is_empty() || secret.chars().any(char::is_control) {
        true => Err("has not one line with the secret".to_owned()),
        false => Ok(Secret(secret.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, place: Option<&Path>) -> (Option<OidcSettings>, Vec<String>) {
        let mut file = Reader::new(text.parse().unwrap());
        let settings = oidc(&mut file, place);
        (settings, file.finish().err().unwrap_or_default())
    }

    const LEAST: &str = "[oidc]\nissuer = \"https://id.example/realms/city\"\nclient_id = \"unstuck\"\n\
        public_url = \"https://desk.example/\"\n";

    #[test]
    fn the_least_is_an_issuer_a_client_and_an_address() {
        assert_eq!(read("", None), (None, Vec::new()));
        let (settings, faults) = read(LEAST, None);
        assert!(faults.is_empty(), "{faults:?}");
        let settings = settings.unwrap();
        assert_eq!(settings.public_url, "https://desk.example");
        assert_eq!((settings.claim.as_str(), settings.client_secret), (CLAIM_DEFAULT, None));
        assert_eq!(settings.scopes, ["profile"]);
    }

    #[test]
    fn every_fault_is_said_at_once() {
        let text = "[oidc]\nissuer = \"http://id.example\"\npublic_url = \"https://desk.example/x\"\n\
            scopes = [\"a b\"]\nclient_secret = \"in clear\"\nclient_secret_file = \"nowhere\"\n";
        let (_, faults) = read(text, None);
        assert_eq!(faults.len(), 6, "{faults:#?}");
        for word in ["issuer", "client_id", "public_url", "scopes", "client_secret is not known"] {
            assert!(faults.iter().any(|fault| fault.contains(word)), "{word}: {faults:#?}");
        }
        for issuer in ["id.example", "https://a@id.example", "https://id.example?x", "ftp://id"] {
            let (_, faults) = read(&LEAST.replace("https://id.example/realms/city", issuer), None);
            assert_eq!(faults.len(), 1, "{issuer}: {faults:#?}");
        }
    }

    #[test]
    fn a_secret_stands_in_a_file_of_its_owner_beside_the_district_file() {
        let folder = tempfile::tempdir().unwrap();
        let (district, path) = (folder.path().join("d.toml"), folder.path().join("oidc.secret"));
        let text = format!("{LEAST}client_secret_file = \"oidc.secret\"\n");
        fs::write(&path, "sample-secret\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let (settings, faults) = read(&text, Some(&district));
        assert!(faults.is_empty(), "{faults:?}");
        let settings = settings.unwrap();
        assert_eq!(settings.client_secret.as_ref().unwrap().reveal(), "sample-secret");
        assert!(!format!("{settings:?}").contains("sample"));

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let (_, faults) = read(&text, Some(&district));
        assert!(faults[0].contains("others"), "{faults:?}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for wrong in ["", "\n", "two\nlines\n"] {
            fs::write(&path, wrong).unwrap();
            assert_eq!(read(&text, Some(&district)).1.len(), 1, "{wrong:?}");
        }
        let text = format!("{text}client_secret_credential = \"oidc\"\n");
        assert!(read(&text, Some(&district)).1[0].contains("only one"));
    }
}
