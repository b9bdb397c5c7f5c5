//! `activate read`: telling what only a profile's own user may see. Takes no lock, writes nothing.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::folder::Folder;
use super::profile::Snapshot;
use super::program::Program;
use super::system;
use crate::model::{AbsolutePath, Generation, GenerationContent, ObservedGeneration, ProfileState};
use crate::protocol::{JournalText, LockText, Reading};

/// No journal or holder that makes sense is longer.
const TEXT_MAX: u64 = 256 << 10;

/// Returns what there is to be told of the profile at `path`.
pub(super) fn read(path: &AbsolutePath) -> Reading {
    let folder = Folder::of(path);
    let (state, generations) = match Snapshot::read(path) {
        Ok(Snapshot {
            state, generations, ..
        }) => {
            let generation = |(number, text): (Generation, String)| observed(path, number, &text);
            (state, generations.into_iter().map(generation).collect())
        }
        Err(error) => {
            let reason = format!("cannot read {path}: {error}");
            (ProfileState::Unknown { reason }, Vec::new())
        }
    };
    Reading {
        state,
        generations,
        journal: journal(&folder),
        lock: lock(&folder),
    }
}

fn observed(path: &AbsolutePath, number: Generation, text: &str) -> ObservedGeneration {
    let name = format!("{}-{number}-link", path.file_name());
    let link = Path::new(path.parent()).join(name);
    let content = if !link.exists() {
        GenerationContent::Gone
    } else if Program::of(&link).is_some() {
        GenerationContent::Activatable
    } else {
        GenerationContent::WithoutProgram
    };
    ObservedGeneration {
        number,
        path: text.parse().ok(),
        made: link
            .symlink_metadata()
            .ok()
            .and_then(|link| u64::try_from(link.mtime()).ok()),
        content,
    }
}

fn journal(folder: &Folder) -> Option<JournalText> {
    let path = folder.file(super::journal::NAME);
    let metadata = path.symlink_metadata().ok()?;
    Some(JournalText {
        text: text(&path).unwrap_or_default(),
        written: u64::try_from(metadata.mtime()).ok(),
    })
}

/// The lock is not tried: for as long as that takes whoever wants it would be refused.
fn lock(folder: &Folder) -> Option<LockText> {
    let metadata = folder.file("lock").metadata().ok()?;
    let (device, inode) = (metadata.dev(), metadata.ino());
    let place = format!(":{inode} ");
    let locks = system::locks().map(|locks| {
        let of_inode = locks.lines().filter(|line| line.contains(&place));
        of_inode.collect::<Vec<_>>().join("\n")
    });
    Some(LockText {
        file: format!("{device} {inode}"),
        locks,
        holder: text(&folder.file("holder.json")).unwrap_or_default(),
    })
}

fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(TEXT_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
