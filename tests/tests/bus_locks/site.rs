//! A site with a nats-server of its own, as its operator would set it up.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tempfile::TempDir;
use unstuck_tests::api::{Address, PASSWORD};
use unstuck_tests::binary::{nats_server, repository, sample_district, unstuck_command};
use unstuck_tests::district::{output_with_input, said, spoilt_copy};
use unstuck_tests::process::Process;
use unstuck_tests::wire::Line;
use unstuck_tests::{wait_for, wait_until};

use super::run;

/// A nats-server of a site's own, with the configuration of `deploy/nats` and the users that `bus-config` has written.
pub(super) struct Site {
    folder: TempDir,
    pub(super) servers: Vec<Process>,
    ports: Vec<u16>,
}

impl Site {
    /// One server.
    pub(super) fn single() -> Self {
        let mut site = Self::prepared();
        let config = site.configuration("single.conf", &[]);
        site.start(&config, "bus-1", &[]);
        site
    }

    /// Three servers that know each other, once they have agreed on one that leads.
    pub(super) fn cluster() -> Self {
        let mut site = Self::prepared();
        let reserved = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let addresses = reserved.each_ref().map(|one| one.local_addr().expect("an address"));
        drop(reserved);
        let routes = addresses.map(|address| format!("nats-route://{address}"));
        let config = site.configuration(
            "cluster.conf",
            &[
                ("\"0.0.0.0:6222\"", "$CLUSTER_ADDRESS"),
                ("\"127.0.0.1:8222\"", "\"127.0.0.1:-1\""),
                ("nats-route://bus-1:6222", &routes[0]),
                ("nats-route://bus-2:6222", &routes[1]),
                ("nats-route://bus-3:6222", &routes[2]),
            ],
        );
        for (name, address) in ["bus-1", "bus-2", "bus-3"].into_iter().zip(addresses) {
            site.start(&config, name, &[("CLUSTER_ADDRESS", format!("\"{address}\""))]);
        }
        let (seed, authority) = (site.all_seeds().join("provisioner.nk"), site.path("nats/ca.crt"));
        wait_until("the servers have a leader", || {
            run(async {
                let line = Line::open_over_tls(&site.url(), &seed, authority.clone()).await?;
                Ok(line.client().request("$JS.API.INFO", "".into()).await.is_ok())
            })
        });
        site
    }

    /// Users and certificates, and no server yet.
    pub(super) fn prepared() -> Self {
        let folder = tempfile::Builder::new().prefix("unstuck-site-").tempdir().expect("a folder");
        let site = Self { folder, servers: Vec::new(), ports: Vec::new() };
        let mut command = unstuck_command();
        command.args(["bus-config", "--centers", "--out"]).arg(site.path("nats"));
        let output = command.output().expect("the binary can be started");
        assert!(output.status.success(), "{}", said(&output));
        site.certificates();
        site
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for this machine, the authority that signed it, and another authority.
    pub(super) fn certificates(&self) {
        let authority = |name: &str| {
            let key = KeyPair::generate().expect("a key");
            let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
            parameters.distinguished_name.push(DnType::CommonName, name);
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let certificate = parameters.self_signed(&key).expect("a certificate");
            (certificate.pem(), Issuer::new(parameters, key))
        };
        let (pem, issuer) = authority("the site's authority");
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let key = KeyPair::generate().expect("a key");
        let server = CertificateParams::new(names).expect("names");
        let server = server.signed_by(&key, &issuer).expect("a certificate");
        let write = |name: &str, text: String| {
            std::fs::write(self.path("nats").join(name), text).expect("the folder is writable");
        };
        write("ca.crt", pem);
        write("other-ca.crt", authority("another authority").0);
        write("server.crt", server.pem());
        write("server.key", key.serialize_pem());
    }

    /// A configuration of `deploy/nats` with the paths of this site, beside its users.
    pub(super) fn configuration(&self, name: &str, more: &[(&str, &str)]) -> PathBuf {
        let nats = self.path("nats").display().to_string();
        let mut replacements = vec![
            ("\"0.0.0.0:4222\"".to_owned(), "$CLIENT_ADDRESS".to_owned()),
            ("\"/var/lib/nats\"".to_owned(), "$STORE".to_owned()),
        ];
        replacements.extend(more.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())));
        let file = repository().join("deploy/nats").join(name);
        let replacements: Vec<_> =
            replacements.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
        let copy = spoilt_copy(&file, &self.path("nats"), &replacements);
        let text = std::fs::read_to_string(&copy).expect("it was written");
        let text = text.replace("/etc/nats", &nats) + "\nports_file_dir: $PORTS\n";
        std::fs::write(&copy, text).expect("the folder is writable");
        copy
    }

    pub(super) fn start(&mut self, config: &Path, name: &str, more: &[(&str, String)]) {
        let folder = self.path(name);
        std::fs::create_dir_all(&folder).expect("the folder is writable");
        let mut command = Command::new(nats_server());
        command.arg("--config").arg(config).env("NATS_NAME", name);
        command.env("CLIENT_ADDRESS", "\"127.0.0.1:-1\"").envs(more.iter().cloned());
        // A text, whatever a path holds.
        command.env("STORE", format!("\"{}\"", folder.join("store").display()));
        command.env("PORTS", format!("\"{}\"", folder.display()));
        let process = Process::start(command, &self.log(name));
        let ports = folder.join(format!("nats-server_{}.ports", process.id()));
        self.servers.push(process);
        let port = wait_for("nats-server says its port", || {
            let ports: Value = serde_json::from_slice(&std::fs::read(&ports).ok()?).ok()?;
            // With TLS the address begins with another word.
            let address = ports["nats"][0].as_str().or(ports["tls"][0].as_str())?;
            address.rsplit(':').next()?.parse().ok()
        });
        self.ports.push(port);
    }

    pub(super) fn log(&self, server: &str) -> PathBuf {
        self.path(&format!("{server}.log"))
    }

    pub(super) fn url(&self) -> String {
        let hosts = self.ports.iter().map(|port| format!("nats://127.0.0.1:{port}"));
        hosts.collect::<Vec<_>>().join(",")
    }

    pub(super) fn all_seeds(&self) -> PathBuf {
        self.path("nats/seeds")
    }

    /// A folder with the seeds of these users and no other.
    pub(super) fn seeds_of(&self, users: &[&str]) -> PathBuf {
        let folder = self.path(&format!("seeds-{}", users.join("-")));
        std::fs::create_dir_all(&folder).expect("the folder is writable");
        for user in users {
            let file = format!("{user}.nk");
            // A copy keeps who may read it.
            std::fs::copy(self.all_seeds().join(&file), folder.join(&file))
                .expect("the seed is there");
        }
        folder
    }

    /// A command on this bus, as who has these seeds and trusts this authority.
    pub(super) fn command(
        &self,
        arguments: &[&str],
        seeds: &Path,
        authority: Option<&str>,
    ) -> Command {
        let mut command = unstuck_command();
        command.args(arguments).args(["--nats-url", &self.url()]).arg("--nats-seeds").arg(seeds);
        if let Some(authority) = authority {
            command.arg("--nats-ca").arg(self.path("nats").join(authority));
        }
        command.env("UNSTUCK_MASTER_KEY", "5a".repeat(32));
        command
    }

    /// Starts a service with the seeds that it needs and no other; gives where it listens.
    pub(super) fn service(&self, name: &str, users: &[&str]) -> (Process, Address) {
        let seeds = self.seeds_of(users);
        let mut command = self.command(&[name, "--listen", "127.0.0.1:0"], &seeds, Some("ca.crt"));
        command.arg("--district").arg(sample_district()).arg("--data").arg(self.path(name));
        let mut process = Process::start(command, &self.path(&format!("{name}.log")));
        let address = process.wait_for_line("Listening on ", Duration::from_secs(120));
        (process, Arc::new(RwLock::new(address.trim().to_owned())))
    }

    /// Adds an account with the tool.
    pub(super) fn staff(&self, username: &str, arguments: &[&str]) {
        let words = ["staff", "add", "--username", username, "--name", "测试员工"];
        let mut command = self.command(&words, &self.all_seeds(), Some("ca.crt"));
        command.args(arguments).arg("--password-stdin");
        let output = output_with_input(command, PASSWORD);
        assert!(output.status.success(), "{}", said(&output));
    }

    /// What the servers have refused.
    pub(super) fn violations(&self) -> Vec<String> {
        let names = ["bus-1", "bus-2", "bus-3"];
        let logs = names.map(|name| std::fs::read_to_string(self.log(name)).unwrap_or_default());
        let lines = logs.iter().flat_map(|log| log.lines());
        lines.filter(|line| line.contains("Violation")).map(ToOwned::to_owned).collect()
    }
}
