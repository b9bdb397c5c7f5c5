//! Tests of the executables as they are.

mod agent_local;
