//! Which of two versions is the newer one.

use std::cmp::Ordering;

/// Compares versions as Nix does (`builtins.compareVersions`, "Versions" in `nix-env --upgrade`
/// of the Nix manual): part by part, where numbers count as numbers, a part that is missing is
/// older than a number, and `pre` is older than everything.
pub(super) fn compare_versions(one: &str, other: &str) -> Ordering {
    let (mut ones, mut others) = (Parts(one), Parts(other));
    loop {
        match (ones.next(), others.next()) {
            (None, None) => return Ordering::Equal,
            (one, other) => {
                let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
                if is_older(one, other) {
                    return Ordering::Less;
                }
                if is_older(other, one) {
                    return Ordering::Greater;
                }
            }
        }
    }
}

/// Compares the newest versions first, then the next ones.
pub(super) fn compare_newest(some: &[String], others: &[String]) -> Ordering {
    let newest_first = |versions: &[String]| {
        let mut versions = versions.to_vec();
        versions.sort_by(|one, other| compare_versions(other, one));
        versions
    };
    let (some, others) = (newest_first(some), newest_first(others));
    some.iter()
        .zip(&others)
        .map(|(one, other)| compare_versions(one, other))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// The runs of digits and of other characters between the dots and dashes of a version.
struct Parts<'a>(&'a str);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0.trim_start_matches(['.', '-']);
        let is_number = rest.starts_with(|first: char| first.is_ascii_digit());
        let end = rest
            .find(|letter: char| {
                matches!(letter, '.' | '-') || letter.is_ascii_digit() != is_number
            })
            .unwrap_or(rest.len());
        let (part, rest) = rest.split_at(end);
        self.0 = rest;
        (!part.is_empty()).then_some(part)
    }
}

fn is_older(one: &str, other: &str) -> bool {
    match (number(one), number(other)) {
        (Some(one), Some(other)) => (one.len(), one) < (other.len(), other),
        (None, Some(_)) if one.is_empty() => true,
        _ if one == "pre" => other != "pre",
        _ if other == "pre" => false,
        (_, Some(_)) => true,
        (Some(_), None) => false,
        (None, None) => one < other,
    }
}

/// Returns the digits of a number without leading zeros: it may be longer than any integer.
fn number(part: &str) -> Option<&str> {
    let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| part.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_the_nix_manual_has_it() {
        for (older, newer) in [
            ("1.0", "2.3"),
            ("2.1", "2.3"),
            ("2.3", "2.5"),
            ("2.3.1", "3.1"),
            ("2.3", "2.3.1"),
            ("2.3a", "2.3c"),
            ("2.3pre1", "2.3"),
            ("2.3pre3", "2.3pre12"),
            ("2.3a", "2.3.1"),
            ("2.3pre1", "2.3c"),
            ("2.3pre1", "2.3q"),
            ("9", "10"),
            ("", "0"),
            ("1.99999999999999999999998", "1.99999999999999999999999"),
            ("3.0.13", "3.0.14"),
            ("0-unstable-2024-01-01", "0-unstable-2024-02-01"),
        ] {
            assert_eq!(
                compare_versions(older, newer),
                Ordering::Less,
                "{older} {newer}"
            );
            assert_eq!(
                compare_versions(newer, older),
                Ordering::Greater,
                "{older} {newer}"
            );
        }
        for (one, same) in [("1.0", "1.0"), ("1.0", "1-0"), ("1.01", "1.1"), ("", "")] {
            assert_eq!(compare_versions(one, same), Ordering::Equal, "{one} {same}");
        }
    }

    #[test]
    fn the_newest_decide() {
        let order = |some: &[&str], others: &[&str]| {
            let own =
                |versions: &[&str]| versions.iter().map(ToString::to_string).collect::<Vec<_>>();
            compare_newest(&own(some), &own(others))
        };
        assert_eq!(order(&["1", "9"], &["2", "10"]), Ordering::Less);
        assert_eq!(order(&["1", "10"], &["2", "10"]), Ordering::Less);
        assert_eq!(order(&["3"], &["2", "1"]), Ordering::Greater);
        assert_eq!(order(&["2", "1"], &["1", "2"]), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn is_the_opposite_the_other_way_round(one in "[0-9a-c.-]{0,6}|pre[0-9]", other in "\\PC{0,8}") {
            prop_assert_eq!(compare_versions(&one, &other), compare_versions(&other, &one).reverse());
            prop_assert_eq!(compare_versions(&one, &one), Ordering::Equal);
        }
    }
}
