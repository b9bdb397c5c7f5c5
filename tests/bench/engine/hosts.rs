//! Hosts that take a time of their own for each call, fail now and then, and lose connections.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deploy::host::{AgentCall, Host, HostError, LineSink, RemoteCommand};
use deploy::model::{Connection, Generation, ProfileState};
use deploy::nix::CopyRequest;
use deploy::protocol::{
    ActivationResult, AgentCommand, AgentMessage, ConfirmReply, FailureReason, Hold,
    PROTOCOL_VERSION, Phase, to_line,
};
use deploy::ssh::SshError;

static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Returns how many calls were made.
pub(crate) fn calls() -> usize {
    CALLS.load(Ordering::Relaxed)
}

#[derive(Debug)]
pub(crate) struct SimulatedHosts;

/// What seems random of a call, and is the same in each run.
fn dice(connection: &Connection, call: &str) -> u64 {
    let bytes = connection.hostname.as_str().bytes().chain(call.bytes());
    // FNV-1a.
    let mixed = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mixed ^ (mixed >> 29)
}

async fn take_time(connection: &Connection, call: &str) {
    CALLS.fetch_add(1, Ordering::Relaxed);
    let milliseconds = 50 + dice(connection, call) % 5000;
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

fn held() -> Hold {
    Hold {
        protocol: PROTOCOL_VERSION,
        missing: Vec::new(),
    }
}

fn result(failed: bool) -> AgentMessage {
    let state = ProfileState::Present {
        generation: Some(Generation(2)),
        path: None,
        highest_generation: Some(Generation(2)),
    };
    let result = if failed {
        ActivationResult::RolledBack {
            reason: FailureReason::Exited { status: 1 },
            state,
        }
    } else {
        ActivationResult::Done { state }
    };
    AgentMessage::Result { result }
}

impl SimulatedHosts {
    /// Makes the calls that a node with these profiles needs, with nothing around them.
    pub(crate) async fn calls_alone(connection: Connection, profiles: &[&str]) {
        let on_line = &mut |_: &str| {};
        take_time(&connection, "copy").await;
        take_time(&connection, "hold").await;
        on_line(&to_line(&held()));
        for profile in profiles {
            drop(Self::activate(&connection, profile, on_line).await);
            take_time(&connection, "confirm").await;
            on_line(&to_line(&ConfirmReply::Confirmed));
        }
        take_time(&connection, "other").await;
    }

    async fn activate(
        connection: &Connection,
        profile: &str,
        on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        let chance = dice(connection, profile) % 100;
        let hello = AgentMessage::Hello {
            protocol: PROTOCOL_VERSION,
            log: String::new(),
        };
        on_line(&to_line(&hello));
        for phase in [Phase::Setting, Phase::Activating] {
            on_line(&to_line(&AgentMessage::Phase { phase }));
        }
        take_time(connection, profile).await;
        if chance == 0 {
            return Err(SshError::lost("the connection was lost").into());
        }
        if chance > 5 {
            on_line(&to_line(&AgentMessage::Waiting { seconds: 60 }));
            tokio::time::sleep(Duration::from_secs(6)).await;
        }
        on_line(&to_line(&result(chance <= 5)));
        Ok(())
    }
}

impl Host for SimulatedHosts {
    async fn copy(
        &self,
        connection: &Connection,
        _request: &CopyRequest,
        _on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        take_time(connection, "copy").await;
        match dice(connection, "fails") % 100 {
            0 => Err(SshError::lost("the connection was lost").into()),
            _ => Ok(()),
        }
    }

    async fn call(&self, call: &AgentCall, on_line: LineSink<'_>) -> Result<(), HostError> {
        match &call.command {
            AgentCommand::Hold { .. } => {
                take_time(&call.connection, "hold").await;
                on_line(&to_line(&held()));
                Ok(())
            }
            AgentCommand::Start(request) => {
                Self::activate(&call.connection, request.profile_path.file_name(), on_line).await
            }
            AgentCommand::Attach { .. } => {
                take_time(&call.connection, "attach").await;
                on_line(&to_line(&result(false)));
                Ok(())
            }
            _ => {
                take_time(&call.connection, "other").await;
                Ok(())
            }
        }
    }

    async fn unlock(
        &self,
        _call: &AgentCall,
        _moved: Option<&Connection>,
    ) -> Result<(), HostError> {
        Ok(())
    }

    async fn call_afresh(&self, call: &AgentCall, on_line: LineSink<'_>) -> Result<(), HostError> {
        take_time(&call.connection, "confirm").await;
        on_line(&to_line(&ConfirmReply::Confirmed));
        Ok(())
    }

    async fn run_command(
        &self,
        command: &RemoteCommand,
        _on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        take_time(&command.connection, command.title).await;
        Ok(())
    }

    async fn run_command_afresh(
        &self,
        command: &RemoteCommand,
        _on_line: LineSink<'_>,
    ) -> Result<(), HostError> {
        take_time(&command.connection, command.title).await;
        Ok(())
    }
}
