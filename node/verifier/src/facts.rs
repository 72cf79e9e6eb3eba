//! What proofs establish: plain data, equal if and only if the facts are the same. As JSON it has the page's names, and
//! every value in its text form.

use quorate_crypto::{Digest, Epoch, Height, Key, PublicKey, SeatNumber, ValidatorIndex};
use quorate_ledger::{
    BalanceChange, BalanceItem, HistoryOwner, IntentV1, LogEntryV1, LoggedTransaction, Place, Prefix,
    StateKey, StateValue, Text, TextItem, Timestamp,
};
use serde::{Serialize, Serializer};

use crate::plain::operation::Fields;
use crate::plain::{Plain, ToPlain, records, state};
use crate::proof::ProofKind;
use crate::verdict::HeadFacts;

/// What one proof establishes.
#[allow(clippy::large_enum_variant, reason = "there is one in a verdict")]
#[derive(Clone, Debug, PartialEq)]
pub enum Facts {
    /// Of a transaction.
    Transaction(TransactionFacts),
    /// Of the state, for each prefix that was asked for.
    State(Vec<PrefixFacts>),
    /// Of a range of an account's or asset's history.
    Statement(StatementFacts),
    /// The epochs that a proof of committees leads through.
    Committees(Vec<EpochFacts>),
    /// Of a block.
    Block(BlockFacts),
    /// That a transaction was not executed.
    NotExecuted(NotExecutedFacts),
    /// That there are two histories.
    TwoHistories(TwoHistoriesFacts),
    /// That there are two recoveries of one number.
    TwoRecoveries(TwoRecoveriesFacts),
}

/// Of a transaction: its entry in the log, and what is shown of it.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionFacts {
    /// The entry's place in the log, from 0.
    pub ordinal: u64,
    /// The entry.
    pub entry: LogEntryV1,
    /// What is shown; nothing can be of a recovery.
    pub shown: ShownFacts,
}

/// What is shown of a transaction. Everything is optional.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShownFacts {
    /// What was executed.
    pub intent: Option<IntentV1>,
    /// Whose signatures are shown; each is good.
    pub signed_by: Option<Vec<Key>>,
    /// Its texts.
    pub texts: TextFacts,
}

/// What is shown of a transaction's texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum TextFacts {
    /// Nothing.
    #[default]
    Nothing,
    /// An item for each place.
    All(Vec<TextItem>),
    /// One of several.
    Alone {
        /// The index of its place.
        index: u16,
        /// The text.
        text: Text,
    },
}

/// All that the state has under a prefix.
#[derive(Clone, Debug, PartialEq)]
pub struct PrefixFacts {
    /// The prefix.
    pub prefix: Prefix,
    /// The leaves, ascending by key; none if nothing is there.
    pub leaves: Vec<LeafFacts>,
}

/// A leaf of the state.
#[derive(Clone, Debug, PartialEq)]
pub struct LeafFacts {
    /// Its key.
    pub key: StateKey,
    /// Its value, which repeats the key's material.
    pub value: StateValue,
}

/// All that happened to an account or an asset in `[from, to)`.
#[derive(Clone, Debug, PartialEq)]
pub struct StatementFacts {
    /// Whose history it is.
    pub owner: HistoryOwner,
    /// The range's beginning.
    pub from: Timestamp,
    /// The range's end, which is not part of it.
    pub to: Timestamp,
    /// None: the range is complete. Else it is up to the head's time, that included.
    pub complete_up_to: Option<Timestamp>,
    /// The balances before the first entry, ascending by code; of an asset, its supply as free.
    pub opening: Vec<BalanceItem>,
    /// True if no step is before the range: the opening balances are genesis's.
    pub opening_is_of_genesis: bool,
    /// The balances after the last entry.
    pub closing: Vec<BalanceItem>,
    /// The range's transactions, none left out.
    pub entries: Vec<StatementEntry>,
    /// The numbers of the steps before the range that are opened.
    pub before: Vec<u64>,
    /// The number of the step behind the range, if it is opened.
    pub after: Vec<u64>,
    /// What else is shown of the state.
    pub beside: Vec<PrefixFacts>,
}

/// A transaction of a statement.
#[derive(Clone, Debug, PartialEq)]
pub struct StatementEntry {
    /// The step's number in the owner's history, from 1.
    pub number: u64,
    /// The transaction's place in the log, from 0.
    pub ordinal: u64,
    /// Its entry in the log.
    pub entry: LoggedTransaction,
    /// What it changed of the owner's balances.
    pub changes: Vec<BalanceChange>,
    /// What is shown of it.
    pub shown: ShownFacts,
    /// Its texts that are erased, if a leaf beside the statement says so.
    pub erased: Option<Vec<ErasedFacts>>,
}

/// A text that was erased.
#[derive(Clone, Debug, PartialEq)]
pub struct ErasedFacts {
    /// Its place in the transaction.
    pub place: Place,
    /// True if it was erased before the transaction was executed: nobody need have seen it.
    pub before_execution: bool,
}

/// An epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochFacts {
    /// Its number.
    pub epoch: Epoch,
    /// Its first height, if known.
    pub first: Option<Height>,
    /// Its last height, if known.
    pub last: Option<Height>,
    /// The digest of its committee.
    pub committee: Digest,
    /// The validators' keys, by index.
    pub validators: Vec<PublicKey>,
    /// The recovery that ended it, if one did.
    pub ended_by: Option<RecoveryFacts>,
}

/// A recovery that ended an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryFacts {
    /// Its number, from 1.
    pub number: u32,
    /// What it may have lost of what the epoch decided.
    pub may_have_lost: MayHaveLost,
}

/// What a recovery may have lost (section 15). It depends on how many validators stood down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MayHaveLost {
    /// Nothing that was decided, as long as no more than f validators lie.
    Nothing,
    /// Nothing, unless a validator that stood down lies.
    NothingUnlessALie,
    /// What was decided above the base, except what the stand-downs show.
    WhatIsNotShown,
}

/// All that a block executed.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockFacts {
    /// Its height.
    pub height: Height,
    /// The place in the log of its first entry.
    pub first_ordinal: u64,
    /// Its entries in order; something is shown of none or of each that is not a recovery.
    pub entries: Vec<BlockEntry>,
}

/// An entry of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockEntry {
    /// The entry.
    pub entry: LogEntryV1,
    /// What is shown of the transaction, if anything is shown in the block.
    pub shown: Option<ShownFacts>,
}

/// A transaction was not executed in the time in which it could have been.
#[derive(Clone, Debug, PartialEq)]
pub struct NotExecutedFacts {
    /// The transaction's id.
    pub id: Digest,
    /// When it expired.
    pub expires_at: Timestamp,
    /// From when on it could have been executed.
    pub from: Timestamp,
    /// Up to when it could have been executed.
    pub to: Timestamp,
    /// How many transactions its first party had in that time.
    pub entries: usize,
    /// What it asked for.
    pub intent: IntentV1,
}

/// Two blocks of which no chain has both.
#[derive(Clone, Debug, PartialEq)]
pub struct TwoHistoriesFacts {
    /// The first block's height.
    pub height: Height,
    /// The two blocks.
    pub histories: [HistoryFacts; 2],
    /// Who sealed both, if both are of one epoch.
    pub sealed_both: Option<Vec<ValidatorIndex>>,
}

/// One of two histories.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryFacts {
    /// The block.
    pub head: HeadFacts,
    /// Who sealed it.
    pub sealed_by: Vec<ValidatorIndex>,
    /// The recovery that gave it up, if one did.
    pub given_up: Option<GivenUpFacts>,
}

/// A block that was certified and given up.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenUpFacts {
    /// The recovery's number.
    pub number: u32,
    /// Validators whose stand-downs hid something, by index; nobody unless both blocks are of one height and of
    /// different proposals, and the other one is of a later epoch.
    pub accused_of_stand_down: Vec<ValidatorIndex>,
    /// Seats that were declared lost, the same.
    pub accused_of_loss: Vec<SeatNumber>,
}

/// Two valid recoveries of one number.
#[derive(Clone, Debug, PartialEq)]
pub struct TwoRecoveriesFacts {
    /// The number.
    pub number: u32,
    /// The hashes of the two documents.
    pub documents: [Digest; 2],
}

impl MayHaveLost {
    /// The words that a verdict has for it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing that was decided, as long as no more than f validators lie",
            Self::NothingUnlessALie => "nothing, unless a validator that stood down lies",
            Self::WhatIsNotShown => "what was decided above the base, except what the stand-downs show",
        }
    }
}

impl Facts {
    /// The kind of proof that establishes such facts.
    pub fn kind(&self) -> ProofKind {
        match self {
            Self::Transaction(_) => ProofKind::Transaction,
            Self::State(_) => ProofKind::State,
            Self::Statement(_) => ProofKind::Statement,
            Self::Committees(_) => ProofKind::Committees,
            Self::Block(_) => ProofKind::Block,
            Self::NotExecuted(_) => ProofKind::NotExecuted,
            Self::TwoHistories(_) => ProofKind::TwoHistories,
            Self::TwoRecoveries(_) => ProofKind::TwoRecoveries,
        }
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.plain().serialize(serializer)
    }
}

impl ToPlain for Facts {
    fn plain(&self) -> Plain {
        Plain::Struct(match self {
            Self::Transaction(facts) => facts.fields(),
            Self::State(facts) => vec![("state", facts.plain())],
            Self::Statement(facts) => facts.fields(),
            Self::Committees(facts) => vec![("epochs", facts.plain())],
            Self::Block(facts) => vec![
                ("height", facts.height.plain()),
                ("first_ordinal", facts.first_ordinal.plain()),
                ("entries", facts.entries.plain()),
            ],
            Self::NotExecuted(facts) => facts.fields(),
            Self::TwoHistories(facts) => facts.fields(),
            Self::TwoRecoveries(facts) => vec![
                ("number", facts.number.plain()),
                ("documents", facts.documents.as_slice().plain()),
            ],
        })
    }
}

impl TransactionFacts {
    fn fields(&self) -> Fields {
        let mut fields = vec![("ordinal", self.ordinal.plain())];
        fields.extend(records::entry_fields(&self.entry));
        if matches!(self.entry, LogEntryV1::Transaction(_)) {
            fields.push(("shown", self.shown.plain()));
        }
        fields
    }
}

impl ToPlain for ShownFacts {
    fn plain(&self) -> Plain {
        let mut fields = Fields::new();
        fields.extend(self.intent.as_ref().map(|intent| ("intent", intent.plain())));
        fields.extend(self.signed_by.as_ref().map(|keys| ("signed_by", keys.plain())));
        match &self.texts {
            TextFacts::Nothing => {}
            TextFacts::All(items) => fields.push(("texts", items.plain())),
            TextFacts::Alone { index, text } => {
                let alone = vec![
                    ("index", index.plain()),
                    ("salt", Plain::hex(&text.salt)),
                    ("text", Plain::hex(&text.text)),
                ];
                fields.push(("text", Plain::Struct(alone)));
            }
        }
        Plain::Struct(fields)
    }
}

impl ToPlain for PrefixFacts {
    fn plain(&self) -> Plain {
        Plain::Struct(vec![
            ("prefix", Plain::text(&self.prefix)),
            ("leaves", self.leaves.plain()),
        ])
    }
}

impl ToPlain for LeafFacts {
    fn plain(&self) -> Plain {
        let (kind, value) = state::named(&self.value);
        Plain::Struct(vec![
            ("key", Plain::hex(&self.key.0)),
            ("kind", Plain::text(kind)),
            ("value", value),
        ])
    }
}

impl StatementFacts {
    fn fields(&self) -> Fields {
        let owner = match &self.owner {
            HistoryOwner::Account(address) => address.plain(),
            HistoryOwner::Asset(code) => code.plain(),
        };
        let mut fields = vec![
            ("owner", owner),
            ("from", self.from.plain()),
            ("to", self.to.plain()),
            ("complete", self.complete_up_to.is_none().plain()),
            ("opening", self.opening.plain()),
            ("opening_is_of_genesis", self.opening_is_of_genesis.plain()),
            ("closing", self.closing.plain()),
            ("entries", self.entries.plain()),
            ("before", self.before.plain()),
            ("after", self.after.plain()),
            ("beside", self.beside.plain()),
        ];
        fields.extend(self.complete_up_to.map(|time| ("complete_up_to", time.plain())));
        fields
    }
}

impl ToPlain for StatementEntry {
    fn plain(&self) -> Plain {
        let mut fields = vec![("number", self.number.plain()), ("ordinal", self.ordinal.plain())];
        fields.extend(records::entry_fields(&LogEntryV1::Transaction(
            self.entry.clone(),
        )));
        fields.push(("changes", self.changes.plain()));
        fields.push(("shown", self.shown.plain()));
        if let Some(erased) = &self.erased {
            let places = |wanted: &dyn Fn(&ErasedFacts) -> bool| {
                let chosen = erased.iter().filter(|each| wanted(each));
                Plain::List(chosen.map(|each| each.place.plain()).collect())
            };
            fields.push(("erased", places(&|_| true)));
            fields.push(("erased_before_execution", places(&|each| each.before_execution)));
        }
        Plain::Struct(fields)
    }
}

impl ToPlain for EpochFacts {
    fn plain(&self) -> Plain {
        let mut fields = vec![
            ("epoch", self.epoch.plain()),
            ("first", self.first.plain()),
            ("last", self.last.plain()),
            ("committee", self.committee.plain()),
            ("validators", self.validators.plain()),
        ];
        if let Some(recovery) = &self.ended_by {
            fields.push(("ended_by_recovery", recovery.number.plain()));
            fields.push(("may_have_lost", Plain::text(recovery.may_have_lost.words())));
        }
        Plain::Struct(fields)
    }
}

impl ToPlain for BlockEntry {
    fn plain(&self) -> Plain {
        let mut fields = records::entry_fields(&self.entry);
        fields.extend(self.shown.as_ref().map(|shown| ("shown", shown.plain())));
        Plain::Struct(fields)
    }
}

impl NotExecutedFacts {
    fn fields(&self) -> Fields {
        let entries = u64::try_from(self.entries).unwrap_or(u64::MAX);
        vec![
            ("id", self.id.plain()),
            ("expires_at", self.expires_at.plain()),
            ("from", self.from.plain()),
            ("to", self.to.plain()),
            ("entries", entries.plain()),
            ("intent", self.intent.plain()),
        ]
    }
}

impl TwoHistoriesFacts {
    fn fields(&self) -> Fields {
        let mut fields = vec![
            ("height", self.height.plain()),
            ("histories", self.histories.as_slice().plain()),
        ];
        fields.extend(
            self.sealed_both
                .as_ref()
                .map(|both| ("sealed_both", both.plain())),
        );
        fields
    }
}

impl ToPlain for HistoryFacts {
    fn plain(&self) -> Plain {
        let mut fields = self.head.fields();
        fields.push(("sealed_by", self.sealed_by.plain()));
        if let Some(given_up) = &self.given_up {
            fields.push(("given_up_by", given_up.number.plain()));
            fields.push(("accused_of_stand_down", given_up.accused_of_stand_down.plain()));
            fields.push(("accused_of_loss", given_up.accused_of_loss.plain()));
        }
        Plain::Struct(fields)
    }
}
