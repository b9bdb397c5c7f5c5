//! Valid JSON with a thing or two wrong in it, for the tests of whatever reads JSON.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Map, Value, json};

/// What is done to one value.
#[derive(Debug, Clone)]
enum Change {
    Replace(Value),
    /// By what stands elsewhere in the document.
    Copy(Index),
    Remove,
    /// Puts a key, or an element, beside what is there.
    Add(Value),
}

/// Returns the settings of a test that keeps the cases that it has failed with in `file`.
pub(crate) fn saved_cases(file: &'static str) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))),
        ..ProptestConfig::default()
    }
}

/// Returns texts that are `valid` JSON but for changes to its structure or to its letters.
pub(crate) fn mutated(valid: &str) -> impl Strategy<Value = String> + use<> {
    let valid: Value = serde_json::from_str(valid).unwrap();
    let change = (any::<Index>(), any_change());
    let structure = vec(change, 1..4).prop_map(move |changes| {
        let mut value = valid.clone();
        for (place, change) in changes {
            apply(&mut value, place, change);
        }
        serde_json::to_string_pretty(&value).unwrap()
    });
    let letters = (any::<Index>(), any::<Index>(), "(\\PC|\\p{Cc}){0,3}");
    (structure, proptest::option::weighted(0.2, letters)).prop_map(|(mut text, letters)| {
        if let Some((begin, end, piece)) = letters {
            let [begin, end] = [begin, end].map(|place| boundary(&text, place));
            text.replace_range(begin.min(end)..begin.max(end), &piece);
        }
        text
    })
}

/// Returns values that are not what a reader waits for.
pub(crate) fn odd_value() -> impl Strategy<Value = Value> {
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    select(vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("\u{1b}]52;c;eA==\u{7}\u{9b}31m\r\n\0"),
        json!("-oProxyCommand=x"),
        json!("../../../etc/passwd"),
        json!("/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-other"),
        json!("x".repeat(100_000)),
        json!([]),
        json!({}),
        deep,
    ])
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => odd_value().prop_map(Change::Replace),
        2 => any::<Index>().prop_map(Change::Copy),
        2 => Just(Change::Remove),
        1 => odd_value().prop_map(Change::Add),
    ]
}

fn apply(value: &mut Value, place: Index, change: Change) {
    let pointers = pointers(value);
    let pointer: String = place.get(&pointers).clone();
    match change {
        Change::Replace(new) => set(value, &pointer, new),
        Change::Copy(from) => {
            let from: &String = from.get(&pointers);
            let copy = value.pointer(from).cloned();
            set(value, &pointer, copy.unwrap_or_default());
        }
        Change::Remove => remove(value, &pointer),
        Change::Add(new) => match value.pointer_mut(&pointer) {
            Some(Value::Object(fields)) => drop(fields.insert("surplus".to_owned(), new)),
            Some(Value::Array(elements)) => elements.push(new),
            Some(other) => *other = new,
            None => {}
        },
    }
}

/// Returns where all values of a document stand, the document itself first.
fn pointers(value: &Value) -> Vec<String> {
    let mut found = vec![String::new()];
    let below = |name: &str, value: &Value| {
        let name = name.replace('~', "~0").replace('/', "~1");
        let inner = pointers(value);
        inner.into_iter().map(move |rest| format!("/{name}{rest}"))
    };
    match value {
        Value::Object(fields) => {
            found.extend(fields.iter().flat_map(|(name, value)| below(name, value)));
        }
        Value::Array(elements) => {
            let numbered = elements.iter().enumerate();
            found.extend(numbered.flat_map(|(index, value)| below(&index.to_string(), value)));
        }
        _ => {}
    }
    found
}

fn set(value: &mut Value, pointer: &str, new: Value) {
    if let Some(place) = value.pointer_mut(pointer) {
        *place = new;
    }
}

fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        *value = Value::Object(Map::new());
        return;
    };
    match value.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(elements)) => {
            let index = name.parse().unwrap_or(0);
            elements.remove(index);
        }
        _ => {}
    }
}

fn boundary(text: &str, place: Index) -> usize {
    let mut place = place.index(text.len() + 1);
    while !text.is_char_boundary(place) {
        place -= 1;
    }
    place
}
