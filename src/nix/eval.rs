//! Evaluating the selected part of a `deploy` attribute: one evaluator for all of its nodes, or
//! several that share them.

use futures_util::future::try_join_all;
use tokio::sync::{Semaphore, oneshot};

use super::NixError;
use super::bad_nodes::BadNodes;
use super::command::Nix;
use super::evaluator::Evaluator;
use super::share::{Evaluated, Share};
use crate::config::{Begun, Origin, Paths, RawSettings, Selection, deal};

/// Evaluates a selection. `on_settings` gets the settings while Nix still evaluates the paths; it
/// may never be called.
pub async fn evaluate(
    nix: &Nix,
    selection: &Selection,
    paths: Paths,
    mut on_settings: impl FnMut(RawSettings),
) -> Result<Evaluated, NixError> {
    let origin = &selection.origin;
    let evaluator = &Evaluator { nix, origin, paths };
    let permits = &Semaphore::new(nix.evaluators.at_once.get());
    let (dealer, dealt) = oneshot::channel();
    let first = async move {
        let permit = permits.acquire().await;
        let mut dealer = Some(dealer);
        let mut on_begun = |begun: &Begun| {
            let Some(dealer) = dealer.take() else { return };
            on_settings(begun.settings.clone());
            // The others wait for it.
            dealer.send(deal(begun)).ok();
        };
        let ended = evaluator.first(selection, &mut on_begun).await?;
        // It may have begun without a word.
        if let (None, Some(evaluation)) = (&ended.begun, &ended.evaluation) {
            on_begun(&evaluation.begun());
        }
        let share = Share::after(evaluator, selection, ended).await;
        drop(permit);
        share
    };
    let others = async {
        // There are none where the first did not begin, and it says why.
        let hands = dealt.await.unwrap_or_default();
        let shares = hands.iter().map(async |hand| {
            let _permit = permits.acquire().await;
            Share::evaluate(evaluator, selection, hand).await
        });
        try_join_all(shares).await
    };
    let (first, others) = tokio::try_join!(first, others)?;
    put_together(origin, first, others)
}

fn put_together(origin: &Origin, first: Share, others: Vec<Share>) -> Result<Evaluated, NixError> {
    let origin = origin.clone();
    let (mut bad, mut left) = (Vec::new(), Vec::new());
    let mut evaluated = |share| match share {
        Share::Evaluated(evaluated) => Some(evaluated),
        Share::Failed(nodes, rest) => {
            bad.extend(nodes);
            left.extend(rest);
            None
        }
    };
    let first = evaluated(first);
    let others: Vec<Evaluated> = others.into_iter().filter_map(evaluated).collect();
    let Some(mut whole) = first.filter(|_| bad.is_empty()) else {
        let bad = BadNodes::new(bad, left);
        return Err(NixError::Nodes { origin, bad });
    };
    for Evaluated { evaluation, said } in others {
        if !whole.evaluation.add(evaluation) {
            return Err(NixError::Changed { origin });
        }
        for line in said {
            if !whole.said.contains(&line) {
                whole.said.push(line);
            }
        }
    }
    Ok(whole)
}
