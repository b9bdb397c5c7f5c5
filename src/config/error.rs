//! What can be wrong with the flake's `deploy` attribute, each with what to do about it.

use miette::Diagnostic;

use super::origin::Origin;
use crate::model::InvalidText;

/// The fleet is not well formed, or what was asked for is not in it.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ConfigError {
    /// `deploy`, a node or a profile is no attribute set.
    #[error("`{place}` of {origin} is {found}, but must be an attribute set")]
    #[diagnostic(
        code(deploy::config::not_a_set),
        help("write `deploy.nodes.<node> = {{ hostname = …; profiles.<profile> = {{ … }}; }};`")
    )]
    NotASet {
        /// Where the fleet is described.
        origin: Origin,
        /// The attribute.
        place: String,
        /// What it is.
        found: String,
    },
    /// A node or profile that was asked for does not exist.
    #[error("{origin} has no {kind} `{name}`")]
    #[diagnostic(code(deploy::config::not_found), help("{help}"))]
    NotFound {
        /// Where the fleet is described.
        origin: Origin,
        /// Node or profile.
        kind: &'static str,
        /// The name.
        name: String,
        /// The nearest name, and all that exist.
        help: String,
    },
    /// An option that must be there is missing.
    #[error("`{place}` of {origin} has no `{option}`")]
    #[diagnostic(code(deploy::config::missing_option), help("{help}"))]
    MissingOption {
        /// Where the fleet is described.
        origin: Origin,
        /// The node or profile.
        place: String,
        /// The option.
        option: &'static str,
        /// What to write.
        help: String,
    },
    /// An option has a value of another type.
    #[error("`{place}` of {origin} is {found}, but must be {expected}")]
    #[diagnostic(code(deploy::config::wrong_type))]
    WrongType {
        /// Where the fleet is described.
        origin: Origin,
        /// The option.
        place: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// An option has a value that cannot be used.
    #[error("`{place}` of {origin} cannot be used")]
    #[diagnostic(code(deploy::config::bad_value))]
    BadValue {
        /// Where the fleet is described.
        origin: Origin,
        /// The option.
        place: String,
        /// What is wrong with it.
        source: InvalidText,
    },
    /// A list names a node or profile that does not exist.
    #[error("`{place}` of {origin} names `{name}`, which does not exist")]
    #[diagnostic(code(deploy::config::unknown_reference), help("{help}"))]
    UnknownReference {
        /// Where the fleet is described.
        origin: Origin,
        /// The option.
        place: String,
        /// The name.
        name: String,
        /// The nearest name.
        help: String,
    },
    /// Neither `user` nor `sshUser` is set.
    #[error("profile `{place}` of {origin} has neither `user` nor `sshUser`")]
    #[diagnostic(
        code(deploy::config::no_user),
        help(
            "set `user` to the one that the profile belongs to, such as \"root\" for a NixOS system"
        )
    )]
    NoUser {
        /// Where the fleet is described.
        origin: Origin,
        /// The profile.
        place: String,
    },
    /// An option that this version does not carry out.
    #[error("`{place}` of {origin} is set, but this version of deploy does not carry it out")]
    #[diagnostic(code(deploy::config::not_supported), help("{help}"))]
    NotSupported {
        /// Where the fleet is described.
        origin: Origin,
        /// The option.
        place: String,
        /// What can be done instead.
        help: &'static str,
    },
    /// The same node name in two flakes.
    #[error("node `{node}` is in more than one of the flakes {flakes}")]
    #[diagnostic(
        code(deploy::config::node_twice),
        help(
            "a plan names each node once: select it from one flake, or plan the flakes one by one"
        )
    )]
    NodeTwice {
        /// The node.
        node: String,
        /// The flakes.
        flakes: String,
    },
    /// Nodes depend on each other in a circle.
    #[error("nodes depend on each other in a circle: {members}")]
    #[diagnostic(
        code(deploy::config::cycle),
        help("remove one of these names from a `dependsOn`")
    )]
    Cycle {
        /// The members, in order.
        members: String,
    },
    /// Nothing is left to be planned.
    #[error("nothing is selected from {origin}")]
    #[diagnostic(code(deploy::config::nothing_selected), help("{help}"))]
    NothingSelected {
        /// Where the fleet is described.
        origin: Origin,
        /// What exists.
        help: String,
    },
    /// One host name was given for several nodes.
    #[error("--hostname is of one node, and these are {nodes}")]
    #[diagnostic(
        code(deploy::config::several_nodes),
        help("nothing was changed on any node; name one, such as '.#node'")
    )]
    SeveralNodes {
        /// The nodes.
        nodes: String,
    },
    /// The settings that Nix printed cannot be read.
    #[error("the evaluation of {origin} gave something unexpected at `{place}`")]
    #[diagnostic(
        code(deploy::config::unexpected),
        help("this is a bug of deploy, or of this version of Nix")
    )]
    Unexpected {
        /// Where the fleet is described.
        origin: Origin,
        /// Where in the JSON.
        place: String,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
}
