//! One process of Nix that evaluates a selection, and what it says on the way.

use super::NixError;
use super::command::Nix;
use super::file;
use crate::config::{
    BEGUN_MARK, Begun, DONE_MARK, Evaluation, Evaluators, Origin, Paths, Selection, expression,
};
use crate::model::NodeName;
use crate::process::{Invocation, run_with};

const DOING: &str = "evaluating the fleet";

/// What is to be evaluated, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evaluator<'a> {
    pub(super) nix: &'a Nix,
    pub(super) origin: &'a Origin,
    pub(super) paths: Paths,
}

/// An evaluator that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// What it found; none where it failed.
    pub(super) evaluation: Option<Evaluation>,
    /// What it had traced of its beginning.
    pub(super) begun: Option<Begun>,
    /// The names of the nodes whose paths were known.
    pub(super) done: Vec<String>,
    /// Everything else that it said.
    pub(super) said: Vec<String>,
}

impl Ended {
    /// Returns the node at which it has failed, and those that it had not come to yet; none where
    /// the failure is of no node.
    pub(super) fn failed_at(&self) -> Option<(NodeName, Vec<NodeName>)> {
        let share = self.begun.iter().flat_map(|begun| &begun.share);
        let left = share.filter(|name| !self.done.contains(name));
        let mut left = left.filter_map(|name| name.parse().ok());
        Some((left.next()?, left.collect()))
    }
}

impl Evaluator<'_> {
    /// Evaluates as the only one, or as the first of several. `on_begun` gets what it traces before
    /// it goes on to the paths; it may never be called.
    pub(super) async fn first(
        &self,
        selection: &Selection,
        on_begun: impl FnMut(&Begun),
    ) -> Result<Ended, NixError> {
        run(self.call(selection, self.nix.evaluators), on_begun).await
    }

    /// Evaluates what an earlier one has left.
    ///
    /// Without Nix's cache, in which nothing of this is found: evaluators of one flake wait for each
    /// other at its database.
    pub(super) async fn another(&self, selection: &Selection) -> Result<Ended, NixError> {
        let call = self.call(selection, Evaluators::ONE);
        let call = match self.origin {
            Origin::Flake(_) => call.args(["--option", "eval-cache", "false"]),
            Origin::File(_) => call,
        };
        run(call, |_| {}).await
    }

    /// Explains a failure that is of no node.
    pub(super) fn failure(&self, said: &[String]) -> NixError {
        let origin = self.origin.clone();
        let message = said.join("\n");
        let says_none =
            message.contains("does not provide attribute") && message.contains("'deploy'");
        if says_none || message.contains(file::NO_DEPLOY) {
            return NixError::NoDeploy { origin };
        }
        NixError::Evaluation {
            origin,
            message: message.trim_end().to_owned(),
        }
    }

    fn call(&self, selection: &Selection, evaluators: Evaluators) -> Invocation {
        let function = expression(selection, self.paths, evaluators);
        let call = match self.origin {
            Origin::Flake(reference) => Nix::nix(&["eval", "--json"])
                .arg(format!("{reference}#deploy"))
                .arg("--apply")
                .arg(function),
            Origin::File(path) => file::evaluation(path, &function),
        };
        call.args(&self.nix.arguments)
    }
}

async fn run(call: Invocation, mut on_begun: impl FnMut(&Begun)) -> Result<Ended, NixError> {
    let mut ended = Ended {
        evaluation: None,
        begun: None,
        done: Vec::new(),
        said: Vec::new(),
    };
    let finished = run_with(&call, |line| {
        if let Some(begun) = marked(line, BEGUN_MARK) {
            on_begun(&begun);
            ended.begun = Some(begun);
        } else if let Some(node) = marked(line, DONE_MARK) {
            ended.done.push(node);
        } else {
            ended.said.push(line.to_owned());
        }
    })
    .await
    .map_err(|source| NixError::process(DOING, source))?;
    if finished.status.success() {
        let read = serde_json::from_slice(&finished.stdout);
        ended.evaluation = Some(read.map_err(|source| NixError::Unexpected {
            doing: DOING,
            source,
        })?);
    } else if ended.said.is_empty() {
        // Nothing is said by what the system has ended, such as for want of memory.
        ended
            .said
            .push(format!("Nix ended with {}", finished.status));
    }
    Ok(ended)
}

fn marked<T: serde::de::DeserializeOwned>(line: &str, mark: &str) -> Option<T> {
    let (_, json) = line.split_once(mark)?;
    serde_json::from_str(json.trim_end()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_call_names_the_selection_only() {
        let selection = &crate::config::select(&["./x#web1".parse().unwrap()], &[])[0];
        let nix = Nix {
            arguments: vec!["--impure".into()],
            ..Nix::default()
        };
        let evaluator = Evaluator {
            nix: &nix,
            origin: &selection.origin,
            paths: Paths::Wanted,
        };
        let line = evaluator.call(selection, Evaluators::ONE).to_string();
        assert!(line.starts_with("nix --extra-experimental-features nix-command flakes eval --json ./x#deploy --apply let"));
        assert!(line.ends_with(" --impure"));
    }

    #[test]
    fn a_missing_attribute_is_told_from_other_errors() {
        let missing = "error: flake 'path:/x' does not provide attribute 'packages.x86_64-linux.deploy', 'legacyPackages.x86_64-linux.deploy' or 'deploy'";
        let evaluator = Evaluator {
            nix: &Nix::default(),
            origin: &Origin::Flake("x".into()),
            paths: Paths::Wanted,
        };
        let failure = |line: &str| evaluator.failure(&[line.to_owned()]);
        assert!(matches!(failure(missing), NixError::NoDeploy { .. }));
        assert!(matches!(
            failure("error: undefined variable"),
            NixError::Evaluation { .. }
        ));
    }

    #[tokio::test]
    async fn what_it_says_is_told_apart() {
        let script = r#"
            echo 'trace: deploy-begun:{"share":["a","a\"b","c","d"],"settings":{"fleet":{"type":"set","options":{},"unknown":[]},"nodesType":"set","nodeNames":["a"],"nodes":{}}}' >&2
            echo 'trace: deploy-done:"a"' >&2
            echo 'trace: deploy-done:"a\"b"' >&2
            echo 'warning: old' >&2
            exit 1"#;
        let mut begun = 0;
        let call = Invocation::new("/bin/sh").args(["-c", script]);
        let ended = run(call, |_| begun += 1).await.unwrap();
        assert!(ended.evaluation.is_none());
        assert_eq!(begun, 1);
        assert_eq!(ended.done, ["a", "a\"b"]);
        assert_eq!(ended.said, ["warning: old"]);
        let (failed, left) = ended.failed_at().unwrap();
        assert_eq!((failed.as_str(), left), ("c", vec!["d".parse().unwrap()]));
        let killed = Invocation::new("/bin/sh").args(["-c", "kill -9 $$"]);
        let said = run(killed, |_| {}).await.unwrap().said;
        assert!(said[0].contains("signal: 9"), "{said:?}");
    }
}
