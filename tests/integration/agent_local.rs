//! The real agent with the real `nix-env`, on throwaway profiles of this machine.
//!
//! What a profile is, and what is active, is read from the links and from what the activations
//! themselves wrote, never from the agent.

pub(crate) mod bed;
mod boot;
mod confirm;
mod crash;
mod deploy_rs;
mod detach;
mod disk;
mod follow;
mod forward;
mod next_boot;
mod nixos;
mod recover;
mod rollback;
mod systems;
