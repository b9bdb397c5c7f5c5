//! What comes from a node, mutated: a valid line of the protocol with one thing wrong in it.

use deploy::protocol::{AgentMessage, ConfirmReply, Hold, parse_line};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const LINES: [&str; 5] = [
    r#"{"message":"hello","protocol":1,"log":"/p/.deploy/x/0.log"}"#,
    r#"{"message":"output","text":"starting units"}"#,
    r#"{"message":"result","result":{"result":"done","state":{"state":"present","generation":2,"path":"/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a","highest_generation":2}}}"#,
    r#"{"reply":"failed","reason":"no such run"}"#,
    r#"{"protocol":1,"missing":["/nix/store/00023hrmrnvmk0mj2hw7zrfhdnkzyaqy-a"]}"#,
];
const PIECES: [&str; 9] = [
    "\u{1b}]52;c;eA==\u{7}",
    "\u{9b}31m",
    "\r\n",
    "\0",
    "99999999999999999999999999",
    "-1e999",
    "null",
    "\"\\ud800\"",
    "\"state\":1,\"state\":2,",
];

/// Cuts the line, or puts a piece into it, or nests it deeply.
fn mutated() -> impl Strategy<Value = String> {
    let pieces: Vec<String> = PIECES
        .iter()
        .map(|piece| (*piece).to_owned())
        .chain(["[".repeat(100_000), "{\"a\":".repeat(5_000)])
        .collect();
    let place = (any::<Index>(), any::<Index>());
    (select(&LINES[..]), select(pieces), place, any::<bool>()).prop_map(
        |(line, piece, (begin, length), cut)| {
            let begin = begin.index(line.len());
            let end = begin + length.index(line.len() - begin);
            let rest = if cut { "" } else { &line[end..] };
            format!("{}{piece}{rest}", &line[..begin])
        },
    )
}

proptest! {
    #[test]
    fn lines_of_the_protocol_are_read_or_refused_in_printable_words(line in mutated()) {
        let refusals = [
            parse_line::<AgentMessage>(&line).err(),
            parse_line::<ConfirmReply>(&line).err(),
            parse_line::<Hold>(&line).err(),
        ];
        for refusal in refusals.into_iter().flatten() {
            let text = refusal.to_string();
            prop_assert!(!text.chars().any(char::is_control), "{text:?}");
            prop_assert!(text.len() < 4000, "{} bytes", text.len());
        }
    }
}
