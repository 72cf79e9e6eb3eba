//! What the state has, in words, and what it means where it has nothing.

use quorate_client::schema::ConditionView;
use quorate_ledger::{
    Account, Address, Amount, AssetCode, ErasureV1, Hold, Place, Prefix, RecordV1, StateValue, format_amount,
};
use quorate_tools::output::{Output, printable};
use quorate_verifier::{LeafFacts, PrefixFacts};

use crate::cli::wallet::account::Decimals;

/// The first bytes of keys (section 12).
const ACCOUNT: u8 = 0x01;
const HOLD: u8 = 0x02;
const ASSET: u8 = 0x03;
const OWN_RECORD: u8 = 0x04;
const UNIQUE_RECORD: u8 = 0x05;
const ERASURE: u8 = 0x0e;

/// Bits of a kind and an address, and those of a whole key.
const OWNER_BITS: u16 = 168;
const KEY_BITS: u16 = 256;

/// The digits of codes in keys, from 1 on; 0 is nothing.
const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// What was asked about.
enum Asked {
    /// An account with its balances.
    Account(Address),
    /// The holds that an account owns.
    Holds(Address),
    Asset(String),
    OwnRecord,
    Claim,
    Erasures,
    /// A part of the state that has no words here.
    Other,
}

impl Asked {
    fn of(prefix: &Prefix) -> Self {
        let key = &prefix.key;
        let owner = || {
            let mut address = [0; 20];
            address.copy_from_slice(&key[1..21]);
            Address(address)
        };
        match (key[0], prefix.bits) {
            (ACCOUNT, OWNER_BITS) => Self::Account(owner()),
            (HOLD, OWNER_BITS) => Self::Holds(owner()),
            (ASSET, KEY_BITS) => Self::Asset(code_of(key)),
            (OWN_RECORD, KEY_BITS) => Self::OwnRecord,
            (UNIQUE_RECORD, KEY_BITS) => Self::Claim,
            (ERASURE, KEY_BITS) => Self::Erasures,
            _ => Self::Other,
        }
    }
}

/// The code of an asset by its key, which has it as a number of 12 digits in base 37.
fn code_of(key: &[u8; 32]) -> String {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&key[1..9]);
    let mut number = u64::from_be_bytes(bytes);
    let mut letters = Vec::new();
    while number > 0 {
        let digit = usize::try_from(number % 37).unwrap_or_default();
        letters.extend(digit.checked_sub(1).and_then(|place| DIGITS.get(place)).copied());
        number /= 37;
    }
    letters.reverse();
    String::from_utf8_lossy(&letters).into_owned()
}

/// What a proof of the state is about.
pub(super) fn title(facts: &[PrefixFacts]) -> String {
    let mut titles: Vec<String> = Vec::new();
    for prefix in facts {
        let title = match Asked::of(&prefix.prefix) {
            Asked::Account(address) => format!("account {address}"),
            Asked::Holds(address) => format!("the holds that {address} owns"),
            Asked::Asset(code) => format!("asset {code}"),
            Asked::OwnRecord => "an account's own record of a document".to_owned(),
            Asked::Claim => "who claims a document".to_owned(),
            Asked::Erasures => "the erasures of a transaction's texts".to_owned(),
            Asked::Other => format!("the state under {}", prefix.prefix),
        };
        titles.push(title);
    }
    titles.join(", and ")
}

/// All that is there, prefix by prefix. `plain`: the verdict's own lines on each, for what has no words here.
pub(super) fn shown(
    facts: &[PrefixFacts],
    plain: &[&[String]],
    decimals: &Decimals,
    output: &Output,
) -> String {
    let mut text = String::new();
    for (number, prefix) in facts.iter().enumerate() {
        let plain = plain.get(number).copied().unwrap_or_default();
        text.push('\n');
        text.push_str(&of_prefix(prefix, plain, decimals, output));
    }
    text
}

fn of_prefix(facts: &PrefixFacts, plain: &[String], decimals: &Decimals, output: &Output) -> String {
    let asked = Asked::of(&facts.prefix);
    if facts.leaves.is_empty() {
        return match asked {
            Asked::Account(address) => {
                format!("{address}: no such account. It has nothing: nothing is there.\n")
            }
            Asked::Holds(address) => format!("{address} owns no open holds: nothing is there.\n"),
            Asked::Asset(code) => format!("There is no asset {code}: nothing is there.\n"),
            Asked::OwnRecord => {
                "The account has no record of its own of the document: nothing is there. Whether it recorded the \
                 document in the log alone, that does not say.\n"
                    .to_owned()
            }
            Asked::Claim => "Nobody claims the document: nothing is there. Whether somebody recorded it, that does \
                             not say.\n"
                .to_owned(),
            Asked::Erasures => "No text of the transaction was erased: nothing is there.\n".to_owned(),
            Asked::Other => lines(plain),
        };
    }
    match asked {
        Asked::Account(address) => account(&address, &facts.leaves, decimals, output),
        Asked::Holds(address) => holds(&address, &facts.leaves, decimals, output),
        _ => {
            let leaves = facts.leaves.iter().enumerate();
            // The line of the prefix is the first.
            let of_leaf = leaves.map(|(number, leaf)| one(leaf, plain.get(number + 1), decimals, output));
            of_leaf.collect()
        }
    }
}

fn lines(plain: &[String]) -> String {
    plain
        .iter()
        .map(|line| format!("{}\n", printable(line)))
        .collect()
}

/// A leaf that stands alone.
fn one(leaf: &LeafFacts, plain: Option<&String>, decimals: &Decimals, output: &Output) -> String {
    match &leaf.value {
        StateValue::Asset(asset) => {
            let asset = asset.v1();
            let supply = format_amount(asset.supply, asset.decimals);
            output.fields(&[
                ("asset", asset.code.to_string()),
                ("decimals", asset.decimals.to_string()),
                ("supply", format!("{supply} {}", asset.code)),
                ("issuer", asset.issuer.to_string()),
                ("transactions", asset.entries.to_string()),
                ("history", asset.last.to_string()),
            ])
        }
        StateValue::OwnRecord(record) => fields_of(record.v1(), "has recorded it as its own", output),
        StateValue::UniqueRecord(record) => fields_of(record.v1(), "claims it, and nobody else does", output),
        StateValue::Erasure(erasure) => erasures(erasure.v1()),
        StateValue::Hold(hold) => table_of_holds(std::iter::once(hold), decimals, output),
        _ => lines(plain.map(std::slice::from_ref).unwrap_or_default()),
    }
}

fn fields_of(record: &RecordV1, does: &str, output: &Output) -> String {
    output.fields(&[
        ("document", record.sha256.to_string()),
        ("account", format!("{} {does}", record.address)),
        ("since", record.timestamp.to_string()),
        ("transaction", record.id.to_string()),
        ("ordinal", format!("{} of the log", record.ordinal)),
    ])
}

fn erasures(erasure: &ErasureV1) -> String {
    let of_each = erasure.erased.iter().map(|erased| {
        let what = match erased.place {
            Place::Memo => "the memo".to_owned(),
            Place::Operation { index, field: 0 } => format!("the text of operation {index}"),
            Place::Operation { index, .. } => format!("the metadata of operation {index}"),
        };
        let (by, time, ordinal) = (erased.by, erased.timestamp, erased.ordinal);
        format!(
            "{what} of {} was erased by {by} on {time}, by the transaction at ordinal {ordinal} of the log\n",
            erasure.id
        )
    });
    of_each.collect()
}

/// An account's leaf, and its balances wherever they lie.
fn account(address: &Address, leaves: &[LeafFacts], decimals: &Decimals, output: &Output) -> String {
    let (mut text, mut rows) = (String::new(), Vec::new());
    let mut add = |asset: AssetCode, free: Amount, held: Amount, incoming: u32| {
        let amount = |amount: Amount| match decimals.plain(amount, &asset) {
            Some(amount) => amount,
            None => format!("{amount} smallest units"),
        };
        rows.push(vec![
            asset.to_string(),
            amount(free),
            amount(held),
            incoming.to_string(),
        ]);
    };
    for leaf in leaves {
        match &leaf.value {
            StateValue::Account(account) => {
                text.push_str(&output.fields(&about(account)));
                for balance in &account.v1().balances {
                    add(balance.asset, balance.free, balance.held, balance.incoming);
                }
            }
            StateValue::Balance(balance) => {
                let balance = balance.v1();
                add(balance.asset, balance.free, balance.held, balance.incoming);
            }
            _ => {}
        }
    }
    match rows.is_empty() {
        true => text.push_str(&format!("{address} has no balances.\n")),
        false => {
            text.push('\n');
            text.push_str(&output.table(&["ASSET", ">FREE", ">HELD", ">HOLDS FOR IT"], rows));
        }
    }
    text
}

fn about(account: &Account) -> Vec<(&'static str, String)> {
    let account = account.v1();
    let signers = match &account.signers {
        None => "the key that the address was made from".to_owned(),
        Some(signers) => {
            let each = signers.signers.iter();
            let each: Vec<String> = each
                .map(|signer| format!("{} weight {}", signer.key, signer.weight))
                .collect();
            format!("{}\nthreshold {}", each.join("\n"), signers.threshold)
        }
    };
    let mut fields = vec![("account", account.address.to_string()), ("signers", signers)];
    fields.extend(account.member.map(|member| ("of member", member.0.to_string())));
    if account.frozen {
        fields.push(("frozen", "yes".to_owned()));
    }
    fields.push(("open holds", account.holds.to_string()));
    fields.push(("transactions", account.entries.to_string()));
    fields.push(("history", account.last.to_string()));
    fields
}

fn holds(owner: &Address, leaves: &[LeafFacts], decimals: &Decimals, output: &Output) -> String {
    let holds = leaves.iter().filter_map(|leaf| match &leaf.value {
        StateValue::Hold(hold) => Some(hold),
        _ => None,
    });
    let table = table_of_holds(holds, decimals, output);
    format!("Open holds that {owner} owns, all of them:\n{table}")
}

fn table_of_holds<'a>(holds: impl Iterator<Item = &'a Hold>, decimals: &Decimals, output: &Output) -> String {
    let rows = holds.map(|hold| {
        let hold = hold.v1();
        vec![
            format!("{}/{}", hold.transaction, hold.operation),
            decimals.show(hold.amount, &hold.asset),
            hold.beneficiary.to_string(),
            hold.until.to_string(),
            decimals.condition(&ConditionView::from(&hold.condition)),
        ]
    });
    output.table(
        &["HOLD", ">AMOUNT", "FOR", "UNTIL", "RELEASED IF"],
        rows.collect(),
    )
}

#[cfg(test)]
mod tests {
    use quorate_ledger::StateKey;

    use super::*;

    #[test]
    fn a_key_of_an_asset_says_which_it_is() {
        for code in ["A", "0", "QRT", "ABCDEFGHIJKL", "ZZZZZZZZZZZZ", "1A2"] {
            let key = StateKey::asset(&code.parse().unwrap());
            assert_eq!(code_of(&key.0), code);
        }
    }
}
