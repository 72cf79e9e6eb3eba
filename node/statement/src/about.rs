//! What a statement is about, as pairs of a name and a value. CSV and HTML have a row for each, camt.053 one line with
//! all of them. How far the statement is complete comes first.

use quorate_crypto::{Digest, Epoch, Height};
use quorate_ledger::{HistoryOwner, Timestamp};
use quorate_verifier::HeadFacts;

use crate::figures::{About, read, read_time};

/// A name and its value.
pub(crate) type Pair = (&'static str, String);

/// How many pairs there are.
pub(crate) const PAIRS: usize = 10;

/// The beginning and the end of the value that says up to when an incomplete statement is complete.
const UP_TO: (&str, &str) = ("up to ", ", that included");

const COMPLETE: &str = "yes";
const OF_GENESIS: &str = "genesis";
const OF_HISTORY: &str = "history";
const NO_FEES: &str = "none";

impl About {
    /// The pairs, in their order.
    pub(crate) fn pairs(&self) -> [Pair; PAIRS] {
        let (kind, owner) = self.owner_pair();
        let complete = match self.complete_up_to {
            None => COMPLETE.to_owned(),
            Some(time) => format!("{}{time}{}", UP_TO.0, UP_TO.1),
        };
        let opening = if self.opening_is_of_genesis {
            OF_GENESIS
        } else {
            OF_HISTORY
        };
        [
            ("complete", complete),
            (kind, owner),
            ("network", self.network.to_string()),
            ("from", self.from.to_string()),
            ("before", self.to.to_string()),
            ("as of", head_text(&self.head)),
            ("opening", opening.to_owned()),
            ("transactions", self.transactions.to_string()),
            ("failed", self.failed.to_string()),
            ("fees", NO_FEES.to_owned()),
        ]
    }

    /// The name of what it is about, and its text.
    pub(crate) fn owner_pair(&self) -> Pair {
        match &self.owner {
            HistoryOwner::Account(address) => ("account", address.to_string()),
            HistoryOwner::Asset(code) => ("asset", code.to_string()),
        }
    }

    /// What these pairs say. What is wrong is said in words.
    pub(crate) fn read(pairs: &[(String, String)]) -> Result<Self, String> {
        let [
            complete,
            owner,
            network,
            from,
            to,
            head,
            opening,
            transactions,
            failed,
            fees,
        ] = pairs
        else {
            return Err(format!(
                "{PAIRS} names with values were expected, {} are there",
                pairs.len()
            ));
        };
        if value(fees, "fees")? != NO_FEES {
            return Err("there are no fees on this ledger".to_owned());
        }
        let complete_up_to = match value(complete, "complete")? {
            COMPLETE => None,
            text => {
                let time = text
                    .strip_prefix(UP_TO.0)
                    .and_then(|text| text.strip_suffix(UP_TO.1));
                Some(read_time(time.unwrap_or(text))?)
            }
        };
        Ok(Self {
            owner: read_owner(owner)?,
            network: read(value(network, "network")?, "a network's id")?,
            from: read_time(value(from, "from")?)?,
            to: read_time(value(to, "before")?)?,
            complete_up_to,
            head: read_head(value(head, "as of")?)?,
            opening_is_of_genesis: match value(opening, "opening")? {
                OF_GENESIS => true,
                OF_HISTORY => false,
                other => return Err(format!("`{other}` is neither {OF_GENESIS} nor {OF_HISTORY}")),
            },
            transactions: read(value(transactions, "transactions")?, "a number")?,
            failed: read(value(failed, "failed")?, "a number")?,
        })
    }

    /// The last time that it covers, that included.
    pub(crate) fn covered_to(&self) -> Timestamp {
        let last = Timestamp(self.to.0.saturating_sub(1));
        self.complete_up_to.unwrap_or(last)
    }
}

/// The value of the pair, which must have this name.
fn value<'a>(pair: &'a (String, String), name: &str) -> Result<&'a str, String> {
    if pair.0 == name {
        Ok(&pair.1)
    } else {
        Err(format!("`{name}` was expected, `{}` is there", pair.0))
    }
}

fn read_owner((kind, text): &(String, String)) -> Result<HistoryOwner, String> {
    match kind.as_str() {
        "account" => read(text, "an address").map(HistoryOwner::Account),
        "asset" => read(text, "an asset code").map(HistoryOwner::Asset),
        other => Err(format!("`account` or `asset` was expected, `{other}` is there")),
    }
}

fn head_text(head: &HeadFacts) -> String {
    let HeadFacts {
        epoch,
        height,
        hash,
        timestamp,
    } = head;
    format!("block {height} of {timestamp}, epoch {epoch}, {hash}")
}

fn read_head(text: &str) -> Result<HeadFacts, String> {
    let parts = || {
        let (height, rest) = text.strip_prefix("block ")?.split_once(" of ")?;
        let (time, rest) = rest.split_once(", epoch ")?;
        let (epoch, hash) = rest.split_once(", ")?;
        Some((height, time, epoch, hash))
    };
    let (height, time, epoch, hash) = parts().ok_or_else(|| format!("`{text}` does not name a block"))?;
    Ok(HeadFacts {
        epoch: Epoch(read(epoch, "an epoch")?),
        height: Height(read(height, "a height")?),
        hash: read::<Digest>(hash, "a block's hash")?,
        timestamp: read_time(time)?,
    })
}

#[cfg(test)]
mod tests {
    use quorate_crypto::Address;

    use super::*;

    fn about() -> About {
        About {
            owner: HistoryOwner::Account(Address([7; 20])),
            network: Digest([8; 32]),
            from: Timestamp(0),
            to: Timestamp(u64::MAX),
            complete_up_to: Some(Timestamp(1_767_225_601_250)),
            head: HeadFacts {
                epoch: Epoch(u64::MAX),
                height: Height(u64::MAX),
                hash: Digest([9; 32]),
                timestamp: Timestamp(1_767_225_601_250),
            },
            opening_is_of_genesis: true,
            transactions: 1_000_000,
            failed: 1_000_000,
        }
    }

    fn owned(pairs: &[Pair]) -> Vec<(String, String)> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let asset = HistoryOwner::Asset("EUR".parse().expect("a code"));
        for about in [
            about(),
            About {
                complete_up_to: None,
                opening_is_of_genesis: false,
                owner: asset,
                ..about()
            },
        ] {
            assert_eq!(About::read(&owned(&about.pairs())), Ok(about));
        }
    }

    #[test]
    fn each_pair_has_its_place_and_its_form() {
        let pairs = owned(&about().pairs());
        for place in 0..PAIRS {
            let mut other = pairs.clone();
            other[place].1.push('x');
            assert!(About::read(&other).is_err(), "{other:?}");
            let mut other = pairs.clone();
            other[place].0.push('x');
            assert!(About::read(&other).is_err(), "{other:?}");
            let mut other = pairs.clone();
            other.remove(place);
            assert!(About::read(&other).is_err(), "{other:?}");
        }
    }
}
