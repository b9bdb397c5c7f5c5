//! The files of a node's profiles: first what there is, then the texts that somebody wants.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::answer::{Fields, fields};
use super::script::{FilesWanted, files_command};
use super::units::sent_text;
use crate::host::ConnectionPool;
use crate::model::{Connection, RunId, StorePath};
use crate::plan::{FILES_MAX, FileText, FileTree};
use crate::ssh::SshError;

/// A file of a profile by its place.
pub type FilePlace = (StorePath, String);

/// A node whose files are read over one connection.
#[derive(Debug, Clone, Copy)]
pub struct FileReader<'a> {
    /// The connections.
    pub pool: &'a ConnectionPool,
    /// How the node is reached.
    pub connection: &'a Connection,
    /// A random text that marks the answers.
    pub mark: &'a RunId,
}

impl FileReader<'_> {
    /// Lists the files of what lies at these paths.
    pub async fn list(
        &self,
        paths: &BTreeSet<&StorePath>,
    ) -> Result<BTreeMap<StorePath, FileTree>, SshError> {
        let command = files_command(self.mark.as_str(), FilesWanted::List(paths));
        self.ask(("list files", &command), "", trees).await
    }

    /// Reads these files. Those after which the answer became too long are not in it.
    pub async fn read(
        &self,
        files: &BTreeSet<FilePlace>,
    ) -> Result<BTreeMap<FilePlace, FileText>, SshError> {
        if files.is_empty() {
            return Ok(BTreeMap::new());
        }
        let command = files_command(self.mark.as_str(), FilesWanted::Texts);
        let mut input = String::new();
        for (path, place) in files {
            let _ = writeln!(input, "{path}\t{place}");
        }
        self.ask(("read files", &command), &input, texts).await
    }

    async fn ask<Answer>(
        &self,
        titled: (&str, &str),
        input: &str,
        read: impl Fn(Fields<'_>) -> Answer,
    ) -> Result<Answer, SshError> {
        let link = self.pool.link(self.connection).await?;
        let (_, answer) = link.run_bytes(titled, input.as_bytes()).await?;
        let answer = String::from_utf8_lossy(&answer);
        let (fields, _) = fields(&answer, self.mark.as_str())
            .map_err(|error| SshError::lost(error.to_string()))?;
        Ok(read(Fields::new(&fields)))
    }
}

fn trees(mut fields: Fields<'_>) -> BTreeMap<StorePath, FileTree> {
    let mut trees = BTreeMap::new();
    while fields.next_if("tree") {
        let (path, listing) = (fields.next(), fields.next());
        let mut tree = FileTree::parse(listing);
        if listing.lines().count() >= FILES_MAX {
            tree.cannot_see(&format!("there are more than {FILES_MAX} files"));
        }
        if let Ok(path) = path.parse() {
            trees.insert(path, tree);
        }
    }
    trees
}

fn texts(mut fields: Fields<'_>) -> BTreeMap<FilePlace, FileText> {
    let mut texts = BTreeMap::new();
    while fields.next_if("file") {
        let (path, place) = (fields.next(), fields.next());
        let (state, sent) = (fields.next(), fields.next());
        let text = match state {
            "text" => sent_text(sent),
            "gone" => Err("it was gone before it could be read".to_owned()),
            "unreadable" => Err("it must not be read".to_owned()),
            _ => Err("it is no file".to_owned()),
        };
        if let Ok(path) = path.parse() {
            texts.insert((path, place.to_owned()), text);
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a";

    #[test]
    fn texts_that_are_none_say_why() {
        let answer = [
            ("a", "text", "[Unit]\n."),
            ("b", "text", "a\u{1}b."),
            ("c", "gone", ""),
            ("d", "unreadable", ""),
            ("e", "other", ""),
        ];
        let answer: Vec<&str> = answer
            .iter()
            .flat_map(|(place, state, sent)| ["file", PATH, place, state, sent])
            .collect();
        let told: Vec<FileText> = texts(Fields::new(&answer)).into_values().collect();
        assert_eq!(told[0], Ok("[Unit]\n".to_owned()));
        let reasons: Vec<_> = told[1..].iter().filter_map(|it| it.clone().err()).collect();
        let expected = [
            "it is no text",
            "it was gone before it could be read",
            "it must not be read",
            "it is no file",
        ];
        assert_eq!(reasons, expected);
    }

    #[test]
    fn a_listing_that_was_cut_says_so() {
        let listing = "etc/a\tfile\t1\n".repeat(FILES_MAX);
        let trees = trees(Fields::new(&["tree", PATH, &listing]));
        assert_eq!(
            trees.values().map(|tree| tree.unseen.len()).sum::<usize>(),
            1
        );
    }

    proptest::proptest! {
        #[test]
        fn hostile_answers_do_not_panic(answer in proptest::collection::vec("(tree|file|text|gone|[^\\x00]{0,8})", 0..30)) {
            let fields: Vec<&str> = answer.iter().map(String::as_str).collect();
            drop(trees(Fields::new(&fields)));
            drop(texts(Fields::new(&fields)));
        }
    }
}
