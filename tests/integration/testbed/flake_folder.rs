//! A folder with a flake in the operator's file system, plain or a Git repository.

use super::flake::Flake;
use super::machine::Machine;
use super::operator::Operator;

/// A flake in the operator's file system.
#[must_use]
pub(crate) struct FlakeFolder<'bed> {
    operator: &'bed Machine,
    path: String,
}

impl<'bed> FlakeFolder<'bed> {
    pub(crate) fn write(operator: &'bed Operator, path: &str, flake: &Flake) -> Self {
        let folder = Self {
            operator,
            path: path.to_owned(),
        };
        folder.rewrite(flake);
        operator.write(&format!("{path}/fixture.nix"), include_str!("fixture.nix"));
        folder
    }

    /// Returns the folder, which is also what the tool takes as the name of the flake.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Puts another flake into the folder; in a Git repository it is not committed.
    #[track_caller]
    pub(crate) fn rewrite(&self, flake: &Flake) {
        self.operator.write(
            &format!("{}/{}", self.path, flake.file_name()),
            &flake.text(),
        );
    }

    /// Commits what is in the folder, and makes it a Git repository if it is none.
    #[track_caller]
    pub(crate) fn commit(&self, message: &str) {
        let script = "git init -q; git add -A; git -c user.name=Bed -c user.email=bed@localhost commit -qm \"$0\"";
        let command = self.operator.command(["sh", "-ec", script, message]);
        command.directory(&self.path).run().success();
    }

    /// Moves it away, so that nothing can be evaluated any more.
    #[track_caller]
    pub(crate) fn move_to(&mut self, path: &str) {
        self.operator.run(["mv", "--", &self.path, path]).success();
        path.clone_into(&mut self.path);
    }
}
