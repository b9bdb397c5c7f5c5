//! Reading the files of a profile in the operator's store, as `files.sh` does on a node.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::units::{children, mark};
use crate::model::StorePath;
use crate::plan::{
    FILE_ROOTS, FileMark, FileText, FileTree, STORE_FOLDER, TREE_FILE_MAX, text_of_bytes,
};

/// Files that are larger are known by their size.
const HASHED_MAX: u64 = 1 << 20;
/// How many links to folders may lead to a file.
const LINKS_MAX: usize = 4;

/// Returns the files of what lies at a path; nothing if it is not here.
pub fn file_tree(path: &StorePath) -> Option<FileTree> {
    let path = Path::new(path.as_str());
    if !path.exists() {
        return None;
    }
    let mut tree = FileTree::default();
    for root in FILE_ROOTS {
        let folder = path.join(root);
        if folder.exists() {
            list(&mut tree, root, &folder, &[]);
        }
    }
    Some(tree)
}

/// Returns the text of a file of what lies at a path.
pub fn file_text(path: &StorePath, place: &str) -> FileText {
    let gone = |_| "it was gone before it could be read".to_owned();
    let file = Path::new(path.as_str()).join(place);
    let file = file.canonicalize().map_err(gone)?;
    if !file.starts_with(STORE_FOLDER) || !file.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(TREE_FILE_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    text_of_bytes(bytes)
}

/// Adds what lies in a folder. `way` has the folders that links have led to.
fn list(tree: &mut FileTree, place: &str, folder: &Path, way: &[PathBuf]) {
    let folder = match folder.canonicalize() {
        Ok(folder) if folder.starts_with(STORE_FOLDER) => folder,
        _ => return tree.cannot_see(&format!("{place}: it leads out of the store, or nowhere")),
    };
    if way.contains(&folder) || way.len() >= LINKS_MAX {
        return tree.cannot_see(&format!("{place}: its links lead in a circle"));
    }
    let mut way = way.to_vec();
    way.push(folder.clone());
    list_below(tree, place, &folder, &way);
}

fn list_below(tree: &mut FileTree, place: &str, folder: &Path, way: &[PathBuf]) {
    for (name, path) in children(folder) {
        if name.contains(char::is_control) {
            tree.cannot_see(&format!("{place}: a name with control characters"));
            continue;
        }
        let place = format!("{place}/{name}");
        if let Ok(link) = fs::read_link(&path) {
            if link.starts_with(STORE_FOLDER) && path.is_dir() {
                list(tree, &place, &link, way);
            } else {
                tree.add(&place, FileMark::Link(link.to_string_lossy().into_owned()));
            }
        } else if path.is_dir() {
            list_below(tree, &place, &path, way);
        } else {
            tree.add(&place, FileMark::File(hash_or_size(&path)));
        }
    }
}

fn hash_or_size(path: &Path) -> String {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > HASHED_MAX => format!("size:{}", metadata.len()),
        _ => mark(path),
    }
}
