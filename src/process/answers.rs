//! Answering a child that asks: when it asks, and never before.

use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// A child's standard input.
pub type Input<'a> = &'a mut (dyn AsyncWrite + Send + Unpin);

/// What becomes of one question: whether the child may be asked to go on reading.
pub type Answered<'a> = Pin<Box<dyn Future<Output = io::Result<bool>> + Send + 'a>>;

/// Whoever answers a child.
pub trait Answers: Send {
    /// Returns the text with which the child asks. It must be random: whatever else the child
    /// prints is then no question.
    fn prompt(&self) -> &str;

    /// Writes an answer, or returns false, after which the child has nothing more to read.
    fn answer<'a>(&'a mut self, input: Input<'a>) -> Answered<'a>;
}

/// Reads lines from `output`, and has each question in it answered on `input`.
pub async fn converse(
    output: Option<impl AsyncRead + Unpin>,
    input: Option<impl AsyncWrite + Send + Unpin>,
    answers: &mut dyn Answers,
    mut on_line: impl FnMut(&str),
) -> io::Result<()> {
    let Some(mut output) = output else {
        return Ok(());
    };
    let mut input = input;
    let mut pending = Vec::new();
    while output.read_buf(&mut pending).await? > 0 {
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            on_line(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        }
        let prompt = answers.prompt().as_bytes();
        if pending.ends_with(prompt) {
            pending.truncate(pending.len() - prompt.len());
            // A child that has ended meanwhile says so by its status.
            let goes_on = match &mut input {
                Some(input) => answers.answer(input).await.unwrap_or(false),
                None => false,
            };
            if !goes_on {
                input = None;
            }
        }
    }
    if !pending.is_empty() {
        on_line(&String::from_utf8_lossy(&pending));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Invocation, run_answering};
    use tokio::io::AsyncWriteExt;

    struct Twice(u32);

    impl Answers for Twice {
        fn prompt(&self) -> &'static str {
            "[7f3a] "
        }

        fn answer<'a>(&'a mut self, input: Input<'a>) -> Answered<'a> {
            Box::pin(async move {
                self.0 += 1;
                if self.0 > 2 {
                    return Ok(false);
                }
                input.write_all(format!("{}\n", self.0).as_bytes()).await?;
                input.flush().await.map(|()| true)
            })
        }
    }

    async fn said(script: &str) -> (String, String, u32) {
        let mut answers = Twice(0);
        let invocation = Invocation::new("/bin/sh").arg("-c").arg(script);
        let finished = run_answering(&invocation, &mut answers).await.unwrap();
        let stdout = String::from_utf8(finished.stdout).unwrap();
        (stdout, finished.stderr.text(), answers.0)
    }

    #[tokio::test]
    async fn a_question_is_answered_and_leaves_no_trace() {
        let script = "printf 'x\\n[7f3a] ' >&2; read a; printf '[7f3a] ' >&2; read b; echo $a$b";
        let expected = ("12\n".to_owned(), "x".to_owned(), 2);
        assert_eq!(said(script).await, expected);
    }

    #[tokio::test]
    async fn who_does_not_ask_is_told_nothing() {
        let script = "printf '[7f3a]' >&2; read -r a </dev/null; echo $a";
        let expected = ("\n".to_owned(), "[7f3a]".to_owned(), 0);
        assert_eq!(said(script).await, expected);
    }

    #[tokio::test]
    async fn at_the_end_of_the_answers_there_is_nothing_to_read() {
        let script = "for i in 1 2 3; do printf '[7f3a] ' >&2; read a || echo end; done";
        assert_eq!(said(script).await.0, "end\n");
    }
}
