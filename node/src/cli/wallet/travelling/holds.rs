//! What releases and refunds are about. They name a hold and no asset, so what an amount of theirs means is looked up:
//! as a node proves it by the genesis document, or not at all.

use std::collections::BTreeMap;

use quorate_client::schema::HoldName;
use quorate_client::text::rfc3339_of;
use quorate_ledger::Operation;
use quorate_tools::failure::Failure;
use quorate_tools::output::say;
use quorate_tools::wallet::Ledger;
use quorate_verifier::Travelling;

use super::Papers;
use crate::cli::wallet::account::{Decimals, OpenHold, words_on_holds};

impl Papers {
    /// The holds that it releases or refunds.
    fn named_holds(&self) -> BTreeMap<(quorate_ledger::Digest, u16), HoldName> {
        let acts = self.intents().flat_map(|intent| &intent.operations);
        let holds = acts.filter_map(|act| match act.operation {
            Operation::Release { hold, .. } | Operation::Refund { hold } => Some(HoldName::from(hold)),
            _ => None,
        });
        holds
            .map(|hold| ((hold.transaction, hold.operation), hold))
            .collect()
    }

    /// Looks its holds up, with the decimals of their assets, and says as of which block that is proven.
    pub(in super::super) async fn look_up_holds(&mut self, ledger: &Ledger) -> Result<(), Failure> {
        for (key, name) in self.named_holds() {
            let Some(proven) = ledger.proven_account(&name.owner).await? else {
                continue;
            };
            let (height, time) = (proven.head.height, rfc3339_of(proven.head.timestamp));
            let found = proven.value.holds.iter().find(|hold| hold.name == name);
            let Some(hold) = found else {
                say(format!(
                    "warning: {} has no open hold {}:{}, proven as of block {height}, of {time}",
                    name.owner, name.transaction, name.operation
                ));
                continue;
            };
            say(format!(
                "note: hold {}:{} is proven as of block {height}, of {time}",
                name.transaction, name.operation
            ));
            if let Some(decimals) = ledger.decimals(&hold.asset).await? {
                self.meaning.decimals.entry(hold.asset).or_insert(decimals);
            }
            let open = OpenHold {
                asset: hold.asset,
                left: hold.amount,
                beneficiary: hold.beneficiary,
            };
            self.holds.insert(key, open);
        }
        Ok(())
    }

    /// Says of which holds it is not known what they hold.
    pub(in super::super) fn say_unknown_holds(&self) {
        for (key, name) in self.named_holds() {
            if !self.holds.contains_key(&key) {
                say(format!(
                    "note: of which asset hold {}:{} is, the transaction does not say: --genesis FILE with --node URL \
                     looks it up",
                    name.transaction, name.operation
                ));
            }
        }
    }

    /// What is said of holds, in words, by the index of the operation.
    pub(super) fn words_on_holds(&self, one: &Travelling) -> BTreeMap<usize, String> {
        let decimals = Decimals::known(self.decimals_of(one), BTreeMap::new()).with_holds(self.holds.clone());
        words_on_holds(&one.v1().intent, &decimals)
    }
}

#[cfg(test)]
mod tests {
    use quorate_client::wallet::TransactionBuilder;
    use quorate_crypto::sha256;
    use quorate_ledger::{Address, Amount, Condition, ConditionLeaf, Digest, HoldRef, Timestamp};
    use quorate_tools::wallet::Meaning;
    use quorate_verifier::ProvenDecimals;

    use super::*;

    const OWNER: Address = Address([1; 20]);
    const BENEFICIARY: Address = Address([2; 20]);
    const MADE: Digest = Digest([7; 32]);

    /// Makes a hold, releases a part of another one and all of it, and gives it back.
    fn papers() -> Papers {
        let hold = HoldRef {
            owner: OWNER,
            transaction: MADE,
            operation: 3,
        };
        let eur = "EUR".parse().unwrap();
        let release = |amount| Operation::Release {
            hold,
            amount,
            preimages: Vec::new(),
        };
        let made = Operation::Hold {
            beneficiary: BENEFICIARY,
            asset: eur,
            amount: Amount(1_250),
            until: Timestamp(9_000),
            condition: Condition::new(1, vec![ConditionLeaf::Signs(BENEFICIARY)]),
        };
        let operations = vec![
            made,
            release(Some(Amount(725))),
            release(None),
            Operation::Refund { hold },
        ];
        let unsigned = TransactionBuilder::new(sha256(b"network"), OWNER, Timestamp(9_000), [1; 16])
            .operations(operations)
            .build_with(|_| [1; 16]);
        let one = Travelling::new(unsigned.intent, unsigned.texts, &[(eur, 2)].into()).unwrap();
        Papers {
            all: vec![one],
            meaning: Meaning {
                decimals: ProvenDecimals::from([(eur, 2)]),
                ..Meaning::default()
            },
            holds: BTreeMap::new(),
        }
    }

    #[test]
    fn amounts_of_holds_have_their_assets_decimals_where_these_are_proven() {
        let mut papers = papers();
        let unknown = papers.lines(true).join("\n");
        for said in [
            format!("0 by {OWNER} hold 12.50 EUR for {BENEFICIARY} until 1970-01-01T00:00:09.000Z"),
            format!("released if {BENEFICIARY} signs"),
            format!(
                "1 by {OWNER} release 725, in smallest units of the hold's asset, of hold {MADE}:3 of {OWNER}"
            ),
            format!("2 by {OWNER} release all that is left of hold {MADE}:3 of {OWNER}"),
            format!("3 by {OWNER} refund hold {MADE}:3 of {OWNER}"),
        ] {
            assert!(unknown.contains(&said), "{said} is not in {unknown}");
        }
        let open = OpenHold {
            asset: "EUR".parse().unwrap(),
            left: Amount(900),
            beneficiary: BENEFICIARY,
        };
        papers.holds.insert((MADE, 3), open);
        let known = papers.lines(true).join("\n");
        let hold = format!("hold {MADE}:3 of {OWNER}, of which 9.00 EUR are left");
        for said in [
            format!("release 7.25 EUR of {hold}, to {BENEFICIARY}"),
            format!("release all that is left of {hold}, to {BENEFICIARY}"),
            format!("refund {hold}"),
        ] {
            assert!(known.contains(&said), "{said} is not in {known}");
        }
        assert!(!known.contains("smallest units"), "{known}");
    }
}
