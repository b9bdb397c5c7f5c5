//! A binary cache: a folder of the operator that a web server hands out.

use std::time::Duration;

use super::address;
use super::operator::Operator;
use super::running::Running;

/// A pair of keys that nothing but the beds knows.
const PUBLIC_KEY: &str = "bed:jDC+Y6VluuT5E3C7NWhpE6K6GBiKaku6ipLjytqJLPc=";
const SECRET_KEY: &str =
    "bed:LbEBnByVQ4iVeGRhhKy/ONTjFl8h1Zpvto9HMQ/cBkuMML5jpWW65PkTcLs1aGkToroYGIpqS7qKkuPK2oks9w==";
const KEY_FILE: &str = "/root/cache.key";
const PORT: u16 = 8080;
/// Longer than any test or benchmark.
const LIMIT: Duration = Duration::from_secs(2 * 3600);

/// A cache with an address, which hosts can be told before anything is in it.
pub(crate) struct BinaryCache {
    address: String,
    folder: String,
}

/// A web server that hands out a cache. Dropping it ends it.
pub(crate) struct CacheServer(Running);

impl BinaryCache {
    #[track_caller]
    pub(crate) fn new() -> Self {
        let address = address::next().to_string();
        let folder = format!("/root/cache-{address}");
        Self { address, folder }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}:{PORT}", self.address)
    }

    /// Returns what nix.conf of a host says that fetches from it.
    pub(crate) fn nix_conf(&self) -> String {
        let url = self.url();
        format!("substituters = {url}\ntrusted-public-keys = {PUBLIC_KEY}")
    }

    /// Puts the closures of these paths into it, signed, and as they are.
    #[track_caller]
    pub(crate) fn publish(&self, operator: &Operator, paths: &[&str]) {
        operator.write(KEY_FILE, SECRET_KEY);
        let store = format!(
            "file://{}?secret-key={KEY_FILE}&compression=none",
            self.folder
        );
        let copy = operator.command(["nix", "--extra-experimental-features", "nix-command"]);
        let copy = copy.args(["copy", "--to", &store]).args(paths);
        copy.limit(LIMIT).run().success();
    }

    /// Starts handing out what is in it by then and later.
    #[track_caller]
    pub(crate) fn serve(&self, operator: &Operator) -> CacheServer {
        operator.run(["mkdir", "-p", &self.folder]).success();
        let server = operator.command(["python3", "-u", "-m", "http.server", "--directory"]);
        let server = server.args([&self.folder, "--bind", &self.address, &PORT.to_string()]);
        let mut server = server.limit(LIMIT).spawn();
        server.wait_for("Serving HTTP");
        CacheServer(server)
    }
}

impl CacheServer {
    /// Counts the files of store paths that were fetched so far.
    pub(crate) fn fetched(&self) -> usize {
        self.0.stderr().matches("\"GET /nar/").count()
    }
}
