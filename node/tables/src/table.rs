//! The tables and their columns (`docs/tables.md`, sections 2 and 3).

use std::fmt;

use serde::{Serialize, Serializer};

/// A table. The order is that of manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Blocks, by height.
    Blocks,
    /// Executed transactions, by ordinal.
    Transactions,
    /// Their operations.
    Operations,
    /// Movements of units that took effect.
    Transfers,
    /// Balances before and after each entry.
    Balances,
    /// What happened to holds.
    Holds,
    /// Documents that were recorded.
    Records,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its cells are.
    pub kind: Kind,
    /// Whether a cell may be NULL.
    pub nullable: bool,
    /// Whether values come again and again, so that files have a dictionary of them.
    pub repeats: bool,
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number of 63 bits.
    Number,
    /// Milliseconds since 1970, UTC.
    Time,
    /// An amount in an asset's smallest unit.
    Amount,
    /// UTF-8.
    Text,
    /// Any bytes.
    Bytes,
    /// True or false.
    Flag,
}

impl Column {
    const fn new(name: &'static str, kind: Kind) -> Self {
        let repeats = matches!(kind, Kind::Time | Kind::Text);
        Self {
            name,
            kind,
            nullable: false,
            repeats,
        }
    }

    const fn number(name: &'static str) -> Self {
        Self::new(name, Kind::Number)
    }

    const fn time(name: &'static str) -> Self {
        Self::new(name, Kind::Time)
    }

    const fn amount(name: &'static str) -> Self {
        Self::new(name, Kind::Amount)
    }

    const fn text(name: &'static str) -> Self {
        Self::new(name, Kind::Text)
    }

    /// Text that hardly comes twice.
    const fn distinct(name: &'static str) -> Self {
        Self {
            repeats: false,
            ..Self::text(name)
        }
    }

    const fn optional(self) -> Self {
        Self {
            nullable: true,
            ..self
        }
    }
}

const BLOCKS: &[Column] = &[
    Column::number("height"),
    Column::number("first_ordinal"),
    Column::time("time"),
    Column::number("transactions"),
    Column::distinct("hash"),
    Column::distinct("previous"),
    Column::distinct("chain_root"),
    Column::distinct("proposal"),
    Column::number("epoch"),
    Column::number("protocol"),
    Column::number("log_size"),
    Column::distinct("log_root"),
    Column::distinct("state_root"),
    Column::text("next_committee"),
];

const TRANSACTIONS: &[Column] = &[
    Column::number("ordinal"),
    Column::time("time"),
    Column::number("height"),
    Column::number("position"),
    Column::distinct("id"),
    Column::text("sender"),
    Column::text("parties"),
    Column::number("operations"),
    Column::time("expires_at"),
    Column::new("succeeded", Kind::Flag),
    Column::number("code").optional(),
    Column::text("error").optional(),
    Column::number("failed_operation").optional(),
    Column::text("results").optional(),
    Column::distinct("signed"),
    Column::number("texts"),
    Column::new("intent", Kind::Bytes),
];

const OPERATIONS: &[Column] = &[
    Column::number("ordinal"),
    Column::time("time"),
    Column::number("operation"),
    Column::new("succeeded", Kind::Flag),
    Column::text("kind"),
    Column::text("account"),
    Column::text("counterparty").optional(),
    Column::text("asset").optional(),
    Column::amount("amount").optional(),
    Column::amount("paid").optional(),
    Column::number("decimals").optional(),
    Column::distinct("document").optional(),
    Column::distinct("details").optional(),
];

const TRANSFERS: &[Column] = &[
    Column::number("ordinal"),
    Column::time("time"),
    Column::number("operation"),
    Column::text("kind"),
    Column::text("sender").optional(),
    Column::text("receiver").optional(),
    Column::text("asset"),
    Column::amount("amount"),
    Column::number("decimals"),
];

const BALANCES: &[Column] = &[
    Column::number("ordinal"),
    Column::time("time"),
    Column::text("account"),
    Column::number("entry"),
    Column::text("asset"),
    Column::amount("free_before"),
    Column::amount("free"),
    Column::amount("held_before"),
    Column::amount("held"),
    Column::number("decimals"),
];

const HOLDS: &[Column] = &[
    Column::number("ordinal"),
    Column::time("time"),
    Column::number("operation"),
    Column::text("event"),
    Column::text("owner"),
    Column::distinct("hold_transaction"),
    Column::number("hold_operation"),
    Column::text("beneficiary"),
    Column::text("asset"),
    Column::amount("amount"),
    Column::amount("rest"),
    Column::number("decimals"),
    Column::time("until"),
    Column::distinct("condition"),
];

const RECORDS: &[Column] = &[
    Column::number("ordinal"),
    Column::time("time"),
    Column::number("operation"),
    Column::text("account"),
    Column::distinct("document"),
    Column::text("keep"),
];

impl Table {
    /// How many there are.
    pub const COUNT: usize = 7;

    /// All of them, in order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Blocks,
        Self::Transactions,
        Self::Operations,
        Self::Transfers,
        Self::Balances,
        Self::Holds,
        Self::Records,
    ];

    /// The name of its folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::Transactions => "transactions",
            Self::Operations => "operations",
            Self::Transfers => "transfers",
            Self::Balances => "balances",
            Self::Holds => "holds",
            Self::Records => "records",
        }
    }

    /// The table of this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Its columns, in order.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Blocks => BLOCKS,
            Self::Transactions => TRANSACTIONS,
            Self::Operations => OPERATIONS,
            Self::Transfers => TRANSFERS,
            Self::Balances => BALANCES,
            Self::Holds => HOLDS,
            Self::Records => RECORDS,
        }
    }

    /// Whether its rows follow from those of blocks and transactions.
    pub(crate) const fn is_derived(self) -> bool {
        !matches!(self, Self::Blocks | Self::Transactions)
    }

    /// Its place among all.
    pub(crate) const fn place(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
