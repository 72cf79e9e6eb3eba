//! What several parties agree on, as people write it: a small document in TOML, or payments in the command line.

mod document;
mod governing;

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use quorate_client::wallet::{TransactionBuilder, Unsigned, parse_amount, random_salt};
use quorate_ledger::{Address, Amount, AssetCode, ConditionLeaf, Keep, Operation, Signers, Timestamp};
use quorate_tools::failure::{Exit, Failure};
use quorate_tools::file::read_text;
use quorate_tools::wallet::{Ledger, check_amount_form};
use quorate_verifier::ProvenDecimals;

use self::document::{Document, HoldText, TransferText, What};
use super::account::sorted_signers;
use super::erase::{Meant, erasing};
use super::executed::{hold_of, intent_of};
use super::hold::{condition, preimage, time};
use super::send::check_memo;

/// The most bytes of a document.
const MAX_BYTES: u64 = 1 << 20;

/// A payment in the command line: `[FROM:]TO:AMOUNT:ASSET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transfer {
    from: Option<Address>,
    to: Address,
    amount: String,
    asset: AssetCode,
}

impl FromStr for Transfer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = |text: &str| text.parse::<Address>().map_err(|error| error.to_string());
        let parts: Vec<&str> = text.split(':').collect();
        let (from, to, amount, asset) = match parts.as_slice() {
            [to, amount, asset] => (None, to, amount, asset),
            [from, to, amount, asset] => (Some(address(from)?), to, amount, asset),
            _ => return Err("expected TO:AMOUNT:ASSET or FROM:TO:AMOUNT:ASSET".to_owned()),
        };
        check_amount_form(amount)?;
        Ok(Self {
            from,
            to: address(to)?,
            amount: (*amount).to_owned(),
            asset: asset.parse().map_err(|error| format!("`{asset}`: {error}"))?,
        })
    }
}

/// A transaction before amounts have a meaning.
#[derive(Debug, Default)]
pub(super) struct Deal {
    memo: String,
    /// Seconds until it expires, if it says so.
    pub(super) expires_in: Option<u64>,
    accounts: BTreeMap<String, Address>,
    /// Besides those who act.
    parties: Vec<Address>,
    sender: Option<Address>,
    acts: Vec<(Address, What)>,
}

impl Deal {
    /// Reads a document.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = read_text(path, MAX_BYTES)?;
        Self::of(&text).map_err(|failure| failure.while_doing(path.display()))
    }

    fn of(text: &str) -> Result<Self, Failure> {
        let document: Document = toml::from_str(text).map_err(Failure::usage)?;
        check_memo(&document.memo)?;
        let mut deal = Self {
            memo: document.memo,
            expires_in: document.expires_in,
            accounts: document.accounts,
            ..Self::default()
        };
        for party in &document.parties {
            let party = deal.account(party)?;
            deal.parties.push(party);
        }
        for (place, act) in document.act.into_iter().enumerate() {
            let in_act = |failure: Failure| failure.while_doing(format!("act {}", place + 1));
            let (by, what) = act.what().map_err(in_act)?;
            let by = deal.account(&by).map_err(in_act)?;
            deal.acts.push((by, what));
        }
        Ok(deal)
    }

    /// Puts payments of the command line before what it has, and says whose transaction it is.
    pub(super) fn lead(
        &mut self,
        account: Option<Address>,
        parties: &[Address],
        payments: Vec<Transfer>,
        memo: &str,
    ) -> Result<(), Failure> {
        let mut acts = Vec::with_capacity(payments.len());
        for payment in payments {
            let from = payment.from.or(account).ok_or_else(|| {
                Failure::usage("who pays is not said: give --account ADDRESS, or write FROM:TO:AMOUNT:ASSET")
            })?;
            let text = TransferText {
                to: payment.to.to_string(),
                asset: payment.asset,
                amount: payment.amount,
                memo: String::new(),
            };
            acts.push((from, What::Transfer(text)));
        }
        acts.append(&mut self.acts);
        self.acts = acts;
        self.parties.extend(parties);
        if !memo.is_empty() {
            memo.clone_into(&mut self.memo);
        }
        let first = self.acts.first().map(|(by, _)| *by);
        if first.is_none() {
            return Err(Failure::usage("it has no operation"));
        }
        self.sender = account.or(first);
        Ok(())
    }

    /// All who must sign, the sender first.
    pub(super) fn parties(&self) -> Vec<Address> {
        let acting = self.acts.iter().map(|(by, _)| *by);
        let mut parties: Vec<Address> = Vec::new();
        for party in self
            .sender
            .into_iter()
            .chain(acting)
            .chain(self.parties.iter().copied())
        {
            if !parties.contains(&party) {
                parties.push(party);
            }
        }
        parties
    }

    /// An account by its name in the document, or its address.
    fn account(&self, text: &str) -> Result<Address, Failure> {
        let named = self.accounts.get(text).copied();
        named.map_or_else(
            || {
                text.parse().map_err(|error| {
                    Failure::usage(format!(
                        "`{text}` is neither a name in [accounts] nor an address: {error}"
                    ))
                })
            },
            Ok,
        )
    }

    /// The transaction, and the decimals by which its amounts were read.
    pub(super) async fn build(
        &self,
        ledger: &Ledger,
        expires_at: Timestamp,
    ) -> Result<(Unsigned, ProvenDecimals), Failure> {
        let salt = random_salt().map_err(Failure::failed)?;
        let sender = self.sender.ok_or_else(|| Failure::usage("it has no operation"))?;
        let mut builder = TransactionBuilder::new(ledger.network(), sender, expires_at, salt);
        for party in self.parties() {
            builder = builder.party(party);
        }
        let mut amounts = Amounts {
            ledger,
            own: self.own_decimals(),
            used: ProvenDecimals::new(),
        };
        for (place, (by, what)) in self.acts.iter().enumerate() {
            let in_act = |failure: Failure| failure.while_doing(format!("operation {place}"));
            builder = self.add(builder, *by, what, &mut amounts).await.map_err(in_act)?;
        }
        let unsigned = builder.memo(self.memo.clone()).build().map_err(Failure::failed)?;
        let checked = unsigned.intent.v1().fit_shown(&unsigned.texts);
        checked.map_err(|error| Failure::usage(format!("a text cannot stand on the ledger: {error}")))?;
        Ok((unsigned, amounts.used))
    }

    /// Decimals of assets that it makes itself.
    fn own_decimals(&self) -> BTreeMap<AssetCode, u8> {
        let made = self.acts.iter().filter_map(|(_, what)| match what {
            What::CreateAsset(create) => Some((create.code, create.decimals)),
            _ => None,
        });
        made.collect()
    }

    async fn add(
        &self,
        builder: TransactionBuilder,
        by: Address,
        what: &What,
        amounts: &mut Amounts<'_>,
    ) -> Result<TransactionBuilder, Failure> {
        let ledger = amounts.ledger;
        Ok(match what {
            What::Transfer(transfer) => {
                let amount = amounts.read(&transfer.amount, &transfer.asset).await?;
                let operation = Operation::Transfer {
                    to: self.account(&transfer.to)?,
                    asset: transfer.asset,
                    amount,
                };
                builder.act(by, operation).text(0, transfer.memo.clone())
            }
            What::Mint(mint) => {
                let amount = amounts.read(&mint.amount, &mint.asset).await?;
                let operation = Operation::Mint {
                    to: self.account(&mint.to)?,
                    asset: mint.asset,
                    amount,
                };
                builder.act(by, operation)
            }
            What::Burn(burn) => {
                let (asset, amount) = (burn.asset, amounts.read(&burn.amount, &burn.asset).await?);
                builder.act(by, Operation::Burn { asset, amount })
            }
            What::CreateAsset(create) => {
                let operation = Operation::CreateAsset {
                    code: create.code,
                    decimals: create.decimals,
                    flags: u8::from(create.admission) | u8::from(create.freezable) << 1,
                };
                builder.act(by, operation).text(0, create.description.clone())
            }
            What::Record(record) => {
                let metadata = hex::decode(&record.metadata)
                    .map_err(|error| Failure::usage(format!("metadata is bytes in hex: {error}")))?;
                let operation = Operation::PutRecord {
                    sha256: record.sha256,
                    keep: record.keep.map_or(Keep::Log, Keep::from),
                };
                builder
                    .act(by, operation)
                    .text(0, record.label.clone())
                    .text(1, metadata)
            }
            What::Hold(hold) => {
                let amount = amounts.read(&hold.amount, &hold.asset).await?;
                let operation = self.hold(by, hold, amount)?;
                builder.act(by, operation).text(0, hold.memo.clone())
            }
            What::Release(release) => {
                let hold = hold_of(ledger, &release.transaction, release.operation).await?;
                let amount = match &release.amount {
                    Some(amount) => Some(amounts.read(amount, &hold.asset).await?),
                    None => None,
                };
                let preimages = release.preimages.iter().map(|text| preimage(text));
                let mut preimages = preimages.collect::<Result<Vec<_>, _>>().map_err(Failure::usage)?;
                preimages.sort_unstable();
                preimages.dedup();
                let hold = hold.name;
                builder.act(
                    by,
                    Operation::Release {
                        hold,
                        amount,
                        preimages,
                    },
                )
            }
            What::Refund(refund) => {
                let hold = hold_of(ledger, &refund.transaction, refund.operation).await?.name;
                builder.act(by, Operation::Refund { hold })
            }
            What::Erase(erase) => {
                let intent = intent_of(ledger, &erase.transaction).await?;
                let meant = Meant {
                    memo: erase.memo,
                    operations: &erase.operations,
                    all: erase.all,
                };
                let places = meant.places(&erase.transaction, intent.v1())?;
                builder.act(by, erasing(&intent, places))
            }
            What::SetSigners(set) => {
                let signers = Signers {
                    threshold: set.threshold,
                    signers: sorted_signers(&set.signers, set.threshold)?,
                };
                builder.act(by, Operation::SetSigners { signers })
            }
            What::Governance(governing) => {
                let (operation, text) = governing.operation(self)?;
                builder.act(by, operation).text(0, text)
            }
        })
    }

    /// A hold of `owner`; without a condition its own signature is the condition.
    fn hold(&self, owner: Address, hold: &HoldText, amount: Amount) -> Result<Operation, Failure> {
        let mut leaves = Vec::new();
        for account in &hold.signs {
            leaves.push(ConditionLeaf::Signs(self.account(account)?));
        }
        for text in &hold.after {
            leaves.push(ConditionLeaf::From(time(text).map_err(Failure::usage)?));
        }
        leaves.extend(hold.preimages.iter().copied().map(ConditionLeaf::Preimage));
        for text in &hold.records {
            let wrong = || Failure::usage(format!("`{text}`: a record is written SHA256:ACCOUNT"));
            let (sha256, by) = text.split_once(':').ok_or_else(wrong)?;
            leaves.push(ConditionLeaf::Record {
                sha256: sha256.parse().map_err(|_| wrong())?,
                by: self.account(by)?,
            });
        }
        if leaves.is_empty() {
            leaves.push(ConditionLeaf::Signs(owner));
        }
        Ok(Operation::Hold {
            beneficiary: self.account(&hold.to)?,
            asset: hold.asset,
            amount,
            until: time(&hold.until).map_err(Failure::usage)?,
            condition: condition(hold.need, leaves)?,
        })
    }
}

/// Reads amounts by the decimals of their assets, and keeps these.
struct Amounts<'a> {
    ledger: &'a Ledger,
    /// Of assets that the transaction makes itself.
    own: BTreeMap<AssetCode, u8>,
    used: ProvenDecimals,
}

impl Amounts<'_> {
    async fn read(&mut self, text: &str, asset: &AssetCode) -> Result<Amount, Failure> {
        check_amount_form(text).map_err(Failure::usage)?;
        if let Some(decimals) = self.own.get(asset) {
            return parse_amount(text, *decimals).map_err(Failure::usage);
        }
        let amount = self.ledger.amount(text, asset).await?;
        if !self.used.contains_key(asset) {
            let known = self.ledger.decimals_to_sign(asset).await?;
            let known = known.ok_or_else(|| {
                Failure::new(
                    Exit::Refused,
                    format!("refused by the ledger (unknown_asset): there is no asset {asset}"),
                )
            })?;
            self.used.insert(*asset, known);
        }
        Ok(amount)
    }
}

#[cfg(test)]
mod tests {
    use quorate_ledger::Digest;

    use super::*;

    fn accounts() -> (Address, Address) {
        (Address([1; 20]), Address([2; 20]))
    }

    /// The example of `wallet build --help`.
    fn trade() -> String {
        let (bank, fund) = accounts();
        format!(
            "memo = \"trade 4711\"\nexpires_in = 600\n\n[accounts]\nbank = \"{bank}\"\nfund = \"{fund}\"\n\n\
             [[act]]\nby = \"bank\"\ntransfer = {{ to = \"fund\", asset = \"BOND\", amount = \"100\" }}\n\n\
             [[act]]\nby = \"fund\"\ntransfer = {{ to = \"bank\", asset = \"EUR\", amount = \"98500.00\", \
             memo = \"settlement\" }}\n"
        )
    }

    #[test]
    fn delivery_against_payment_is_written_with_names_and_decimals() {
        let (bank, fund) = accounts();
        let mut deal = Deal::of(&trade()).unwrap();
        deal.lead(None, &[], Vec::new(), "").unwrap();
        assert_eq!(deal.parties(), [bank, fund]);
        assert_eq!((deal.memo.as_str(), deal.expires_in), ("trade 4711", Some(600)));
        let What::Transfer(back) = &deal.acts[1].1 else {
            panic!("a transfer");
        };
        assert_eq!(
            (back.amount.as_str(), back.memo.as_str()),
            ("98500.00", "settlement")
        );
        assert_eq!(deal.account(&back.to).unwrap(), bank);
    }

    #[test]
    fn what_the_command_line_says_leads() {
        let (bank, fund) = accounts();
        let third = Address([3; 20]);
        let mut deal = Deal::of(&trade()).unwrap();
        let payment: Transfer = format!("{fund}:{bank}:1.5:EUR").parse().unwrap();
        deal.lead(Some(third), &[bank], vec![payment], "hello").unwrap();
        assert_eq!(deal.parties(), [third, fund, bank]);
        assert_eq!(
            (deal.acts.len(), deal.acts[0].0, deal.memo.as_str()),
            (3, fund, "hello")
        );
        let own: Transfer = format!("{bank}:1.5:EUR").parse().unwrap();
        assert!(Deal::default().lead(None, &[], vec![own.clone()], "").is_err());
        let mut alone = Deal::default();
        alone.lead(Some(third), &[], vec![own], "").unwrap();
        assert_eq!(alone.parties(), [third]);
        assert!(Deal::default().lead(Some(third), &[], Vec::new(), "").is_err());
    }

    #[test]
    fn a_document_that_could_mean_something_else_is_refused() {
        for (said, changed) in [
            ("by = \"bank\"", "by = \"banc\""),
            ("expires_in", "expires"),
            ("memo = \"settlement\"", "note = \"settlement\""),
            (
                "transfer = { to = \"fund\"",
                "burn = { asset = \"BOND\", amount = \"1\" }\ntransfer = { to = \"fund\"",
            ),
            (
                "transfer = { to = \"fund\", asset = \"BOND\", amount = \"100\" }",
                "",
            ),
            ("amount = \"98500.00\"", "amount = 98500"),
            ("trade 4711", "trade \\u202e4711"),
        ] {
            let text = trade();
            assert!(text.contains(said), "{said}");
            let failure = Deal::of(&text.replacen(said, changed, 1)).unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage, "{failure}");
        }
        for text in ["", "a:b", "x:1:EUR", "1:2:3:4:5"] {
            assert!(text.parse::<Transfer>().is_err(), "{text}");
        }
    }

    /// serde says what it expected by the name of a type.
    #[test]
    fn what_is_wrong_is_told_without_names_of_ours() {
        let operations = [
            "transfer",
            "mint",
            "burn",
            "create_asset",
            "record",
            "hold",
            "release",
            "refund",
            "erase",
            "set_signers",
            "grant",
            "freeze",
            "assign",
            "propose",
            "vote",
            "withdraw",
            "set_guardians",
            "request_signers",
            "decide_request",
            "report_dormant",
            "divide_quota",
        ];
        let acts = operations.map(|operation| format!("act = [{{ by = \"a\", {operation} = 5 }}]"));
        for text in acts.into_iter().chain(["act = [5]".to_owned()]) {
            let said = Deal::of(&text).unwrap_err().to_string();
            assert!(said.contains("expected a") && !said.contains("struct"), "{said}");
        }
    }

    #[test]
    fn every_operation_of_governance_can_be_written() {
        let (bank, fund) = accounts();
        let change = quorate_ledger::Change::RemoveSeat(quorate_crypto::SeatNumber(4));
        let bytes = hex::encode(quorate_ledger::encode(&change));
        let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let acts = [
            format!("grant = {{ account = \"{fund}\", right = \"mint\", asset = \"EUR\" }}"),
            format!("revoke = {{ account = \"{fund}\", right = \"operator\", member = 3 }}"),
            format!("freeze = {{ account = \"{fund}\", asset = \"EUR\", reason = \"order 17\" }}"),
            format!("unfreeze = {{ account = \"{fund}\" }}"),
            format!("assign = {{ account = \"{fund}\", member = 3 }}"),
            format!(
                "propose = {{ change = \"{bytes}\", until = \"2026-12-31T00:00:00Z\", explanation = \"e\" }}"
            ),
            "vote = { proposal = 3, ballot = \"yes\" }".to_owned(),
            "withdraw = { proposal = 3 }".to_owned(),
            format!("set_guardians = {{ guardians = [\"{fund}\"], threshold = 1, delay_ms = 86400000 }}"),
            format!("request_signers = {{ account = \"{fund}\", threshold = 1, signers = [\"{key}=1\"] }}"),
            format!("decide_request = {{ account = \"{fund}\", accept = true }}"),
            "report_dormant = { member = 3 }".to_owned(),
            "answer = { member = 3 }".to_owned(),
            format!("divide_quota = {{ account = \"{fund}\", bytes = 5, leaves = 6 }}"),
        ];
        let acts = acts
            .map(|act| format!("{{ by = \"{bank}\", {act} }}"))
            .join(",\n");
        let deal = Deal::of(&format!("act = [\n{acts}\n]\n")).unwrap();
        let mut names = Vec::new();
        for (_, what) in &deal.acts {
            let What::Governance(governing) = what else {
                panic!("an operation of governance");
            };
            let (operation, _) = governing.operation(&deal).unwrap();
            names.push(operation.name());
            let unsigned = TransactionBuilder::new(Digest::ZERO, bank, Timestamp(9), [1; 16])
                .act(bank, operation)
                .build_with(|_| [2; 16]);
            let form = unsigned.intent.v1().check_form(&Digest::ZERO);
            assert_eq!(form, Ok(()), "{names:?}");
        }
        assert_eq!(names.len(), 14);
        assert!(
            names.contains(&"request signers") && names.contains(&"divide quota"),
            "{names:?}"
        );
        let proposed = &deal.acts[5].1;
        let What::Governance(proposed) = proposed else {
            panic!("a proposal");
        };
        let (operation, text) = proposed.operation(&deal).unwrap();
        let Operation::Propose { change: found, .. } = operation else {
            panic!("a proposal");
        };
        assert_eq!((found, text), (change, "e"));
        // A right that does not exist for a member, and one for nothing.
        for wrong in ["right = \"mint\", member = 3", "right = \"mint\""] {
            let act = format!("act = [{{ by = \"{bank}\", grant = {{ account = \"{fund}\", {wrong} }} }}]");
            let deal = Deal::of(&act).unwrap();
            let What::Governance(governing) = &deal.acts[0].1 else {
                panic!("an operation of governance");
            };
            assert!(governing.operation(&deal).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_operation_of_the_help_can_be_written() {
        let (bank, fund) = accounts();
        let id = Digest::ZERO;
        let text = format!(
            "parties = [\"{fund}\"]\n\
             act = [\n\
             {{ by = \"{bank}\", mint = {{ to = \"{fund}\", asset = \"EUR\", amount = \"1\" }} }},\n\
             {{ by = \"{bank}\", burn = {{ asset = \"EUR\", amount = \"1\" }} }},\n\
             {{ by = \"{bank}\", create_asset = {{ code = \"GOLD\", decimals = 4, description = \"gold\" }} }},\n\
             {{ by = \"{bank}\", record = {{ sha256 = \"{id}\", keep = \"own\", label = \"l\", metadata = \"00\" }} }},\n\
             {{ by = \"{bank}\", hold = {{ to = \"{fund}\", asset = \"EUR\", amount = \"1\", \
             until = \"2026-12-31T00:00:00Z\", need = 1, signs = [\"{bank}\"], after = [\"2026-12-01T00:00:00Z\"], \
             preimages = [\"{id}\"], records = [\"{id}:{fund}\"], memo = \"m\" }} }},\n\
             {{ by = \"{bank}\", release = {{ transaction = \"{id}\", operation = 0, amount = \"1\", \
             preimages = [\"{id}\"] }} }},\n\
             {{ by = \"{bank}\", refund = {{ transaction = \"{id}\", operation = 0 }} }},\n\
             {{ by = \"{bank}\", erase = {{ transaction = \"{id}\", memo = true, operations = [1] }} }},\n\
             {{ by = \"{bank}\", set_signers = {{ threshold = 1, signers = [] }} }},\n\
             ]\n"
        );
        let deal = Deal::of(&text).unwrap();
        assert_eq!(deal.acts.len(), 9);
        let What::Hold(hold) = &deal.acts[4].1 else {
            panic!("a hold");
        };
        let Operation::Hold { condition, .. } = deal.hold(bank, hold, Amount(1)).unwrap() else {
            panic!("a hold");
        };
        assert_eq!((condition.need, condition.leaves.len()), (1, 4));
    }
}
