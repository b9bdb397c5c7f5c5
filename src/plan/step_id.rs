//! Ids of steps: readable, unique within a plan, and sorted like the steps themselves.

use crate::model::{NodeName, ProfileName, StorePath, quoted, text_newtype};

text_newtype!(
    /// The id of a step, such as `activate:web1.system`.
    StepId,
    "step id",
    |text| if text.is_empty() || text.chars().any(char::is_control) {
        Err("is empty or has a control character")
    } else {
        Ok(())
    }
);

impl StepId {
    /// Returns the id of the step that builds `derivation`.
    pub fn build(derivation: &StorePath) -> Self {
        Self(format!("build:{}-{}", derivation.hash(), derivation.name()))
    }

    /// Returns the id of the step that builds `derivation` on `node`.
    pub fn build_on(node: &NodeName, derivation: &StorePath) -> Self {
        let here = Self::build(derivation);
        Self(format!("{here}@{}", quoted(node.as_str())))
    }

    /// Returns the id of the step that copies closures to `node`.
    pub fn copy(node: &NodeName) -> Self {
        Self(format!("copy:{}", quoted(node.as_str())))
    }

    /// Returns the id of the step between copying and activating.
    pub fn barrier() -> Self {
        Self("barrier".to_owned())
    }

    /// Returns the id of the step that activates `profile` on `node`.
    pub fn activate(node: &NodeName, profile: &ProfileName) -> Self {
        Self(format!(
            "activate:{}.{}",
            quoted(node.as_str()),
            quoted(profile.as_str())
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_dots_cannot_be_mistaken() {
        let id = |node: &str, profile: &str| {
            StepId::activate(&node.parse().unwrap(), &profile.parse().unwrap())
        };
        assert_ne!(id("a.b", "c"), id("a", "b.c"));
        assert_eq!(id("web1", "system").as_str(), "activate:web1.system");
        assert_eq!(id("a.b", "c").as_str(), "activate:\"a.b\".c");
    }

    #[test]
    fn a_build_on_a_node_is_another_one() {
        let derivation: StorePath = "/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a.drv"
            .parse()
            .unwrap();
        let on_node = StepId::build_on(&"web1".parse().unwrap(), &derivation);
        assert_eq!(
            on_node.as_str(),
            "build:00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a.drv@web1"
        );
        assert_ne!(on_node, StepId::build(&derivation));
    }
}
