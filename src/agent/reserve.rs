//! Room that is set aside for a disk that fills up while something goes on.

use std::fs::{self, File};
use std::io::{self, Write};

use super::folder::Folder;

const NAME: &str = "reserve";
const SIZE: usize = 64 << 10;

/// Sets aside the room that [`with_room`] may need.
pub(super) fn set_aside(folder: &Folder) -> io::Result<()> {
    let path = folder.file(NAME);
    if path
        .metadata()
        .is_ok_and(|metadata| metadata.len() == SIZE as u64)
    {
        return Ok(());
    }
    // Random enough not to be compressed away by the file system.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    })
    .take(SIZE)
    .collect();
    let mut file = File::create(path)?;
    file.write_all(&bytes)?;
    file.sync_all()
}

/// Writes something, and again in the room that was set aside where the disk is full.
pub(super) fn with_room<T>(
    folder: &Folder,
    mut write: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    match write() {
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            fs::remove_file(folder.file(NAME)).map_err(|_| error)?;
            write()
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn a_full_disk_has_room_once() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::of(&format!("{}/p", root.path().display()).parse().unwrap());
        folder.ensure().unwrap();
        set_aside(&folder).unwrap();
        let is_there = || folder.file(NAME).exists();
        let write = || match is_there().then_some(ErrorKind::StorageFull) {
            Some(full) => Err(full.into()),
            None => Ok(()),
        };
        assert!(with_room(&folder, || Ok(())).is_ok() && is_there());
        with_room(&folder, write).unwrap();
        assert!(!is_there());
        let full = with_room::<()>(&folder, || Err(ErrorKind::StorageFull.into()));
        assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
