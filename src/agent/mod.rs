//! The program on the node: takes the lock, keeps the journal, activates, waits, goes back.
